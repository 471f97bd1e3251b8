#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const char *memory_category_name(enum memory_category category)
{
    static const char *const names[MEMORY_CATEGORIES] = {
        "weights", "masters", "gradients", "optimizer", "activations", "workspace",
    };
    return names[category];
}

void *(array_alloc)(size_t count, size_t size, struct error *err)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    if (!pointer)
        error_set(err, "not enough memory for %zu elements of %zu bytes", count, size);
    return pointer;
}

/* Half as much more each time, so that appending one by one stays linear. */
int array_reserve(void **array, size_t *capacity, size_t needed, size_t size, struct error *err)
{
    if (needed <= *capacity)
        return 0;
    size_t grown = *capacity + *capacity / 2 + 8;
    if (grown < needed)
        grown = needed;
    void *moved = grown > SIZE_MAX / size ? NULL : realloc(*array, grown * size);
    if (!moved)
        return error_set(err, "not enough memory for %zu elements of %zu bytes", grown, size);
    *array = moved;
    *capacity = grown;
    return 0;
}

char *string_copy(const char *text, struct error *err)
{
    char *copy = strdup(text);
    if (!copy)
        error_set(err, "not enough memory for a string of %zu bytes", strlen(text));
    return copy;
}
