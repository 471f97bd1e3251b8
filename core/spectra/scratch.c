#include "spectra/scratch.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, SHORTER_MAX = 1 << 27 };

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
static int grow(void **memory, size_t *have, size_t need, struct error *err)
{
    if (need <= *have)
        return 0;
    free(*memory);
    *have = 0;
    *memory = malloc(need);
    if (!*memory)
        return error_set(err, "not enough memory: %.0f MB are needed", (double)need / 1e6);
    *have = need;
    return 0;
}

int scratch_reserve(struct scratch *scratch, const struct backend *backend, int64_t rows,
                    int64_t cols, struct error *err)
{
    void *matrix = scratch->matrix;
    size_t room = backend->spectra->workspace(backend->self, rows, cols) + ALIGNMENT;
    int status =
        grow(&matrix, &scratch->matrix_bytes, (size_t)rows * (size_t)cols * sizeof(float) + 1, err);
    scratch->matrix = matrix;
    if (status == 0)
        status = grow(&scratch->memory, &scratch->room_bytes, room, err);
    uintptr_t start = (uintptr_t)scratch->memory;
    scratch->room = (void *)((start + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return status;
}

void scratch_free(struct scratch *scratch)
{
    free(scratch->matrix);
    free(scratch->memory);
}
