/* The Gram matrix of the shorter side, n x n,
 *
 *     G = M M^T  of M [n, length] (wide),   G = M^T M  of M [length, n] (tall),
 *
 * whose eigenvalues are the squares of the singular values. Elements are fp32, so each product is
 * exact in fp64, and rounding comes from the sums alone.
 *
 * Slabs of the longer side are widened into panels and multiplied tile by tile. Where the tiles
 * don't stay in the second-level cache, several slabs at once, so that a tile is fetched and stored
 * less often, and GROUP tiles of a column one after the other, so that the column's panels are. */
#include "compute/cpu/spectra/stages.h"

enum { GROUP = 4, GRAM_DEPTH = 128 };

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

static void fill_slab(double *slab, const float *matrix, int64_t rows, int64_t cols, int64_t first,
                      int64_t depth)
{
    int64_t n = shorter(rows, cols);
    for (int64_t at = 0; at < tile_count(n) * TILE; at += PANEL) {
        int64_t have = n - at < 0 ? 0 : n - at < PANEL ? n - at : PANEL;
        double *panel = slab + at * depth;
        if (have < PANEL)
            memset(panel, 0, (size_t)(PANEL * depth) * sizeof *panel);
        if (rows >= cols)
            fill_tall(panel, matrix, cols, at, have, first, depth);
        else
            fill_wide(panel, matrix, cols, at, have, first, depth);
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

/* What slabs[0, depth) adds to tile i, j. */
static void add_slabs(double *tiles, int64_t i, int64_t j, const double *slabs, int64_t count,
                      int64_t depth)
{
    for (int64_t first = 0; first < depth; first += GRAM_DEPTH) {
        int64_t k = depth - first < GRAM_DEPTH ? depth - first : GRAM_DEPTH;
        const double *slab = slabs + first * count * TILE;
        if (j < i)
            tile_add_product(tile_at(tiles, i, j), 0, 0, slab + i * TILE * k, slab + j * TILE * k,
                             k);
        else
            add_square(tile_at(tiles, i, i), slab + i * TILE * k, k);
    }
}

static void multiply_slabs(double *tiles, const double *slabs, int64_t count, int64_t depth)
{
    for (int64_t from = 0; from < count; from += GROUP) {
        int64_t to = from + GROUP < count ? from + GROUP : count;
        for (int64_t j = 0; j < to; j++)
            for (int64_t i = j > from ? j : from; i < to; i++)
                add_slabs(tiles, i, j, slabs, count, depth);
    }
}

void CPU(gram)(double *tiles, double *workspace, const float *matrix, int64_t rows, int64_t cols)
{
    int64_t n = shorter(rows, cols), length = longer(rows, cols);
    int64_t count = tile_count(n), most = slabs_at_once(n) * GRAM_DEPTH;
    memset(tiles, 0, (size_t)(count * (count + 1) / 2 * TILE_SIZE) * sizeof *tiles);
    for (int64_t first = 0; first < length; first += most) {
        int64_t depth = length - first < most ? length - first : most;
        for (int64_t at = 0; at < depth; at += GRAM_DEPTH)
            fill_slab(workspace + at * count * TILE, matrix, rows, cols, first + at,
                      depth - at < GRAM_DEPTH ? depth - at : GRAM_DEPTH);
        multiply_slabs(tiles, workspace, count, depth);
    }
    for (int64_t i = 0; i < count; i++)
        mirror(tile_at(tiles, i, i));
}
