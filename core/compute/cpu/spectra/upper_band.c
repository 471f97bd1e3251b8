/* A square matrix to an upper band, by reflections from both sides (Grosser & Lang 1999). For each
 * panel of `band` columns, V of its reflections and U of those of the `band` rows to its right:
 *
 *     A := (I - V T V^T)^T A (I - U S U^T) = A - V Z^T - X U^T,
 *     Z = A^T V T,   X = (A - V Z^T) U S
 *
 * Both products of a panel read the matrix, but it is written once: the update is left standing
 * until the next V is known, and is then applied together with the next Z. A team has a part for
 * each column of tiles there, and for each row of them in the other product. */
#include "compute/cpu/spectra/stages.h"

struct reduction {
    struct reflections left, right;
    double *tiles;
    double *z, *x;       /* [padded n, band] */
    double *rows, *cols; /* [-V -X] and [Z U] of the last panel, packed */
    int64_t count;       /* tiles in a row */
};

size_t CPU(upper_band_workspace)(int64_t n, int band)
{
    return 2 * CPU(reflections_workspace)(n, band) + 6 * (size_t)(tile_count(n) * TILE * band);
}

static struct reduction reduction_in(struct team *team, double *tiles, double *workspace, int64_t n,
                                     int band)
{
    size_t each = CPU(reflections_workspace)(n, band);
    struct reduction r = {.left = CPU(reflections_in)(team, workspace, n, band),
                          .right = CPU(reflections_in)(team, workspace + each, n, band),
                          .tiles = tiles,
                          .count = tile_count(n)};
    int64_t tall = r.left.padded * band;
    r.z = workspace + 2 * each;
    r.x = r.z + tall;
    r.rows = r.x + tall;
    r.cols = r.rows + 2 * tall;
    return r;
}

static double *grid_tile(const struct reduction *r, int64_t i, int64_t j)
{
    return r->tiles + (i * r->count + j) * TILE_SIZE;
}

static double *grid_cell(const struct reduction *r, int64_t row, int64_t column)
{
    return tile_cell(grid_tile(r, row / TILE, column / TILE), row % TILE, column % TILE);
}

/* --- the panels --- */

static void take_columns_strip(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->left;
    const struct strip strip = strip_at(p, index);
    int64_t at = p->begin;
    int band = p->band;
    memset(p->v + strip.from * band, 0, (size_t)((strip.to - strip.from) * band) * sizeof *p->v);
    for (int64_t i = strip.from; i < strip.to && i < p->n; i++)
        for (int c = 0; c < band; c += PANEL)
            memcpy(p->v + i * band + c, grid_cell(r, i, at + c), PANEL * sizeof *p->v);
    if (at > 0)
        add_packed(p->v, r->rows, r->cols + at * 2 * band, strip.from, strip.to, band);
}

/* Columns from `at` on, rows from `at` on, up to date: the left panel. */
static void take_columns(struct reduction *r, int64_t at)
{
    r->left.begin = at;
    team_each(r->left.team, take_columns_strip, r, strip_count(&r->left));
}

static void take_rows_strip(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->right;
    const struct strip strip = strip_at(p, index);
    int64_t from = strip.from * p->band;
    int band = p->band;
    memset(p->v + from, 0, (size_t)((strip.to - strip.from) * band) * sizeof *p->v);
    for (int64_t j = strip.from; j < strip.to && j < p->n; j++)
        for (int c = 0; c < band; c++)
            p->v[j * band + c] = *grid_cell(r, r->left.begin + c, j);
    product_of_rows(p->v + from, band, r->z + from, band, p->s, strip.to - strip.from, band);
}

/* Rows from `at` on, columns after the diagonal block, transposed: the right panel, once
 * (I - V T V^T)^T is applied to it. */
static void take_rows(struct reduction *r, int64_t at)
{
    struct reflections *p = &r->right;
    int band = p->band;
    p->begin = at + band;
    for (int l = 0; l < band; l++)
        for (int c = 0; c < band; c++)
            p->s[l * band + c] = -r->left.v[(at + c) * band + l];
    team_each(p->team, take_rows_strip, r, strip_count(p));
}

/* --- the products --- */

/* A column of tiles, each brought up to date, and its rows of Z = A^T Y of the left panel. */
static void update_column(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->left;
    int64_t step = TILE * p->band, at = p->begin, j = at / TILE + index;
    memset(r->z + j * step, 0, (size_t)step * sizeof *r->z);
    for (int64_t i = at / TILE; i < r->count; i++) {
        double *tile = grid_tile(r, i, j);
        if (at > 0)
            tile_add_product(tile, first_in(i, at), first_in(j, at), r->rows + 2 * i * step,
                             r->cols + 2 * j * step, 2 * p->band);
        transposed_tile_times(r->z + j * step, tile, first_in(i, at), first_in(j, at + p->band),
                              p->y + i * step, p->band);
    }
}

static void update_and_multiply(struct reduction *r)
{
    team_each(r->left.team, update_column, r, r->count - r->left.begin / TILE);
}

/* The rows of a row of tiles in A Y of the right panel. */
static void multiply_row(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->right;
    int64_t begin = p->begin, step = TILE * p->band, i = begin / TILE + index;
    memset(r->x + i * step, 0, (size_t)step * sizeof *r->x);
    for (int64_t j = begin / TILE; j < r->count; j++)
        tile_times(r->x + i * step, grid_tile(r, i, j), first_in(i, begin), first_in(j, begin),
                   p->y + j * step, p->band);
}

static void make_strip(const void *context, int64_t index)
{
    const struct reduction *r = context;
    const struct reflections *p = &r->right;
    const struct strip strip = strip_at(p, index);
    int64_t from = strip.from * p->band;
    product_of_rows(r->x + from, p->band, r->left.v + from, p->band, p->s, strip.to - strip.from,
                    p->band);
    CPU(pack_pair)(r->rows, -1, r->left.v, r->x, strip, p->band);
    CPU(pack_pair)(r->cols, 1, r->z, p->v, strip, p->band);
}

/* X = (A - V Z^T) Y of the right panel, and the pair that is pending from now on. */
static void multiply(struct reduction *r)
{
    struct reflections *p = &r->right;
    team_each(p->team, multiply_row, r, r->count - p->begin / TILE);
    CPU(multiply_columns)(p, r->z, p->y);
    for (int i = 0; i < p->band * p->band; i++)
        p->s[i] = -p->s[i];
    team_each(p->team, make_strip, r, strip_count(p));
}

/* A triangle [band, band] of the upper band, its first element at row, col; or its transpose. */
static void put_triangle(double *golub_kahan, const struct reflections *p, int64_t row, int64_t col,
                         bool transposed)
{
    for (int i = 0; i < p->band; i++)
        for (int c = i; c < p->band; c++) {
            int64_t at_row = row + (transposed ? c : i), at_col = col + (transposed ? i : c);
            int64_t u = 2 * at_row + 1, v = 2 * at_col;
            double value = p->r[i * p->band + c];
            if (at_row < p->n && at_col < p->n)
                CPU(chase_put)(golub_kahan, u > v ? u : v, u > v ? v : u, value, 2 * p->band);
        }
}

void CPU(to_golub_kahan)(struct team *team, double *golub_kahan, double *tiles, double *workspace,
                         int64_t n, int band)
{
    struct reduction r = reduction_in(team, tiles, workspace, n, band);
    CPU(chase_clear)(golub_kahan, 2 * n, 2 * band);
    for (int64_t at = 0; at < n; at += band) {
        take_columns(&r, at);
        CPU(reflect)(&r.left);
        put_triangle(golub_kahan, &r.left, at, at, false);
        if (at + band >= n)
            break;
        update_and_multiply(&r);
        take_rows(&r, at);
        CPU(reflect)(&r.right);
        put_triangle(golub_kahan, &r.right, at, at + band, true);
        multiply(&r);
    }
}
