/* Singular values from the Gram matrix of the shorter side; where values are too small for that,
 * from the matrix itself. One thread a matrix: a scan has many, side by side. */
#include "compute/cpu/spectra/values.h"

#include "compute/cpu/spectra/band.h"
#include "compute/cpu/spectra/chase.h"
#include "compute/cpu/spectra/direct.h"
#include "compute/cpu/spectra/gram.h"
#include "compute/cpu/spectra/sturm.h"

/* A value is trusted from the Gram matrix while its error, eps * S[0]^2 / S, stays under 1e-10
 * S[0]. */
static const double gram_floor = 1e-5;

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Doubles: the tiles, what the stages need one after the other, and three vectors; or what the
 * direct way takes instead. */
struct layout {
    size_t tiles, stage, all;
};

static struct layout lay_out(int64_t n)
{
    int band = CPU(band_width)(n);
    int64_t count = tile_count(n);
    struct layout layout = {.tiles = (size_t)(count * (count + 1) / 2 * TILE_SIZE)};
    layout.stage = largest(CPU(gram_workspace)(n), CPU(band_workspace)(n, band));
    layout.stage = largest(layout.stage, CPU(chase_workspace)(n, band));
    layout.all = largest(layout.tiles + layout.stage + 3 * (size_t)n, CPU(direct_workspace)(n));
    return layout;
}

static size_t workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    return lay_out(shorter(rows, cols)).all * sizeof(double);
}

static void gram_values(double *values, double *workspace, const float *matrix, int64_t rows,
                        int64_t cols)
{
    int64_t n = shorter(rows, cols);
    int band = CPU(band_width)(n);
    const struct layout layout = lay_out(n);
    double *tiles = workspace, *stage = tiles + layout.tiles, *diagonal = stage + layout.stage;
    double *off_diagonal = diagonal + n, *squares = off_diagonal + n;
    CPU(gram)(tiles, stage, matrix, rows, cols);
    CPU(to_band)(tiles, stage, n, band);
    CPU(band_of_tiles)(stage, tiles, n, band);
    CPU(chase)(diagonal, off_diagonal, stage, n, band);
    CPU(tridiagonal_values)(values, squares, diagonal, off_diagonal, n, 0);
    spectra_of_squares(values, n);
}

static bool is_zero(const float *matrix, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (matrix[i] != 0)
            return false;
    return true;
}

static int values(void *self, double *out, const float *matrix, int64_t rows, int64_t cols,
                  void *workspace, struct error *err)
{
    (void)self;
    int64_t n = shorter(rows, cols);
    if (spectra_check_finite(matrix, rows, cols, err) != 0)
        return -1;
    /* Squares of fp32 fit fp64 with room to spare, so that only the zero matrix is special. */
    if (is_zero(matrix, rows * cols)) {
        memset(out, 0, (size_t)n * sizeof *out);
        return 0;
    }
    gram_values(out, workspace, matrix, rows, cols);
    if (out[n - 1] >= gram_floor * out[0])
        return 0;
    return CPU(direct_values)(out, workspace, matrix, rows, cols, err);
}

const struct spectra_ops CPU(spectra_ops) = {
    .values = values, .workspace = workspace, .accuracy = 1e-10};
