/* How much memory this process has, and how much there is (base/memory.h). */
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

/* What a control group's limit leaves; files that could be forgotten do not count as used. */
static uint64_t left_in(const char *group)
{
    char path[600];
    uint64_t limit, used = 0, files = 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
    if (!read_number(&limit, path, NULL)) /* it says "max", or is not there */
        return UINT64_MAX;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.current", group);
    read_number(&used, path, NULL);
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.stat", group);
    read_number(&files, path, "inactive_file ");
    used = used > files ? used - files : 0;
    return limit > used ? limit - used : 0;
}

/* Control groups (version 2) from this process's own upwards. */
static uint64_t left_in_groups(void)
{
    char line[512] = "";
    uint64_t least = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file) && strncmp(line, "0::/", 4) != 0)
        line[0] = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
    char *group = line[0] ? line + 3 : line;
    for (char *end; (end = strrchr(group, '/')) != NULL; *end = '\0') {
        uint64_t left = left_in(group);
        least = left < least ? left : least;
    }
    return least;
}

uint64_t available_memory(void)
{
    uint64_t left = left_in_groups(), bytes = read_kilobytes("/proc/meminfo", "MemAvailable:");
    if (bytes == 0)
        bytes = machine_memory();
    return bytes < left ? bytes : left;
}
