/* Full to band. For each panel of `band` columns: its part below the band becomes R by reflections
 * I - V T V^T, which are applied to the rest of the matrix A from both sides,
 *
 *     A := A - V W^T - W V^T,   Y = V T,  X = A Y,  W = X - V (Y^T X) / 2
 *
 * (LAPACK's dsytrd_sy2sb has the same blocks). Two products with a matrix of `band` columns for
 * each tile: all of the 4/3 n^3 operations but a few per cent.
 *
 * A tile comes from memory once a panel: the update is left standing until the next panel's
 * reflections are known (its own columns alone are brought up to date for that), and is then
 * applied together with the product A Y. */
#include "compute/cpu/spectra/stages.h"

struct reduction {
    struct reflections p;
    double *x;            /* [padded n, band], as V and Y are; then W */
    double *minus, *plus; /* [-V -W] and [W V] of the last panel, packed */
    int64_t pending;      /* rows from here on lack that pair; -1: none do */
};

int CPU(band_width)(int64_t n)
{
    return n <= 1024 ? 16 : n <= 2048 ? 32 : 48;
}

size_t CPU(band_workspace)(int64_t n, int band)
{
    return CPU(reflections_workspace)(n, band) + 5 * (size_t)(tile_count(n) * TILE * band);
}

static struct reduction reduction_in(double *workspace, int64_t n, int band)
{
    struct reduction r = {.p = CPU(reflections_in)(workspace, n, band), .pending = -1};
    r.x = workspace + CPU(reflections_workspace)(n, band);
    r.minus = r.x + r.p.padded * band;
    r.plus = r.minus + 2 * r.p.padded * band;
    return r;
}

/* --- the panel in and out of its tiles --- */

static double *panel_cell(double *tiles, int64_t row, int64_t column)
{
    return tile_cell(tile_at(tiles, row / TILE, column / TILE), row % TILE, column % TILE);
}

/* The panel below its diagonal block, up to date, in v. */
static void take_panel(struct reduction *r, double *tiles, int64_t column)
{
    struct reflections *p = &r->p;
    int band = p->band;
    memset(p->v, 0, (size_t)(p->padded * band) * sizeof *p->v);
    for (int64_t i = p->begin; i < p->n; i++)
        for (int c = 0; c < band; c += PANEL)
            memcpy(p->v + i * band + c, panel_cell(tiles, i, column + c), PANEL * sizeof *p->v);
    if (r->pending >= 0)
        add_packed(p->v, r->minus, r->plus + column * 2 * band, p->begin, p->padded, band);
}

/* R, where the panel began. */
static void put_triangle(const struct reflections *p, double *tiles, int64_t column)
{
    for (int64_t i = 0; i < p->band && p->begin + i < p->n; i++)
        for (int c = 0; c < p->band; c += PANEL)
            memcpy(panel_cell(tiles, p->begin + i, column + c), p->r + i * p->band + c,
                   PANEL * sizeof *p->r);
}

/* --- its application to the rest --- */

/* Tile i, j of the rows and columns from `pending` on, brought up to date. */
static void update(const struct reduction *r, double *tiles, int64_t i, int64_t j)
{
    int64_t step = TILE * 2 * r->p.band;
    tile_add_product(tile_at(tiles, i, j), first_in(i, r->pending), first_in(j, r->pending),
                     r->minus + i * step, r->plus + j * step, 2 * r->p.band);
}

/* What tile i, j of the rows and columns from `begin` on, and its mirror image, add to X = A Y. */
static void multiply(const struct reduction *r, double *tiles, int64_t i, int64_t j)
{
    const struct reflections *p = &r->p;
    const double *tile = tile_at(tiles, i, j);
    int64_t step = TILE * p->band, top = first_in(i, p->begin), left = first_in(j, p->begin);
    tile_times(r->x + i * step, tile, top, left, p->y + j * step, p->band);
    if (j < i)
        transposed_tile_times(r->x + j * step, tile, top, left, p->y + i * step, p->band);
}

static void update_and_multiply(struct reduction *r, double *tiles)
{
    const struct reflections *p = &r->p;
    int64_t from = (r->pending >= 0 ? r->pending : p->begin) / TILE;
    memset(r->x, 0, (size_t)(p->padded * p->band) * sizeof *r->x);
    for (int64_t i = from; i < tile_count(p->n); i++)
        for (int64_t j = from; j <= i; j++) {
            if (r->pending >= 0)
                update(r, tiles, i, j);
            if (j >= p->begin / TILE)
                multiply(r, tiles, i, j);
        }
}

/* What the last pair leaves to do. */
static void finish(const struct reduction *r, double *tiles)
{
    for (int64_t i = r->pending / TILE; r->pending >= 0 && i < tile_count(r->p.n); i++)
        for (int64_t j = r->pending / TILE; j <= i; j++)
            update(r, tiles, i, j);
}

/* W in X's place, and the pair that is pending from now on. */
static void make_pair(struct reduction *r)
{
    struct reflections *p = &r->p;
    int band = p->band;
    int64_t rows = p->padded - p->begin, from = p->begin * band;
    memset(p->s, 0, (size_t)(band * band) * sizeof *p->s);
    product_of_columns(p->s, band, p->y + from, band, r->x + from, band, band, rows);
    for (int i = 0; i < band * band; i++)
        p->s[i] *= -0.5;
    product_of_rows(r->x + from, band, p->v + from, band, p->s, rows, band);
    CPU(pack_pair)(r->minus, -1, p->v, r->x, p);
    CPU(pack_pair)(r->plus, 1, r->x, p->v, p);
    r->pending = p->begin;
}

void CPU(to_band)(double *tiles, double *workspace, int64_t n, int band)
{
    struct reduction r = reduction_in(workspace, n, band);
    for (int64_t column = 0; column + band < n; column += band) {
        r.p.begin = column + band;
        take_panel(&r, tiles, column);
        CPU(reflect)(&r.p);
        update_and_multiply(&r, tiles);
        put_triangle(&r.p, tiles, column);
        make_pair(&r);
    }
    finish(&r, tiles);
}

void CPU(band_of_tiles)(double *a, double *tiles, int64_t n, int band)
{
    CPU(chase_clear)(a, n, band);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n && i <= j + band; i++)
            CPU(chase_put)(a, i, j, *panel_cell(tiles, i, j), band);
}
