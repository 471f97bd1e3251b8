/* Matrices by square tiles. A tile is panels of PANEL columns, each contiguous, so that every
 * product streams. The order is padded to whole tiles with zeros, which stay what they are. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_TILES_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_TILES_H

#include "compute/cpu/level.h"
#include "compute/cpu/spectra/vector.h"
#include "compute/spectra.h"

enum { TILE = 64, TILE_SIZE = TILE * TILE };

INLINE int64_t tile_count(int64_t n)
{
    return (n + TILE - 1) / TILE;
}

/* A symmetric matrix is the tiles of its lower triangle, row by row; those on the diagonal are
 * whole. */
INLINE double *tile_at(double *tiles, int64_t i, int64_t j)
{
    return tiles + (i * (i + 1) / 2 + j) * TILE_SIZE;
}

INLINE double *tile_cell(double *tile, int64_t i, int64_t j)
{
    return tile + j / PANEL * TILE * PANEL + i * PANEL + j % PANEL;
}

/* tile += a^T b, where a and b are [k, TILE] as TILE / PANEL panels of [k, PANEL] each; rows before
 * `top` and columns before `left`, multiples of PANEL, stay as they are. */
INLINE void tile_add_product(double *tile, int64_t top, int64_t left, const double *a,
                             const double *b, int64_t k)
{
    for (int64_t j = left; j < TILE; j += PANEL)
        for (int64_t i = top; i < TILE; i += PRODUCT_ROWS)
            product_block(tile + j * TILE + i * PANEL, PANEL, a + i / PANEL * PANEL * k + i % PANEL,
                          1, PANEL, b + j * k, PANEL, k);
}

/* out[TILE, band] += tile y[TILE, band], without the tile's rows before `top` and columns before
 * `left`. */
INLINE void tile_times(double *out, const double *tile, int64_t top, int64_t left, const double *y,
                       int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = top; i < TILE; i += PRODUCT_ROWS)
            for (int64_t k = left; k < TILE; k += PANEL)
                product_block(out + i * band + j, band, tile + k * TILE + i * PANEL, PANEL, 1,
                              y + k * band + j, band, PANEL);
}

/* out[TILE, band] += tile^T y[TILE, band], without the same rows and columns of the tile. */
INLINE void transposed_tile_times(double *out, const double *tile, int64_t top, int64_t left,
                                  const double *y, int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = left; i < TILE; i += PRODUCT_ROWS)
            product_block(out + i * band + j, band,
                          tile + i / PANEL * PANEL * TILE + top * PANEL + i % PANEL, 1, PANEL,
                          y + top * band + j, band, TILE - top);
}

/* Rows [begin, end) of out[., band] += a^T b, where a is packed as above, [k, .] with k = 2 band,
 * and b is the panels of `band` columns. */
INLINE void add_packed(double *out, const double *a, const double *b, int64_t begin, int64_t end,
                       int band)
{
    int64_t k = 2 * band;
    for (int64_t i = begin; i < end; i += PRODUCT_ROWS)
        for (int c = 0; c < band; c += PANEL)
            product_block(out + i * band + c, band, a + i / PANEL * PANEL * k + i % PANEL, 1, PANEL,
                          b + c * k, PANEL, k);
}

/* The first row of tile row i that is not before `begin`, within the tile. */
INLINE int64_t first_in(int64_t i, int64_t begin)
{
    return begin > i * TILE ? begin - i * TILE : 0;
}

#endif
