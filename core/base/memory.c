#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *memory_category_name(enum memory_category category)
{
    static const char *const names[MEMORY_CATEGORIES] = {
        "weights", "masters", "gradients", "optimizer", "activations", "workspace",
    };
    return names[category];
}

void *array_alloc(size_t count, size_t size, struct error *err)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    if (!pointer)
        error_set(err, "not enough memory for %zu elements of %zu bytes", count, size);
    return pointer;
}

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

/* Of a line "KEY: N kB". */
static size_t proc_status_bytes(const char *key)
{
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        return 0;
    char line[256];
    size_t kilobytes = 0, key_length = strlen(key);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, key_length) == 0 && line[key_length] == ':') {
            kilobytes = strtoull(line + key_length + 1, NULL, 10);
            break;
        }
    }
    fclose(file);
    return kilobytes * 1024;
}

size_t process_resident_bytes(void)
{
    return proc_status_bytes("VmRSS");
}

size_t process_peak_bytes(void)
{
    return proc_status_bytes("VmHWM");
}

uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}
