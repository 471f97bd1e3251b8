#include "compute/cpu/spectra/direct.h"

#include "compute/cpu/lapack.h"
#include "compute/cpu/spectra/chase.h"
#include "compute/cpu/spectra/sturm.h"
#include "compute/cpu/spectra/upper_band.h"
#include "compute/spectra.h"

enum { BLOCK = 512, WIDE = 32 };

static int band_of(int64_t n)
{
    return n <= 1024 ? 16 : 32;
}

/* Of doubles; n is the order, p that of whole tiles. */
struct direct_work {
    double *square;         /* [p, p]: by rows first, then the grid of tiles */
    double *block, *t, *qr; /* [BLOCK, p], [WIDE, n] twice */
    double *reduction, *golub_kahan;
    double *diagonal, *off_diagonal, *squares; /* [2 n] each */
    double *values;                            /* [n], ascending */
    size_t all;
};

/* Places in `start`; with NULL, their sum alone counts. */
static struct direct_work direct_work_in(double *start, int64_t n)
{
    int band = band_of(n);
    size_t order = (size_t)n, padded = (size_t)(tile_count(n) * TILE);
    struct direct_work work = {0};
    const struct {
        double **place;
        size_t size;
    } parts[] = {
        {&work.square, padded * padded},
        {&work.block, BLOCK * padded},
        {&work.t, WIDE * order},
        {&work.qr, WIDE * order},
        {&work.reduction, CPU(upper_band_workspace)(n, band)},
        {&work.golub_kahan, CPU(chase_workspace)(2 * n, 2 * band)},
        {&work.diagonal, 2 * order},
        {&work.off_diagonal, 2 * order},
        {&work.squares, 2 * order},
        {&work.values, order},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].place = start ? start + work.all : NULL;
        work.all += parts[i].size;
    }
    return work;
}

size_t CPU(direct_workspace)(int64_t n)
{
    return direct_work_in(NULL, n).all;
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
static int fill_triangle(const struct direct_work *work, const float *matrix, int64_t rows,
                         int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols), length = longer(rows, cols), wide = n < WIDE ? n : WIDE;
    int status = 0;
    for (int64_t first = 0; first < length && status == 0; first += BLOCK) {
        int64_t depth = length - first < BLOCK ? length - first : BLOCK;
        fill_block(work->block, matrix, rows, cols, first, depth);
        status = lapack_qr_step(work->square, tile_count(n) * TILE, work->block, depth, n, wide,
                                work->t, work->qr, err);
    }
    return status;
}

/* A square matrix with the same singular values: itself, or R. */
static int fill_square(const struct direct_work *work, const float *matrix, int64_t rows,
                       int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols), padded = tile_count(n) * TILE;
    memset(work->square, 0, (size_t)(padded * padded) * sizeof *work->square);
    if (rows != cols)
        return fill_triangle(work, matrix, rows, cols, err);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            work->square[i * padded + j] = (double)matrix[i * n + j];
    return 0;
}

/* Rows become tiles: those of TILE rows are where the rows were. */
static void cut_into_tiles(const struct direct_work *work, int64_t n)
{
    int64_t padded = tile_count(n) * TILE;
    for (int64_t first = 0; first < padded; first += TILE) {
        double *tiles = work->square + first * padded;
        memcpy(work->block, tiles, (size_t)(TILE * padded) * sizeof *tiles);
        for (int64_t i = 0; i < TILE; i++)
            for (int64_t j = 0; j < padded; j++)
                *tile_cell(tiles + j / TILE * TILE_SIZE, i, j % TILE) = work->block[i * padded + j];
    }
}

int CPU(direct_values)(double *values, double *start, const float *matrix, int64_t rows,
                       int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols);
    int band = band_of(n);
    const struct direct_work work = direct_work_in(start, n);
    if (fill_square(&work, matrix, rows, cols, err) != 0)
        return -1;
    cut_into_tiles(&work, n);
    CPU(to_golub_kahan)(work.golub_kahan, work.square, work.reduction, n, band);
    CPU(chase)(work.diagonal, work.off_diagonal, work.golub_kahan, 2 * n, 2 * band);
    CPU(tridiagonal_values)(work.values, work.squares, work.diagonal, work.off_diagonal, 2 * n, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = work.values[n - 1 - i];
    spectra_sort(values, n);
    spectra_clear_rounding(values, rows, cols);
    return 0;
}
