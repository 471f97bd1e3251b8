/* How much memory this process has, and how much there is (base/memory.h). */
#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The number behind a key, or, without one, the first of the file. */
static bool read_number(uint64_t *out, const char *path, const char *key)
{
    char line[256];
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        size_t length = key ? strlen(key) : 0;
        found = strncmp(line, key ? key : "", length) == 0 &&
                sscanf(line + length, "%" SCNu64, out) == 1;
        if (!key)
            break;
    }
    if (file)
        fclose(file);
    return found;
}

static uint64_t read_kilobytes(const char *path, const char *key)
{
    uint64_t kilobytes;
    return read_number(&kilobytes, path, key) ? kilobytes * 1024 : 0;
}

size_t process_resident_bytes(void)
{
    return read_kilobytes("/proc/self/status", "VmRSS:");
}

size_t process_peak_bytes(void)
{
    return read_kilobytes("/proc/self/status", "VmHWM:");
}

uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t available_memory_within(struct memory_limit *limit)
{
    uint64_t bytes = read_kilobytes("/proc/meminfo", "MemAvailable:");
    memory_limit_read(limit, "");
    if (bytes == 0)
        bytes = machine_memory();
    if (bytes >= limit->left)
        return limit->left;
    limit->by[0] = '\0';
    return bytes;
}

uint64_t available_memory(void)
{
    struct memory_limit limit;
    return available_memory_within(&limit);
}
