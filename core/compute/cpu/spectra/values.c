/* Singular values from the Gram matrix of the shorter side; where values are too small for that,
 * from the matrix itself. */
#include "compute/cpu/spectra/stages.h"

#include "compute/cpu/lapack.h"

/* --- the direct way --- */

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

static size_t direct_workspace(int64_t n)
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

/* Rows become tiles: TILE rows hold as many elements as a row of tiles, so each is cut in its
 * place. */
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

/* To a few units of rounding of the largest, whatever the condition; descending, with zeros below
 * spectra_resolution(). */
static int direct_values(struct team *team, double *values, double *start, const float *matrix,
                         int64_t rows, int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols);
    int band = band_of(n);
    const struct direct_work work = direct_work_in(start, n);
    if (fill_square(&work, matrix, rows, cols, err) != 0)
        return -1;
    cut_into_tiles(&work, n);
    CPU(to_golub_kahan)(team, work.golub_kahan, work.square, work.reduction, n, band);
    CPU(chase)(team, work.diagonal, work.off_diagonal, work.golub_kahan, 2 * n, 2 * band);
    CPU(tridiagonal_values)
    (team, work.values, work.squares, work.diagonal, work.off_diagonal, 2 * n, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = work.values[n - 1 - i];
    spectra_sort(values, n);
    spectra_clear_rounding(values, rows, cols);
    return 0;
}

/* --- the way by the Gram matrix --- */

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
    layout.all = largest(layout.tiles + layout.stage + 3 * (size_t)n, direct_workspace(n));
    return layout;
}

static size_t workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    return lay_out(shorter(rows, cols)).all * sizeof(double);
}

static void gram_values(struct team *team, double *values, double *workspace, const float *matrix,
                        int64_t rows, int64_t cols)
{
    int64_t n = shorter(rows, cols);
    int band = CPU(band_width)(n);
    const struct layout layout = lay_out(n);
    double *tiles = workspace, *stage = tiles + layout.tiles, *diagonal = stage + layout.stage;
    double *off_diagonal = diagonal + n, *squares = off_diagonal + n;
    CPU(gram)(team, tiles, stage, matrix, rows, cols);
    CPU(to_band)(team, tiles, stage, n, band);
    CPU(band_of_tiles)(stage, tiles, n, band);
    CPU(chase)(team, diagonal, off_diagonal, stage, n, band);
    CPU(tridiagonal_values)(team, values, squares, diagonal, off_diagonal, n, 0);
    spectra_of_squares(values, n);
}

static bool is_zero(const float *matrix, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (matrix[i] != 0)
            return false;
    return true;
}

/* Under this order a matrix takes milliseconds, and its parts would be too few and too short. */
enum { TEAM_ORDER = 1024 };

static int team_values(void *self, struct team *team, double *out, const float *matrix,
                       int64_t rows, int64_t cols, void *workspace, struct error *err)
{
    (void)self;
    int64_t n = shorter(rows, cols);
    if (spectra_check_finite(matrix, rows, cols, err) != 0)
        return -1;
    /* Squares of fp32 fit fp64 with a wide margin, so that only the zero matrix is special. */
    if (is_zero(matrix, rows * cols)) {
        memset(out, 0, (size_t)n * sizeof *out);
        return 0;
    }
    if (n <= TEAM_ORDER)
        team = NULL;
    gram_values(team, out, workspace, matrix, rows, cols);
    if (out[n - 1] >= gram_floor * out[0])
        return 0;
    return direct_values(team, out, workspace, matrix, rows, cols, err);
}

static int values(void *self, double *out, const float *matrix, int64_t rows, int64_t cols,
                  void *workspace, struct error *err)
{
    return team_values(self, NULL, out, matrix, rows, cols, workspace, err);
}

const struct spectra_ops CPU(spectra_ops) = {
    .values = values, .team_values = team_values, .workspace = workspace, .accuracy = 1e-10};
