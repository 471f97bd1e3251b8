#include "compute/cpu/direct.h"

#include "compute/lapack.h"
#include "compute/spectra_ops.h"

enum { BLOCK = 512, WIDE = 32 };

static int band_of(int64_t n)
{
    return n <= 1024 ? 16 : 32;
}

/* Of doubles; n is the order, p that of whole tiles. */
struct room {
    double *square;           /* [p, p]: by rows first, then the grid of tiles */
    double *block, *t, *work; /* [BLOCK, p], [WIDE, n] twice */
    double *reduction, *golub_kahan;
    double *diagonal, *off_diagonal, *squares; /* [2 n] each */
    double *values;                            /* [n], ascending */
    size_t all;
};

/* Places in `start`; with NULL, their sum alone counts. */
static struct room room_in(double *start, int64_t n)
{
    int band = band_of(n);
    size_t order = (size_t)n, padded = (size_t)(tile_count(n) * TILE);
    struct room room = {0};
    const struct {
        double **place;
        size_t size;
    } parts[] = {
        {&room.square, padded * padded},
        {&room.block, BLOCK * padded},
        {&room.t, WIDE * order},
        {&room.work, WIDE * order},
        {&room.reduction, CPU(upper_band_workspace)(n, band)},
        {&room.golub_kahan, CPU(chase_workspace)(2 * n, 2 * band)},
        {&room.diagonal, 2 * order},
        {&room.off_diagonal, 2 * order},
        {&room.squares, 2 * order},
        {&room.values, order},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].place = start ? start + room.all : NULL;
        room.all += parts[i].size;
    }
    return room;
}

size_t CPU(direct_workspace)(int64_t n)
{
    return room_in(NULL, n).all;
}

/* Elements [first, first + depth) of the longer side, widened: [depth, n] by columns. */
static void fill_block(double *block, const float *matrix, int64_t rows, int64_t cols,
                       int64_t first, int64_t depth)
{
    int64_t n = shorter(rows, cols);
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < depth; p++)
            block[j * depth + p] = (double)(rows < cols ? matrix[j * cols + first + p]
                                                        : matrix[(first + p) * cols + j]);
}

/* R of the longer side by the shorter, whose columns are the rows of the square. */
static int fill_triangle(const struct room *room, const float *matrix, int64_t rows, int64_t cols,
                         struct error *err)
{
    int64_t n = shorter(rows, cols), length = longer(rows, cols), wide = n < WIDE ? n : WIDE;
    int status = 0;
    for (int64_t first = 0; first < length && status == 0; first += BLOCK) {
        int64_t depth = length - first < BLOCK ? length - first : BLOCK;
        fill_block(room->block, matrix, rows, cols, first, depth);
        status = lapack_qr_step(room->square, tile_count(n) * TILE, room->block, depth, n, wide,
                                room->t, room->work, err);
    }
    return status;
}

/* A square matrix with the same singular values: itself, or R. */
static int fill_square(const struct room *room, const float *matrix, int64_t rows, int64_t cols,
                       struct error *err)
{
    int64_t n = shorter(rows, cols), padded = tile_count(n) * TILE;
    memset(room->square, 0, (size_t)(padded * padded) * sizeof *room->square);
    if (rows != cols)
        return fill_triangle(room, matrix, rows, cols, err);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            room->square[i * padded + j] = (double)matrix[i * n + j];
    return 0;
}

/* Rows become tiles: those of TILE rows are where the rows were. */
static void cut_into_tiles(const struct room *room, int64_t n)
{
    int64_t padded = tile_count(n) * TILE;
    for (int64_t first = 0; first < padded; first += TILE) {
        double *tiles = room->square + first * padded;
        memcpy(room->block, tiles, (size_t)(TILE * padded) * sizeof *tiles);
        for (int64_t i = 0; i < TILE; i++)
            for (int64_t j = 0; j < padded; j++)
                *tile_cell(tiles + j / TILE * TILE_SIZE, i, j % TILE) = room->block[i * padded + j];
    }
}

int CPU(direct_values)(double *values, double *start, const float *matrix, int64_t rows,
                       int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols);
    int band = band_of(n);
    const struct room room = room_in(start, n);
    if (fill_square(&room, matrix, rows, cols, err) != 0)
        return -1;
    cut_into_tiles(&room, n);
    CPU(to_golub_kahan)(room.golub_kahan, room.square, room.reduction, n, band);
    CPU(chase)(room.diagonal, room.off_diagonal, room.golub_kahan, 2 * n, 2 * band);
    CPU(tridiagonal_values)(room.values, room.squares, room.diagonal, room.off_diagonal, 2 * n, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = room.values[n - 1 - i];
    spectra_sort(values, n);
    spectra_clear_rounding(values, rows, cols);
    return 0;
}
