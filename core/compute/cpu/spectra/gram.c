/* The Gram matrix of the shorter side, n x n,
 *
 *     G = M M^T  of M [n, length] (wide),   G = M^T M  of M [length, n] (tall),
 *
 * whose eigenvalues are the squares of the singular values. Elements are fp32, so each product is
 * exact in fp64, and rounding comes from the sums alone.
 *
 * Slabs of the longer side are widened into panels and multiplied tile by tile. Where the tiles
 * don't stay in the second-level cache, several slabs at once, so that a tile is fetched and stored
 * less often, and GROUP tiles of a column one after the other, so that the column's panels are.
 *
 * A team widens a tile's columns a part, and multiplies BLOCK by BLOCK tiles a part. */
#include "compute/cpu/spectra/stages.h"

enum { GROUP = 4, BLOCK = 2 * GROUP, GRAM_DEPTH = 128 };

struct gram {
    double *tiles, *slabs;
    const float *matrix;
    int64_t rows, cols, count; /* count: tiles a side */
    int64_t first, depth;      /* of the longer side: what is in the slabs */
};

static int64_t slabs_at_once(int64_t n)
{
    return n <= 1024 ? 1 : 4;
}

size_t CPU(gram_workspace)(int64_t n)
{
    return (size_t)(tile_count(n) * TILE * GRAM_DEPTH * slabs_at_once(n));
}

/* Columns [column, column + PANEL) of a tall matrix, rows [first, first + depth). */
static void fill_tall(double *panel, const float *matrix, int64_t cols, int64_t column,
                      int64_t have, int64_t first, int64_t depth)
{
    for (int64_t p = 0; p < depth; p++)
        for (int64_t i = 0; i < have; i++)
            panel[p * PANEL + i] = (double)matrix[(first + p) * cols + column + i];
}

/* [WIDTH, WIDTH] of a matrix, widened and transposed. */
INLINE void transpose_block(double *panel, const float *matrix, int64_t cols)
{
    typedef float half __attribute__((vector_size(4 * WIDTH), aligned(4)));
    vector block[WIDTH];
    UNROLL
    for (int i = 0; i < WIDTH; i++)
        block[i] = __builtin_convertvector(*(const half *)(matrix + i * cols), vector);
    transpose(block);
    UNROLL
    for (int i = 0; i < WIDTH; i++)
        store(panel + i * PANEL, block[i]);
}

/* Rows [row, row + PANEL) of a wide matrix, transposed; 16 values of a row at a time are a cache
 * line.
 */
static void fill_wide(double *panel, const float *matrix, int64_t cols, int64_t row, int64_t have,
                      int64_t first, int64_t depth)
{
    enum { LINE = 16 };
    int64_t from = 0;
    for (; have == PANEL && from + WIDTH <= depth; from += WIDTH)
        for (int i = 0; i < PANEL; i += WIDTH)
            transpose_block(panel + from * PANEL + i, matrix + (row + i) * cols + first + from,
                            cols);
    for (; from < depth; from += LINE)
        for (int64_t i = 0; i < have; i++)
            for (int64_t p = from; p < from + LINE && p < depth; p++)
                panel[p * PANEL + i] = (double)matrix[(row + i) * cols + first + p];
}

/* Rows of the Gram matrix [at, at + PANEL), elements [first, first + depth) of the longer side. */
static void fill_panel(double *panel, const struct gram *g, int64_t at, int64_t first,
                       int64_t depth)
{
    int64_t n = shorter(g->rows, g->cols);
    int64_t have = n - at < 0 ? 0 : n - at < PANEL ? n - at : PANEL;
    if (have < PANEL)
        memset(panel, 0, (size_t)(PANEL * depth) * sizeof *panel);
    if (g->rows >= g->cols)
        fill_tall(panel, g->matrix, g->cols, at, have, first, depth);
    else
        fill_wide(panel, g->matrix, g->cols, at, have, first, depth);
}

/* A tile's panels of all slabs. */
static void fill_slabs(const void *context, int64_t tile)
{
    const struct gram *g = context;
    for (int64_t at = 0; at < g->depth; at += GRAM_DEPTH) {
        int64_t depth = g->depth - at < GRAM_DEPTH ? g->depth - at : GRAM_DEPTH;
        double *slab = g->slabs + at * g->count * TILE;
        for (int64_t row = tile * TILE; row < (tile + 1) * TILE; row += PANEL)
            fill_panel(slab + row * depth, g, row, g->first + at, depth);
    }
}

/* A diagonal tile: the blocks that reach the diagonal or lie below it. */
static void add_square(double *tile, const double *a, int64_t k)
{
    for (int64_t j = 0; j < TILE; j += PANEL)
        for (int64_t i = j; i < TILE; i += PRODUCT_ROWS)
            product_block(tile + j * TILE + i * PANEL, PANEL, a + i / PANEL * PANEL * k + i % PANEL,
                          1, PANEL, a + j * k, PANEL, k);
}

static void mirror(double *tile)
{
    for (int64_t i = 0; i < TILE; i++)
        for (int64_t j = 0; j < i; j++)
            *tile_cell(tile, j, i) = *tile_cell(tile, i, j);
}

/* What the slabs add to tile i, j. */
static void add_slabs(const struct gram *g, int64_t i, int64_t j)
{
    double *tile = tile_at(g->tiles, i, j);
    if (g->first == 0)
        memset(tile, 0, TILE_SIZE * sizeof *tile);
    for (int64_t at = 0; at < g->depth; at += GRAM_DEPTH) {
        int64_t k = g->depth - at < GRAM_DEPTH ? g->depth - at : GRAM_DEPTH;
        const double *slab = g->slabs + at * g->count * TILE;
        if (j < i)
            tile_add_product(tile, 0, 0, slab + i * TILE * k, slab + j * TILE * k, k);
        else
            add_square(tile, slab + i * TILE * k, k);
    }
    if (i == j && g->first + g->depth == longer(g->rows, g->cols))
        mirror(tile);
}

static void multiply_slabs(const void *context, int64_t index)
{
    const struct gram *g = context;
    const struct block at = block_at(index);
    int64_t end = (at.row + 1) * BLOCK < g->count ? (at.row + 1) * BLOCK : g->count;
    for (int64_t from = at.row * BLOCK; from < end; from += GROUP) {
        int64_t to = from + GROUP < end ? from + GROUP : end;
        for (int64_t j = at.column * BLOCK; j < (at.column + 1) * BLOCK && j < to; j++)
            for (int64_t i = j > from ? j : from; i < to; i++)
                add_slabs(g, i, j);
    }
}

void CPU(gram)(struct team *team, double *tiles, double *workspace, const float *matrix,
               int64_t rows, int64_t cols)
{
    int64_t n = shorter(rows, cols), length = longer(rows, cols);
    int64_t most = slabs_at_once(n) * GRAM_DEPTH;
    struct gram g = {tiles, workspace, matrix, rows, cols, .count = tile_count(n)};
    for (; g.first < length; g.first += most) {
        g.depth = length - g.first < most ? length - g.first : most;
        team_each(team, fill_slabs, &g, g.count);
        team_each(team, multiply_slabs, &g, block_count((g.count + BLOCK - 1) / BLOCK));
    }
}
