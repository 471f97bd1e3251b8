#include "compute/cpu/direct.h"

#include "compute/spectra_ops.h"

#include <lapacke.h>

enum { BLOCK = 512, WIDE = 32 };

static int band_of(int64_t n)
{
    return n <= 1024 ? 16 : 32;
}

/* Of doubles, n the order. */
struct room {
    double *tiles, *reduction, *golub_kahan;
    double *diagonal, *off_diagonal, *squares, *values; /* [2 n] each */
    double *r, *block, *t, *work;                       /* [n, n], [BLOCK, n], [WIDE, n] twice */
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
        {&room.tiles, padded * padded},
        {&room.reduction, CPU(upper_band_workspace)(n, band)},
        {&room.golub_kahan, CPU(chase_workspace)(2 * n, 2 * band)},
        {&room.diagonal, 2 * order},
        {&room.off_diagonal, 2 * order},
        {&room.squares, 2 * order},
        {&room.values, 2 * order},
        {&room.r, order * order},
        {&room.block, BLOCK * order},
        {&room.t, WIDE * order},
        {&room.work, WIDE * order},
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
    int64_t n = rows < cols ? rows : cols;
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < depth; p++)
            block[j * depth + p] = (double)(rows < cols ? matrix[j * cols + first + p]
                                                        : matrix[(first + p) * cols + j]);
}

/* R, by columns, of the longer side by the shorter; below it are zeros. */
static lapack_int make_triangle(const struct room *room, const float *matrix, int64_t rows,
                                int64_t cols)
{
    int64_t n = rows < cols ? rows : cols, length = rows < cols ? cols : rows;
    lapack_int order = (lapack_int)n, wide = order < WIDE ? order : WIDE, info = 0;
    memset(room->r, 0, (size_t)(n * n) * sizeof *room->r);
    for (int64_t first = 0; first < length && info == 0; first += BLOCK) {
        int64_t depth = length - first < BLOCK ? length - first : BLOCK;
        fill_block(room->block, matrix, rows, cols, first, depth);
        info =
            LAPACKE_dtpqrt_work(LAPACK_COL_MAJOR, (lapack_int)depth, order, 0, wide, room->r, order,
                                room->block, (lapack_int)depth, room->t, wide, room->work);
    }
    return info;
}

/* A square matrix with the same singular values: itself, or R. */
static lapack_int fill_tiles(const struct room *room, const float *matrix, int64_t rows,
                             int64_t cols)
{
    int64_t n = rows < cols ? rows : cols, count = tile_count(n);
    bool square = rows == cols;
    lapack_int info = square ? 0 : make_triangle(room, matrix, rows, cols);
    memset(room->tiles, 0, (size_t)(count * count * TILE_SIZE) * sizeof *room->tiles);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            *tile_cell(room->tiles + (i / TILE * count + j / TILE) * TILE_SIZE, i % TILE,
                       j % TILE) = square ? (double)matrix[i * n + j] : room->r[i * n + j];
    return info;
}

int CPU(direct_values)(double *values, double *start, const float *matrix, int64_t rows,
                       int64_t cols, struct error *err)
{
    int64_t n = rows < cols ? rows : cols;
    int band = band_of(n);
    const struct room room = room_in(start, n);
    if (fill_tiles(&room, matrix, rows, cols) != 0)
        return error_set(err, "LAPACK refuses a matrix of %lld x %lld", (long long)rows,
                         (long long)cols);
    CPU(to_golub_kahan)(room.golub_kahan, room.tiles, room.reduction, n, band);
    CPU(chase)(room.diagonal, room.off_diagonal, room.golub_kahan, 2 * n, 2 * band);
    CPU(tridiagonal_values)
    (room.values, room.squares, room.diagonal, room.off_diagonal, 2 * n);
    for (int64_t i = 0; i < n; i++)
        values[i] = room.values[2 * n - 1 - i] > 0 ? room.values[2 * n - 1 - i] : 0;
    spectra_sort(values, n);
    return 0;
}
