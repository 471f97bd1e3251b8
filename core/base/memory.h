/* Memory: overflow-checked allocation, and bytes counted by category.
 *
 * The categories are the ones the screen shows (DESIGN.md, "Memory is planned"). Big buffers are
 * allocated with memory_alloc() under a category; small housekeeping uses array_alloc().
 */
#ifndef SPECTRUM_BASE_MEMORY_H
#define SPECTRUM_BASE_MEMORY_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

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

/* 64-byte aligned, not cleared. Counted until memory_free(). NULL and an error when refused. */
void *memory_alloc(enum memory_category category, size_t bytes, struct error *err);
void memory_free(enum memory_category category, void *pointer, size_t bytes);

/* Bytes allocated at this moment under a category. */
size_t memory_used(enum memory_category category);

/* count * size zeroed bytes, checked for overflow; free() it. count 0 gives a valid pointer. */
void *array_alloc(size_t count, size_t size, struct error *err);

/* Grows *array (capacity *capacity elements of `size` bytes) so that it holds at least `needed`.
 * Returns 0, or -1 with the array as it was. */
int array_reserve(void **array, size_t *capacity, size_t needed, size_t size, struct error *err);

/* strdup with an error. */
char *string_copy(const char *text, struct error *err);

/* Resident set size of this process now, and its peak, in bytes; 0 where /proc does not say. */
size_t process_resident_bytes(void);
size_t process_peak_bytes(void);

#endif
