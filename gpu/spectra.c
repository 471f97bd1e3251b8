/* The singular values of one matrix on a device: from the Gram matrix of its shorter side, and
 * where that says too little of the small ones from the matrix itself.
 *
 * Where noise ends, which decides how exact small values must be, is not said here: spectra_sigma()
 * and spectra_threshold() of core/compute/spectra.h are the one formula, for this plug-in and for
 * the score (core/spectra/score.h). */
#include "gpu/device.h"
#include "gpu/stages.h"

#include <math.h>
#include <string.h>

struct work {
    double *gram, *squares;
    int *found;
    struct gram_work slices;
    struct symmetric_work symmetric;
};

/* Places it in the memory (NULL: measures it only) and returns the bytes that it takes. The Gram
 * matrix's slices and what comes after them have the same memory, one after the other. */
static uint64_t work_place(struct work *work, char *memory, int64_t rows, int64_t cols)
{
    int64_t n = shorter(rows, cols);
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
static int compute_squares(const struct stream_slot *slot, const struct work *work, double *squares,
                           int *found, const float *matrix, int64_t rows, int64_t cols,
                           struct error *err)
{
    int64_t n = shorter(rows, cols);
    cudaError_t status = cudaMemsetAsync(work->found, 0, sizeof *work->found, slot->stream);
    if (status_check(status, err) != 0 ||
        gram_put(slot, &work->slices, work->gram, work->found, matrix, rows, cols, err) != 0 ||
        symmetric_put(slot, &work->symmetric, work->squares, work->gram, n, err) != 0)
        return -1;
    if (slot_fetch(slot, squares, work->squares, (size_t)n * sizeof *squares, err) != 0)
        return -1;
    return slot_fetch(slot, found, work->found, sizeof *found, err);
}

/* --- are squares enough? --- */

/* What an eigenvalue of the Gram matrix may be off by, in parts of the largest: more where more
 * products are added up. */
static double square_error(int64_t depth)
{
    return 1e-14 * sqrt(1 + (double)depth / 16384);
}

/* Values and what they may be off by, both in parts of the largest, from the i-th on. A square that
 * is off by e makes its root off by e / (2 S), and at most sqrt(e). */
struct tail {
    double sum, error;
};

static struct tail tail_from(const double *values, int64_t i, int64_t n, double off)
{
    struct tail tail = {0, 0};
    for (; i < n; i++) {
        double part = values[i] / values[0];
        tail.sum += part;
        tail.error += fmin(off / (2 * part), sqrt(off));
    }
    return tail;
}

/* The first value of the smallest set that an estimator calls noise (core/spectra/score.h): the
 * reference's, if not the smaller half. A value that rounding may have kept above the threshold
 * counts as below. */
static int64_t noise_from(const double *values, int64_t rows, int64_t cols, double off)
{
    int64_t n = shorter(rows, cols), i = n / 2;
    double threshold =
        spectra_threshold(spectra_sigma(values, n), rows, cols) + sqrt(off) * values[0];
    while (i < n && values[i] > threshold)
        i++;
    return i;
}

/* The sum of the noise is what a score is divided by: it must not be off by more than this part of
 * it, whichever estimator is asked for. */
static bool are_exact_enough(const double *values, int64_t rows, int64_t cols)
{
    static const double noise_error = 1e-7;
    int64_t n = shorter(rows, cols);
    double off = square_error(longer(rows, cols));
    struct tail half = tail_from(values, n / 2, n, off);
    struct tail noise = tail_from(values, noise_from(values, rows, cols, off), n, off);
    return half.error <= noise_error * half.sum && noise.error <= noise_error * noise.sum;
}

/* --- one matrix --- */

static int compute(struct device *device, struct stream_slot *slot, double *values,
                   const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    struct work work;
    int found = 0;
    if (slot_reserve(&device->pool, slot, work_place(&work, NULL, rows, cols), err) != 0)
        return -1;
    work_place(&work, slot->memory, rows, cols);
    if (compute_squares(slot, &work, values, &found, matrix, rows, cols, err) != 0) {
        cudaStreamSynchronize(slot->stream); /* nobody reads the host's memory any more */
        return -1;
    }
    if (found & FOUND_NOT_FINITE) {
        if (spectra_check_finite(matrix, rows, cols, err) != 0)
            return -1;
        return error_set_kind(err, ERROR_DEVICE, "it read NaN where there is none");
    }
    if (!(found & FOUND_NOT_ZERO)) {
        memset(values, 0, (size_t)shorter(rows, cols) * sizeof *values);
        return 0;
    }
    spectra_of_squares(values, shorter(rows, cols));
    if (are_exact_enough(values, rows, cols))
        return 0;
    return direct_values(&device->pool, slot, values, matrix, rows, cols, err);
}

static int values(void *self, double *out, const float *matrix, int64_t rows, int64_t cols,
                  void *host_workspace, struct error *err)
{
    struct device *device = self;
    struct error trouble = ERROR_INIT;
    (void)host_workspace; /* none is asked for */
    if (rows < 1 || cols < 1)
        return 0;
    int status = device_enter(device, &trouble);
    struct stream_slot *slot = status == 0 ? slot_take(&device->pool, &trouble) : NULL;
    if (slot) {
        status = compute(device, slot, out, matrix, rows, cols, &trouble);
        slot_give_back(&device->pool, slot);
    }
    if (slot && status == 0)
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
    const struct device *device = self;
    struct work work;
    if (rows < 1 || cols < 1)
        return SLOTS_MAX;
    uint64_t fit = device->pool.budget / work_place(&work, NULL, rows, cols);
    return fit < 1 ? 1 : fit > SLOTS_MAX ? SLOTS_MAX : (int)fit;
}

const struct spectra_ops device_spectra_ops = {
    .values = values, .workspace = workspace, .side_by_side = side_by_side, .accuracy = 1e-7};
