#include "spectra/scratch.h"

#include "compute/spectra.h"

enum { SHORTER_MAX = 1 << 27 }; /* of a matrix's shorter side: its square is what is computed */

uint64_t scratch_need(const struct backend *backend, int64_t rows, int64_t cols)
{
    uint64_t elements;
    if ((rows > SHORTER_MAX && cols > SHORTER_MAX) ||
        __builtin_mul_overflow((uint64_t)rows, (uint64_t)cols, &elements) ||
        elements > UINT64_MAX / 64)
        return UINT64_MAX;
    return elements * sizeof(float) + backend->spectra->workspace(backend->self, rows, cols);
}

/* Not realloc(): nothing in it is worth a copy. */
static void *grow(const struct backend *backend, void *memory, size_t *have, size_t need,
                  struct error *err)
{
    if (need <= *have)
        return memory;
    if (memory)
        backend->host_free(backend->self, memory);
    memory = backend->host_alloc(backend->self, need, err);
    *have = memory ? need : 0;
    return memory;
}

/* Kept from matrix to matrix and only grown; another back end's memory is its own kind. */
int scratch_reserve(struct scratch *scratch, const struct backend *backend, int64_t rows,
                    int64_t cols, struct error *err)
{
    size_t matrix = (size_t)rows * (size_t)cols * sizeof(float) + 1;
    size_t workspace = backend->spectra->workspace(backend->self, rows, cols) + 1;
    if (scratch->backend != backend)
        scratch_free(scratch);
    scratch->backend = backend;
    scratch->matrix = grow(backend, scratch->matrix, &scratch->matrix_bytes, matrix, err);
    if (scratch->matrix)
        scratch->workspace =
            grow(backend, scratch->workspace, &scratch->workspace_bytes, workspace, err);
    return scratch->matrix && scratch->workspace ? 0 : -1;
}

void scratch_free(struct scratch *scratch)
{
    const struct backend *backend = scratch->backend;
    if (scratch->matrix)
        backend->host_free(backend->self, scratch->matrix);
    if (scratch->workspace)
        backend->host_free(backend->self, scratch->workspace);
    *scratch = (struct scratch){0};
}
