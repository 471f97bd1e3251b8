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
 * applied together with the product A Y.
 *
 * A team works at that by square blocks of tiles. Each block adds to two strips of X, its rows'
 * and, as the mirror image, its columns'; it does so in memory of its own, and a strip of X is the
 * sum of its blocks' in their order. Where there is but one block, X itself is that memory.
 */
#include "compute/cpu/spectra/stages.h"

struct reduction {
    struct reflections p;
    double *tiles;
    double *x;            /* [padded n, band], as V and Y are; then W */
    double *minus, *plus; /* [-V -W] and [W V] of the last panel, packed */
    double *parts;        /* [blocks, 2, a strip's rows, band]: what each block adds to X */
    int64_t column;       /* the panel's first */
    int64_t pending;      /* rows from here on lack that pair; -1: none do */
};

int CPU(band_width)(int64_t n)
{
    return n <= 1024 ? 16 : n <= 2048 ? 32 : 48;
}

static int64_t strips_of(int64_t n)
{
    return (tile_count(n) + CPU(strip_tiles)(n) - 1) / CPU(strip_tiles)(n);
}

static int64_t part_size(int64_t n, int band)
{
    return CPU(strip_tiles)(n) * TILE * band;
}

size_t CPU(band_workspace)(int64_t n, int band)
{
    int64_t blocks = strips_of(n) > 1 ? block_count(strips_of(n)) : 0;
    return CPU(reflections_workspace)(n, band) +
           (size_t)(5 * tile_count(n) * TILE * band + 2 * blocks * part_size(n, band));
}

static struct reduction reduction_in(struct team *team, double *tiles, double *workspace, int64_t n,
                                     int band)
{
    struct reduction r = {.p = CPU(reflections_in)(team, workspace, n, band), .tiles = tiles};
    r.x = workspace + CPU(reflections_workspace)(n, band);
    r.minus = r.x + r.p.padded * band;
    r.plus = r.minus + 2 * r.p.padded * band;
    r.parts = r.plus + 2 * r.p.padded * band;
    r.pending = -1;
    return r;
}

/* --- the panel in and out of its tiles --- */

static double *panel_cell(double *tiles, int64_t row, int64_t column)
{
    return tile_cell(tile_at(tiles, row / TILE, column / TILE), row % TILE, column % TILE);
}

/* A strip of the panel below its diagonal block, up to date, in v. */
static void take_strip(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->p;
    const struct strip strip = strip_at(p, index);
    int band = p->band;
    memset(p->v + strip.from * band, 0, (size_t)((strip.to - strip.from) * band) * sizeof *p->v);
    for (int64_t i = strip.from; i < strip.to && i < p->n; i++)
        for (int c = 0; c < band; c += PANEL)
            memcpy(p->v + i * band + c, panel_cell(r->tiles, i, r->column + c),
                   PANEL * sizeof *p->v);
    if (r->pending >= 0)
        add_packed(p->v, r->minus, r->plus + r->column * 2 * band, strip.from, strip.to, band);
}

/* R, where the panel began. */
static void put_triangle(const struct reduction *r)
{
    const struct reflections *p = &r->p;
    for (int64_t i = 0; i < p->band && p->begin + i < p->n; i++)
        for (int c = 0; c < p->band; c += PANEL)
            memcpy(panel_cell(r->tiles, p->begin + i, r->column + c), p->r + i * p->band + c,
                   PANEL * sizeof *p->r);
}

/* --- its application to the rest --- */

/* Tile i, j of the rows and columns from `pending` on, brought up to date. */
static void update(const struct reduction *r, int64_t i, int64_t j)
{
    int64_t step = TILE * 2 * r->p.band;
    tile_add_product(tile_at(r->tiles, i, j), first_in(i, r->pending), first_in(j, r->pending),
                     r->minus + i * step, r->plus + j * step, 2 * r->p.band);
}

/* What tile i, j of the rows and columns from `begin` on adds to X = A Y, and its mirror image:
 * to its rows' and its columns' tile. */
static void multiply(const struct reduction *r, double *to_rows, double *to_columns, int64_t i,
                     int64_t j)
{
    const struct reflections *p = &r->p;
    const double *tile = tile_at(r->tiles, i, j);
    int64_t step = TILE * p->band, top = first_in(i, p->begin), left = first_in(j, p->begin);
    tile_times(to_rows, tile, top, left, p->y + j * step, p->band);
    if (j < i)
        transposed_tile_times(to_columns, tile, top, left, p->y + i * step, p->band);
}

/* The tiles that lack something, or from which X is made. */
static int64_t first_tile(const struct reduction *r)
{
    return (r->pending >= 0 ? r->pending : r->p.begin) / TILE;
}

static int64_t blocks_high(const struct reduction *r)
{
    return strips_of(r->p.n) - first_tile(r) / r->p.strip;
}

/* Where a block adds to X: its rows' strip and its columns'; one on the diagonal has but one. */
static double *part_of(const struct reduction *r, int64_t row, int64_t column, bool is_columns)
{
    int64_t index = block_count(row) + column;
    return r->parts + (2 * index + is_columns) * part_size(r->p.n, r->p.band);
}

static void update_block(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->p;
    const struct block at = block_at(index);
    int64_t from = first_tile(r), high = blocks_high(r), size = part_size(p->n, p->band);
    int64_t top = (from / p->strip + at.row) * p->strip, step = TILE * p->band;
    int64_t left = (from / p->strip + at.column) * p->strip;
    double *rows = high == 1 ? r->x + top * step : part_of(r, at.row, at.column, false);
    double *columns = at.row == at.column ? rows : part_of(r, at.row, at.column, true);
    int64_t end = top + p->strip < tile_count(p->n) ? top + p->strip : tile_count(p->n);
    memset(rows, 0, (size_t)(high == 1 ? (end - top) * step : size) * sizeof *rows);
    if (columns != rows)
        memset(columns, 0, (size_t)size * sizeof *columns);
    for (int64_t i = top > from ? top : from; i < end; i++)
        for (int64_t j = left > from ? left : from; j < left + p->strip && j <= i; j++) {
            if (r->pending >= 0)
                update(r, i, j);
            if (j >= p->begin / TILE)
                multiply(r, rows + (i - top) * step, columns + (j - left) * step, i, j);
        }
}

static void add_part(double *out, const double *part, int64_t count)
{
    for (int64_t i = 0; i < count; i += WIDTH)
        store(out + i, load(out + i) + load(part + i));
}

/* A strip of X out of its blocks'. */
static void sum_blocks(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->p;
    const struct strip strip = strip_at(p, index);
    int64_t own = strip.from / (p->strip * TILE) - first_tile(r) / p->strip;
    int64_t at = strip.from % (p->strip * TILE) * p->band;
    int64_t count = (strip.to - strip.from) * p->band;
    double *x = r->x + strip.from * p->band;
    memcpy(x, part_of(r, own, 0, false) + at, (size_t)count * sizeof *x);
    for (int64_t column = 1; column <= own; column++)
        add_part(x, part_of(r, own, column, false) + at, count);
    for (int64_t row = own + 1; row < blocks_high(r); row++)
        add_part(x, part_of(r, row, own, true) + at, count);
}

static void update_and_multiply(struct reduction *r)
{
    int64_t high = blocks_high(r);
    team_each(r->p.team, update_block, r, block_count(high));
    if (high > 1)
        team_each(r->p.team, sum_blocks, r, strip_count(&r->p));
}

/* What the last pair leaves to do. */
static void finish(const struct reduction *r)
{
    for (int64_t i = r->pending / TILE; r->pending >= 0 && i < tile_count(r->p.n); i++)
        for (int64_t j = r->pending / TILE; j <= i; j++)
            update(r, i, j);
}

static void make_strip(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->p;
    const struct strip strip = strip_at(p, index);
    int band = p->band;
    product_of_rows(r->x + strip.from * band, band, p->v + strip.from * band, band, p->s,
                    strip.to - strip.from, band);
    CPU(pack_pair)(r->minus, -1, p->v, r->x, strip, band);
    CPU(pack_pair)(r->plus, 1, r->x, p->v, strip, band);
}

/* W in X's place, and the pair that is pending from now on. */
static void make_pair(struct reduction *r)
{
    struct reflections *p = &r->p;
    CPU(multiply_columns)(p, p->y, r->x);
    for (int i = 0; i < p->band * p->band; i++)
        p->s[i] *= -0.5;
    team_each(p->team, make_strip, r, strip_count(p));
    r->pending = p->begin;
}

void CPU(to_band)(struct team *team, double *tiles, double *workspace, int64_t n, int band)
{
    struct reduction r = reduction_in(team, tiles, workspace, n, band);
    for (r.column = 0; r.column + band < n; r.column += band) {
        r.p.begin = r.column + band;
        team_each(team, take_strip, &r, strip_count(&r.p));
        CPU(reflect)(&r.p);
        update_and_multiply(&r);
        put_triangle(&r);
        make_pair(&r);
    }
    finish(&r);
}

void CPU(band_of_tiles)(double *a, double *tiles, int64_t n, int band)
{
    CPU(chase_clear)(a, n, band);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n && i <= j + band; i++)
            CPU(chase_put)(a, i, j, *panel_cell(tiles, i, j), band);
}
