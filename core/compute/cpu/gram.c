/* The Gram matrix of the shorter side: slabs of the longer one are widened into panels and
 * multiplied tile by tile. */
#include "compute/cpu/symmetric.h"

size_t CPU(gram_workspace)(int64_t n)
{
    return (size_t)(tile_count(n) * TILE * GRAM_DEPTH);
}

/* Columns [column, column + PANEL) of a tall matrix, rows [first, first + depth). */
static void fill_tall(double *panel, const float *matrix, int64_t cols, int64_t column,
                      int64_t have, int64_t first, int64_t depth)
{
    for (int64_t p = 0; p < depth; p++)
        for (int64_t i = 0; i < have; i++)
            panel[p * PANEL + i] = (double)matrix[(first + p) * cols + column + i];
}

/* Rows [row, row + PANEL) of a wide matrix, turned; 16 values of a row at a time are a cache line.
 */
static void fill_wide(double *panel, const float *matrix, int64_t cols, int64_t row, int64_t have,
                      int64_t first, int64_t depth)
{
    enum { LINE = 16 };
    for (int64_t from = 0; from < depth; from += LINE)
        for (int64_t i = 0; i < have; i++)
            for (int64_t p = from; p < from + LINE && p < depth; p++)
                panel[p * PANEL + i] = (double)matrix[(row + i) * cols + first + p];
}

static void fill_slab(double *slab, const float *matrix, int64_t rows, int64_t cols, int64_t first,
                      int64_t depth)
{
    int64_t n = rows < cols ? rows : cols;
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
        for (int64_t i = j / PRODUCT_ROWS * PRODUCT_ROWS; i < TILE; i += PRODUCT_ROWS)
            product_block(tile + j * TILE + i * PANEL, PANEL, a + i / PANEL * PANEL * k + i % PANEL,
                          1, PANEL, a + j * k, PANEL, k);
}

static void mirror(double *tile)
{
    for (int64_t i = 0; i < TILE; i++)
        for (int64_t j = 0; j < i; j++)
            *tile_cell(tile, j, i) = *tile_cell(tile, i, j);
}

void CPU(gram)(double *tiles, double *workspace, const float *matrix, int64_t rows, int64_t cols)
{
    int64_t n = rows < cols ? rows : cols, length = rows < cols ? cols : rows;
    int64_t count = tile_count(n);
    memset(tiles, 0, (size_t)(count * (count + 1) / 2 * TILE_SIZE) * sizeof *tiles);
    for (int64_t first = 0; first < length; first += GRAM_DEPTH) {
        int64_t depth = length - first < GRAM_DEPTH ? length - first : GRAM_DEPTH;
        fill_slab(workspace, matrix, rows, cols, first, depth);
        for (int64_t i = 0; i < count; i++) {
            const double *own = workspace + i * TILE * depth;
            for (int64_t j = 0; j < i; j++)
                tile_add_product(tile_at(tiles, i, j), own, workspace + j * TILE * depth, depth);
            add_square(tile_at(tiles, i, i), own, depth);
        }
    }
    for (int64_t i = 0; i < count; i++)
        mirror(tile_at(tiles, i, i));
}
