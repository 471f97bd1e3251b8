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
#include "compute/cpu/symmetric.h"

#include <math.h>

/* Row-major [padded n, band] but for the packed pair; t, s and r are [band, band]. */
struct panel {
    double *v, *y, *x;
    double *minus, *plus; /* [-V -W] and [W V], turned: panels of [2 band, PANEL] */
    double *t, *s, *r, *tau, *scale, *dots;
    int64_t n, padded, begin, first_tile; /* rows from `begin` on; tiles from first_tile on */
    int64_t pending;                      /* rows from here on lack the last pair; -1: none do */
    int band;
};

int CPU(band_width)(int64_t n)
{
    return n <= 1024 ? 16 : n <= 2048 ? 32 : 48;
}

size_t CPU(band_workspace)(int64_t n, int band)
{
    int64_t padded = tile_count(n) * TILE;
    return (size_t)(7 * padded * band + 3 * band * band + 3 * BAND_MAX);
}

static struct panel panel_in(double *workspace, int64_t n, int band)
{
    int64_t padded = tile_count(n) * TILE, tall = padded * band, square = band * band;
    struct panel p = {.v = workspace, .n = n, .padded = padded, .pending = -1, .band = band};
    p.y = p.v + tall;
    p.x = p.y + tall;
    p.minus = p.x + tall;
    p.plus = p.minus + 2 * tall;
    p.t = p.plus + 2 * tall;
    p.s = p.t + square;
    p.r = p.s + square;
    p.tau = p.r + square;
    p.scale = p.tau + BAND_MAX;
    p.dots = p.scale + BAND_MAX;
    return p;
}

/* --- the panel's reflections --- */

/* One column of v[m, band]: row j holds R's row j from now on, the column below it x, to be scaled
 * to v (v_j = 1) when all is done. dots[c] comes in as the sum over rows i > j of v[i][j] v[i][c],
 * and leaves as that of the next column: one pass over the rows does both. */
INLINE void reflect_column(struct panel *p, double *v, int64_t m, const int band, int j)
{
    double alpha = v[j * band + j], tail = p->dots[j], head[BAND_MAX];
    double beta = tail > 0 ? -copysign(sqrt(alpha * alpha + tail), alpha) : alpha;
    double scale = tail > 0 ? 1 / (alpha - beta) : 0, tau = tail > 0 ? (beta - alpha) / beta : 0;
    vector first[BAND_MAX / WIDTH], sums[BAND_MAX / WIDTH];
    int next = j + 1 < band ? j + 1 : j;
    p->tau[j] = tau;
    p->scale[j] = scale;
    for (int c = 0; c < band; c++)
        head[c] = c > j ? (v[j * band + c] + scale * p->dots[c]) * tau : 0;
    for (int c = j + 1; c < band; c++)
        v[j * band + c] -= head[c];
    v[j * band + j] = beta;
    for (int c = 0; c < band / WIDTH; c++) {
        first[c] = load(head + c * WIDTH);
        sums[c] = splat(0);
    }
    for (int64_t i = j + 1; i < m; i++) {
        double *row = v + i * band;
        vector own = splat(row[j] * scale), values[BAND_MAX / WIDTH];
        UNROLL
        for (int c = 0; c < band / WIDTH; c++) {
            values[c] = load(row + c * WIDTH) - own * first[c];
            store(row + c * WIDTH, values[c]);
        }
        vector of_next = splat(i > j + 1 ? row[next] : 0);
        UNROLL
        for (int c = 0; c < band / WIDTH; c++)
            sums[c] += of_next * values[c];
    }
    for (int c = 0; c < band / WIDTH; c++)
        store(p->dots + c * WIDTH, sums[c]);
}

/* R out of the head of v, and V's unit lower trapezoid in its place. */
INLINE void split_panel(struct panel *p, double *v, int64_t m, const int band)
{
    for (int j = 0; j < band && j < m; j++)
        for (int c = 0; c < band; c++) {
            p->r[j * band + c] = c >= j ? v[j * band + c] : 0;
            v[j * band + c] = c < j ? v[j * band + c] * p->scale[c] : c == j;
        }
    for (int64_t i = band; i < m; i++)
        UNROLL
    for (int c = 0; c < band; c += WIDTH)
        store(v + i * band + c, load(v + i * band + c) * load(p->scale + c));
}

INLINE void reflect_panel(struct panel *p, const int band)
{
    double *v = p->v + p->begin * band;
    int64_t m = p->n - p->begin;
    memset(p->dots, 0, BAND_MAX * sizeof *p->dots);
    memset(p->tau, 0, BAND_MAX * sizeof *p->tau);
    memset(p->scale, 0, BAND_MAX * sizeof *p->scale);
    memset(p->r, 0, (size_t)(band * band) * sizeof *p->r);
    for (int64_t i = 1; i < m; i++)
        UNROLL
    for (int c = 0; c < band; c += WIDTH)
        store(p->dots + c, load(p->dots + c) + splat(v[i * band]) * load(v + i * band + c));
    for (int j = 0; j < band && j < m; j++)
        reflect_column(p, v, m, band, j);
    split_panel(p, v, m, band);
}

/* The width as a constant, so that a row of the panel lives in registers. */
static void reflect(struct panel *p)
{
    switch (p->band) {
    case 16:
        reflect_panel(p, 16);
        break;
    case 32:
        reflect_panel(p, 32);
        break;
    case 48:
        reflect_panel(p, 48);
        break;
    default:
        reflect_panel(p, 64);
    }
}

/* --- the panel in and out of its tiles --- */

static double *panel_cell(double *tiles, int64_t row, int64_t column)
{
    return tile_cell(tile_at(tiles, row / TILE, column / TILE), row % TILE, column % TILE);
}

/* The panel below its diagonal block, up to date, in v. */
static void take_panel(struct panel *p, double *tiles, int64_t column)
{
    int band = p->band;
    memset(p->v, 0, (size_t)(p->padded * band) * sizeof *p->v);
    for (int64_t i = p->begin; i < p->n; i++)
        for (int c = 0; c < band; c += PANEL)
            memcpy(p->v + i * band + c, panel_cell(tiles, i, column + c), PANEL * sizeof *p->v);
    for (int64_t i = p->begin; p->pending >= 0 && i < p->padded; i += PRODUCT_ROWS)
        for (int c = 0; c < band; c += PANEL)
            product_block(p->v + i * band + c, band,
                          p->minus + i / PANEL * PANEL * 2 * band + i % PANEL, 1, PANEL,
                          p->plus + (column + c) * 2 * band, PANEL, 2 * band);
}

/* R, where the panel began. */
static void put_triangle(const struct panel *p, double *tiles, int64_t column)
{
    for (int64_t i = 0; i < p->band && p->begin + i < p->n; i++)
        for (int c = 0; c < p->band; c += PANEL)
            memcpy(panel_cell(tiles, p->begin + i, column + c), p->r + i * p->band + c,
                   PANEL * sizeof *p->r);
}

/* --- its application to the rest --- */

static double *from_first_tile(const struct panel *p, double *tall)
{
    return tall + p->first_tile * TILE * p->band;
}

static int64_t rows_left(const struct panel *p)
{
    return p->padded - p->first_tile * TILE;
}

/* T of I - V T V^T (Schreiber & Van Loan 1989), upper triangular, and Y = V T. */
static void accumulate(struct panel *p)
{
    int band = p->band;
    double *v = from_first_tile(p, p->v), *y = from_first_tile(p, p->y);
    memset(p->s, 0, (size_t)(band * band) * sizeof *p->s);
    memset(p->t, 0, (size_t)(band * band) * sizeof *p->t);
    memset(y, 0, (size_t)(rows_left(p) * band) * sizeof *y);
    product_of_columns(p->s, band, v, band, v, band, band, rows_left(p));
    for (int j = 0; j < band; j++) {
        for (int i = 0; i < j; i++) {
            double sum = 0;
            for (int l = i; l < j; l++)
                sum += p->t[i * band + l] * p->s[l * band + j];
            p->t[i * band + j] = -p->tau[j] * sum;
        }
        p->t[j * band + j] = p->tau[j];
    }
    product_of_rows(y, band, v, band, p->t, rows_left(p), band);
}

/* out[TILE, band] += tile y[TILE, band], without the tile's rows before `top` and columns before
 * `left`. */
static void add_tile_times(double *out, const double *tile, int64_t top, int64_t left,
                           const double *y, int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = top; i < TILE; i += PRODUCT_ROWS)
            for (int64_t k = left; k < TILE; k += PANEL)
                product_block(out + i * band + j, band, tile + k * TILE + i * PANEL, PANEL, 1,
                              y + k * band + j, band, PANEL);
}

/* out[TILE, band] += tile^T y[TILE, band], without the same rows and columns of the tile. */
static void add_turned_tile_times(double *out, const double *tile, int64_t top, int64_t left,
                                  const double *y, int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = left; i < TILE; i += PRODUCT_ROWS)
            product_block(out + i * band + j, band,
                          tile + i / PANEL * PANEL * TILE + top * PANEL + i % PANEL, 1, PANEL,
                          y + top * band + j, band, TILE - top);
}

/* The first row of tile row i that is not before `begin`, within the tile. */
static int64_t first_in(int64_t i, int64_t begin)
{
    return begin > i * TILE ? begin - i * TILE : 0;
}

/* Tile i, j of the rows and columns from `pending` on, brought up to date. */
static void update(const struct panel *p, double *tiles, int64_t i, int64_t j)
{
    int64_t step = TILE * 2 * p->band;
    tile_add_product(tile_at(tiles, i, j), first_in(i, p->pending), first_in(j, p->pending),
                     p->minus + i * step, p->plus + j * step, 2 * p->band);
}

/* What tile i, j of the rows and columns from `begin` on, and its mirror image, add to X = A Y. */
static void multiply(const struct panel *p, double *tiles, int64_t i, int64_t j)
{
    const double *tile = tile_at(tiles, i, j);
    int64_t step = TILE * p->band, top = first_in(i, p->begin), left = first_in(j, p->begin);
    add_tile_times(p->x + i * step, tile, top, left, p->y + j * step, p->band);
    if (j < i)
        add_turned_tile_times(p->x + j * step, tile, top, left, p->y + i * step, p->band);
}

static void update_and_multiply(struct panel *p, double *tiles)
{
    int64_t from = (p->pending >= 0 ? p->pending : p->begin) / TILE;
    memset(from_first_tile(p, p->x), 0, (size_t)(rows_left(p) * p->band) * sizeof *p->x);
    for (int64_t i = from; i < tile_count(p->n); i++)
        for (int64_t j = from; j <= i; j++) {
            if (p->pending >= 0)
                update(p, tiles, i, j);
            if (j >= p->first_tile)
                multiply(p, tiles, i, j);
        }
}

/* What the last pair leaves to do. */
static void finish(const struct panel *p, double *tiles)
{
    for (int64_t i = p->pending / TILE; p->pending >= 0 && i < tile_count(p->n); i++)
        for (int64_t j = p->pending / TILE; j <= i; j++)
            update(p, tiles, i, j);
}

/* W in X's place, and both pairs turned into panels. */
static void make_pairs(struct panel *p)
{
    int band = p->band;
    double *v = from_first_tile(p, p->v), *y = from_first_tile(p, p->y);
    double *x = from_first_tile(p, p->x);
    memset(p->s, 0, (size_t)(band * band) * sizeof *p->s);
    product_of_columns(p->s, band, y, band, x, band, band, rows_left(p));
    for (int i = 0; i < band * band; i++)
        p->s[i] *= -0.5;
    product_of_rows(x, band, v, band, p->s, rows_left(p), band);
    for (int64_t at = p->first_tile * TILE; at < p->padded; at += PANEL) {
        double *minus = p->minus + at * 2 * band, *plus = p->plus + at * 2 * band;
        for (int c = 0; c < band; c++)
            for (int i = 0; i < PANEL; i++) {
                double of_v = p->v[(at + i) * band + c], of_w = p->x[(at + i) * band + c];
                minus[c * PANEL + i] = -of_v;
                minus[(band + c) * PANEL + i] = -of_w;
                plus[c * PANEL + i] = of_w;
                plus[(band + c) * PANEL + i] = of_v;
            }
    }
}

void CPU(to_band)(double *tiles, double *workspace, int64_t n, int band)
{
    struct panel p = panel_in(workspace, n, band);
    for (int64_t column = 0; column + band < n; column += band) {
        p.begin = column + band;
        p.first_tile = p.begin / TILE;
        take_panel(&p, tiles, column);
        reflect(&p);
        accumulate(&p);
        update_and_multiply(&p, tiles);
        put_triangle(&p, tiles, column);
        make_pairs(&p);
        p.pending = p.begin;
    }
    finish(&p, tiles);
}
