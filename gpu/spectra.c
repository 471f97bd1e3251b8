/* The singular values of one matrix on a device: from the Gram matrix of its shorter side, and
 * where that says too little of the small ones from the matrix itself. */
#include "compute/spectra_ops.h"
#include "gpu/device.h"
#include "gpu/stages.h"

#include <math.h>
#include <string.h>

/* What an eigenvalue of the Gram matrix may be off by, in parts of the largest. */
static const double square_error = 1e-14;

/* Half of the values are noise, always. Their sum is what the score is divided by: it must not be
 * off by more than this part of it. */
static const double noise_error = 1e-7;

struct work {
    double *gram, *squares;
    int *found;
    struct gram_work slices;
    struct symmetric_work symmetric;
};

/* The Gram matrix's slices and what comes after them take the same memory in turn. */
static uint64_t take(struct work *work, char *memory, int64_t rows, int64_t cols)
{
    int64_t n = rows < cols ? rows : cols;
    struct arena arena = {memory, 0};
    work->gram = arena_take(&arena, (uint64_t)n * (uint64_t)n, sizeof *work->gram);
    work->squares = arena_take(&arena, (uint64_t)n, sizeof *work->squares);
    work->found = arena_take(&arena, 1, sizeof *work->found);
    struct arena other = arena;
    gram_take(&work->slices, &arena, rows, cols);
    symmetric_take(&work->symmetric, &other, n);
    return arena.used > other.used ? arena.used : other.used;
}

/* Puts everything on the stream and waits; squares, ascending, and what was found. */
static int compute_squares(const struct lane *lane, const struct work *work, double *squares,
                           int *found, const float *matrix, int64_t rows, int64_t cols,
                           struct error *err)
{
    int64_t n = rows < cols ? rows : cols;
    cudaError_t status = cudaMemsetAsync(work->found, 0, sizeof *work->found, lane->stream);
    if (status_check(status, err) != 0 ||
        gram_put(lane, &work->slices, work->gram, work->found, matrix, rows, cols, err) != 0 ||
        symmetric_put(lane, &work->symmetric, work->squares, work->gram, n, err) != 0)
        return -1;
    status = cudaMemcpyAsync(squares, work->squares, (size_t)n * sizeof *squares,
                             cudaMemcpyDeviceToHost, lane->stream);
    if (status == cudaSuccess)
        status = cudaMemcpyAsync(found, work->found, sizeof *found, cudaMemcpyDeviceToHost,
                                 lane->stream);
    if (status == cudaSuccess)
        status = cudaStreamSynchronize(lane->stream);
    return status_check(status, err);
}

/* A square that is off by e makes its root off by e / (2 S), and at most sqrt(e). */
static bool are_exact_enough(const double *values, int64_t n)
{
    double largest = values[0], error = 0, noise = 0;
    for (int64_t i = n / 2; i < n; i++) {
        double part = values[i] / largest;
        noise += part;
        error += fmin(square_error / (2 * part), sqrt(square_error));
    }
    return error <= noise_error * noise;
}

static int compute(struct device *device, struct lane *lane, double *values, const float *matrix,
                   int64_t rows, int64_t cols, struct error *err)
{
    int64_t n = rows < cols ? rows : cols;
    struct work work;
    int found = 0;
    if (lane_reserve(&device->pool, lane, take(&work, NULL, rows, cols), err) != 0)
        return -1;
    take(&work, lane->memory, rows, cols);
    if (compute_squares(lane, &work, values, &found, matrix, rows, cols, err) != 0) {
        cudaStreamSynchronize(lane->stream); /* nobody reads the host's memory any more */
        return -1;
    }
    if (found & FOUND_NOT_FINITE)
        return spectra_check_finite(matrix, rows, cols, err);
    spectra_of_squares(values, n);
    if (!(found & FOUND_NOT_ZERO)) {
        memset(values, 0, (size_t)n * sizeof *values);
        return 0;
    }
    if (are_exact_enough(values, n))
        return 0;
    return direct_values(&device->pool, lane, values, matrix, rows, cols, err);
}

static int values(void *self, double *out, const float *matrix, int64_t rows, int64_t cols,
                  void *room, struct error *err)
{
    struct device *device = self;
    struct error trouble = ERROR_INIT;
    (void)room;
    if (rows < 1 || cols < 1)
        return 0;
    int status = device_enter(device, &trouble);
    struct lane *lane = status == 0 ? lane_take(&device->pool, &trouble) : NULL;
    if (lane) {
        status = compute(device, lane, out, matrix, rows, cols, &trouble);
        lane_give_back(&device->pool, lane);
    }
    if (lane && status == 0)
        return 0;
    if (trouble.kind == ERROR_DEVICE)
        return device_lost(device, &trouble, err);
    return error_set_kind(err, trouble.kind, "%s", trouble.text);
}

static size_t workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    (void)rows;
    (void)cols;
    return 0; /* all of it is the device's */
}

static int side_by_side(void *self, int64_t rows, int64_t cols)
{
    struct work work;
    uint64_t bytes = take(&work, NULL, rows, cols);
    (void)self;
    return bytes > lanes_budget / 2            ? 1
           : lanes_budget / bytes > LANES_MOST ? LANES_MOST
                                               : (int)(lanes_budget / bytes);
}

const struct spectra_ops device_spectra_ops = {
    .values = values, .workspace = workspace, .side_by_side = side_by_side, .accuracy = 1e-7};
