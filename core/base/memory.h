/* Memory: overflow-checked allocation, and the categories by which a run's memory is planned and
 * shown (train/memory_plan.h). */
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

/* Bytes of memory that this machine has; that this process may still take: what the kernel can give
 * without swapping, within the limits of its control groups and its own (base/limits.h). */
uint64_t machine_memory(void);
uint64_t available_memory(void);

#endif
