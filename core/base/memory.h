/* Memory: overflow-checked allocation, and the categories by which a run's memory is planned and
 * shown (train/memory_plan.h). What there is of it is in limits.h, what this process has in
 * process.h. */
#ifndef SPECTRUM_BASE_MEMORY_H
#define SPECTRUM_BASE_MEMORY_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#ifdef __clang_analyzer__
#include <stdlib.h>
#endif

enum memory_category {
    MEMORY_WEIGHTS,
    MEMORY_MASTERS,
    MEMORY_GRADIENTS,
    MEMORY_OPTIMIZER,
    MEMORY_ACTIVATIONS,
    MEMORY_WORKSPACE,
    MEMORY_CATEGORIES
};

/* "weights", "masters", ...: the keys of metrics.jsonl's memory_bytes. */
const char *memory_category_name(enum memory_category category);

/* count * size zeroed bytes, checked for overflow; free() it. count 0 gives a valid pointer. */
void *array_alloc(size_t count, size_t size, struct error *err);

/* Grows *array (capacity *capacity elements of `size` bytes) so that it holds at least `needed`.
 * Returns 0, or -1 with the array as it was. */
int array_reserve(void **array, size_t *capacity, size_t needed, size_t size, struct error *err);

/* strdup with an error. */
char *string_copy(const char *text, struct error *err);

/* clang's analyser reads one file at a time: this is what it is to know of the bytes. */
#ifdef __clang_analyzer__
#define array_alloc(count, size, err) ((void)(err), calloc((size_t)(count) + 1, size))
#endif

#endif
