#include "base/limits.h"

#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Where each limit is read:
 *
 *     memory       every group of this process from its own up to the mount: memory.max and
 *                  memory.high (version 2), memory.limit_in_bytes and hierarchical_memory_limit
 *                  (version 1), each less what is in use but for files that could be forgotten;
 *                  "Max address space" and "Max data size" of /proc/self/limits
 *     processors   cpu.max, or cpu.cfs_quota_us / cpu.cfs_period_us
 *     a disk       statvfs(), and quotactl_fd() for a user's and a group's quota
 *
 * The tightest counts. A file that cannot be read is not a limit: what is not known must not stop
 * anybody.
 */
enum { ROOT_PATH_MAX = 4096, PROC_LINE_MAX = 8192 };

/* Version 1 says "no limit" as the largest number of whole pages. */
static const uint64_t NO_LIMIT = (uint64_t)1 << 60;

/* --- control groups --- */

/* A place in the hierarchy that one controller's groups are mounted at, and this process's group
 * below it. `mount` is the path without `group`; both as the process sees them. */
struct group_place {
    char mount[ROOT_PATH_MAX], group[ROOT_PATH_MAX];
};

typedef void group_reader(void *context, const char *folder, int version);

/* The number after a key, or, without one, the first of the file. */
static bool read_number(uint64_t *out, const char *folder, const char *file, const char *key)
{
    char path[ROOT_PATH_MAX + 64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *open = sys.fopen(path, "re");
    while (open && !found && fgets(line, sizeof line, open)) {
        size_t length = key ? strlen(key) : 0;
        found = strncmp(line, key ? key : "", length) == 0 && line[length] != '-' &&
                sscanf(line + length, "%" SCNu64, out) == 1;
        if (!key)
            break;
    }
    if (open)
        fclose(open);
    return found;
}

/* Is `name` one of a list that commas part? */
static bool lists(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* This process's group of a controller (version 1), or of the unified hierarchy (NULL). */
static bool find_group(char out[ROOT_PATH_MAX], const char *root, const char *controller)
{
    char path[ROOT_PATH_MAX], line[PROC_LINE_MAX];
    bool found = false;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = sys.fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        names++;
        found = controller ? lists(names, controller) : names[0] == '\0';
        if (found)
            snprintf(out, ROOT_PATH_MAX, "%s", group);
    }
    if (file)
        fclose(file);
    return found;
}

/* The group's path below a mount that shows the hierarchy from `from` on. A group that lies outside
 * what is mounted ("/../..", or a container that sees the host's path) is known by the mount point
 * alone: that is as far as this process can look. */
static void place_group(struct group_place *place, const char *from, const char *group)
{
    size_t length = strcmp(from, "/") == 0 ? 0 : strlen(from);
    bool below =
        strncmp(group, from, length) == 0 && (group[length] == '/' || group[length] == '\0');
    bool outside = strstr(group, "/..") != NULL || !below;
    snprintf(place->group, sizeof place->group, "%s", outside ? "" : group + length);
    if (strcmp(place->group, "/") == 0)
        place->group[0] = '\0';
}

/* The group and those above it, up to the mount point. */
static void read_upwards(const char *root, struct group_place *place, int version,
                         group_reader *reader, void *context)
{
    char folder[3 * ROOT_PATH_MAX];
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s%s", root, place->mount, place->group);
        reader(context, folder, version);
        char *slash = strrchr(place->group, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

/* The kernel writes a space, a tab, a newline and a backslash in a path as "\\040" and so on. */
static void unescape(char *path)
{
    char *out = path;
    for (const char *at = path; *at; out++) {
        bool escaped = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' &&
                       at[2] <= '7' && at[3] >= '0' && at[3] <= '7';
        *out = escaped ? (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0')) : *at;
        at += escaped ? 4 : 1;
    }
    *out = '\0';
}

/* A line of mountinfo: "36 35 0:30 ROOT MOUNT options [fields] - TYPE source superoptions". */
static bool parse_mount(const char *line, const char *controller, char from[ROOT_PATH_MAX],
                        struct group_place *place)
{
    char type[64], options[ROOT_PATH_MAX];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", from, place->mount) != 2 ||
        sscanf(rest, " - %63s %*s %4095s", type, options) != 2)
        return false;
    unescape(from);
    unescape(place->mount);
    return controller ? strcmp(type, "cgroup") == 0 && lists(options, controller)
                      : strcmp(type, "cgroup2") == 0;
}

/* The mounts of a controller's hierarchy, or of the unified one (NULL), and the customary places
 * where mountinfo cannot be read or tells another type. */
static void read_hierarchy(const char *root, const char *controller, group_reader *reader,
                           void *context)
{
    char path[ROOT_PATH_MAX], line[PROC_LINE_MAX], group[ROOT_PATH_MAX], from[ROOT_PATH_MAX];
    struct group_place place;
    int version = controller ? 1 : 2;
    bool mounted = false;
    if (!find_group(group, root, controller))
        return;
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    FILE *file = sys.fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (parse_mount(line, controller, from, &place)) {
            mounted |= strncmp(place.mount, "/sys/fs/cgroup", 14) != 0;
            place_group(&place, from, group);
            read_upwards(root, &place, version, reader, context);
        }
    if (file)
        fclose(file);
    if (mounted)
        return;
    snprintf(place.mount, sizeof place.mount, "/sys/fs/cgroup%s%s", controller ? "/" : "",
             controller ? controller : "");
    place_group(&place, "/", group);
    read_upwards(root, &place, version, reader, context);
}

static void take_least(struct memory_limit *out, uint64_t limit, uint64_t used, const char *what,
                       const char *of)
{
    uint64_t left = limit > used ? limit - used : 0;
    if (limit >= NO_LIMIT || left >= out->left)
        return;
    out->left = left;
    snprintf(out->by, sizeof out->by, "%s%s%.80s (%s)", what, of[0] ? " of " : "", of,
             bytes_text((double)limit).text);
}

struct memory_reading {
    struct memory_limit *out;
    size_t root_length; /* of what stands before the path that is shown */
};

static void read_group_memory(void *context, const char *folder, int version)
{
    const struct memory_reading *reading = context;
    static const char *const files[3][2] = {
        [1] = {"memory.limit_in_bytes", NULL},
        [2] = {"memory.max", "memory.high"},
    };
    const char *shown = folder + reading->root_length;
    uint64_t used = 0, inactive = 0, active = 0, limit;
    read_number(&used, folder, version == 1 ? "memory.usage_in_bytes" : "memory.current", NULL);
    read_number(&inactive, folder, "memory.stat",
                version == 1 ? "total_inactive_file " : "inactive_file ");
    read_number(&active, folder, "memory.stat",
                version == 1 ? "total_active_file " : "active_file ");
    used = used > inactive + active ? used - inactive - active : 0;
    for (int i = 0; i < 2; i++)
        if (files[version][i] && read_number(&limit, folder, files[version][i], NULL))
            take_least(reading->out, limit, used, files[version][i], shown);
    /* What bounds it from levels that a container does not see. */
    if (version == 1 && read_number(&limit, folder, "memory.stat", "hierarchical_memory_limit "))
        take_least(reading->out, limit, used, "hierarchical_memory_limit", shown);
}

/* --- limits of the process --- */

static void read_resource(struct memory_limit *out, const char *folder, const char *limit_key,
                          const char *used_key, const char *name)
{
    uint64_t limit, kilobytes = 0;
    if (!read_number(&limit, folder, "limits", limit_key))
        return; /* unlimited */
    read_number(&kilobytes, folder, "status", used_key);
    take_least(out, limit, kilobytes * 1024, name, "");
}

static void read_resources(struct memory_limit *out, const char *root)
{
    char self[ROOT_PATH_MAX];
    snprintf(self, sizeof self, "%s/proc/self", root);
    read_resource(out, self, "Max address space ", "VmSize:", "the limit of address space");
    read_resource(out, self, "Max data size ", "VmData:", "the limit of data");
}

void memory_limit_read(struct memory_limit *out, const char *root)
{
    struct memory_reading reading = {out, strlen(root)};
    *out = (struct memory_limit){.left = UINT64_MAX};
    read_hierarchy(root, NULL, read_group_memory, &reading);
    read_hierarchy(root, "memory", read_group_memory, &reading);
    read_resources(out, root);
}

uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The least of what the machine has free and what the limits leave; `by` says which limit it was,
 * if one. */
uint64_t available_memory_within(struct memory_limit *limit)
{
    uint64_t kilobytes = 0;
    memory_limit_read(limit, "");
    read_number(&kilobytes, "/proc", "meminfo", "MemAvailable:");
    uint64_t bytes = kilobytes > 0 ? kilobytes * 1024 : machine_memory();
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

static int refuse_beyond(const struct memory_limit *limit, uint64_t needed, const char *who,
                         const char *of, const char *less, struct error *err)
{
    if (needed <= limit->left)
        return 0;
    return error_set(err, "%s needs %s of %s and only %s are left within %s; %s", who,
                     bytes_text((double)needed).text, of, bytes_text((double)limit->left).text,
                     limit->by, less);
}

int memory_limit_check(uint64_t needed, const char *less, struct error *err)
{
    struct memory_limit limit;
    memory_limit_read(&limit, "");
    return refuse_beyond(&limit, needed, "it", "memory", less, err);
}

int address_space_check(uint64_t needed, const char *who, const char *less, struct error *err)
{
    struct memory_limit limit = {.left = UINT64_MAX};
    read_resources(&limit, "");
    return refuse_beyond(&limit, needed, who, "addresses", less, err);
}

/* --- processors --- */

/* Version 1 has two files, version 2 both numbers in one. A part of a processor counts as a whole
 * one. */
static void read_group_quota(void *context, const char *folder, int version)
{
    uint64_t quota, period = 0;
    int *least = context;
    char path[ROOT_PATH_MAX + 64], line[128] = "";
    bool found = false;
    if (version == 1) {
        found = read_number(&quota, folder, "cpu.cfs_quota_us", NULL) &&
                read_number(&period, folder, "cpu.cfs_period_us", NULL);
    } else {
        snprintf(path, sizeof path, "%.4095s/cpu.max", folder);
        FILE *file = sys.fopen(path, "re");
        found = file && fgets(line, sizeof line, file) &&
                sscanf(line, "%" SCNu64 " %" SCNu64, &quota, &period) == 2;
        if (file)
            fclose(file);
    }
    if (!found || period == 0 || quota == 0)
        return;
    uint64_t whole = (quota - 1) / period + 1;
    if (whole < 4096 && (*least == 0 || whole < (uint64_t)*least))
        *least = (int)whole;
}

int processor_quota(const char *root)
{
    int least = 0;
    read_hierarchy(root, NULL, read_group_quota, &least);
    read_hierarchy(root, "cpu", read_group_quota, &least);
    return least;
}

/* --- disks --- */

/* A user's or a group's quota; the kernel counts in blocks of 1024 bytes. False: none is known. */
static bool quota_left(int fd, int kind, unsigned id, uint64_t *bytes)
{
    /* QCMD() shifts a bit into the sign */
    const unsigned command = (unsigned)Q_GETQUOTA << SUBCMDSHIFT | ((unsigned)kind & SUBCMDMASK);
    struct dqblk quota = {0};
    if (sys.quotactl_fd(fd, command, id, &quota) != 0)
        return false;
    uint64_t limit = quota.dqb_bhardlimit * 1024;
    *bytes = limit > quota.dqb_curspace ? limit - quota.dqb_curspace : 0;
    return limit > 0;
}

/* The nearest folder above that is there. */
static int open_above(const char *path)
{
    char folder[ROOT_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (;;) {
        int fd = sys.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
            return fd;
        char *slash = strrchr(folder, '/');
        if (!slash)
            return sys.open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        slash[slash == folder] = '\0';
    }
}

/* What an unprivileged user may take (f_bavail), within his quota and his group's. */
bool disk_left(const char *path, uint64_t *bytes, bool *quota)
{
    struct statvfs info;
    uint64_t left;
    int fd = open_above(path);
    *quota = false;
    bool known = fd >= 0 && sys.fstatvfs(fd, &info) == 0 && info.f_blocks > 0;
    if (known)
        *bytes = (uint64_t)info.f_bavail * info.f_frsize;
    for (int kind = 0; known && kind < 2; kind++)
        if (quota_left(fd, kind == 0 ? USRQUOTA : GRPQUOTA, kind == 0 ? geteuid() : getegid(),
                       &left) &&
            left < *bytes) {
            *bytes = left;
            *quota = true;
        }
    if (fd >= 0)
        sys.close(fd);
    return known;
}

/* Where it cannot be known there is no error. */
int disk_check(const char *path, uint64_t needed, struct error *err)
{
    uint64_t left;
    bool quota;
    if (!disk_left(path, &left, &quota) || needed <= left)
        return 0;
    return error_set(err,
                     "%s: %s are to be written, and %s are left %s; another folder or a "
                     "cleared disk is needed (`spectrum cache clear` gives some back)",
                     path, bytes_text((double)needed).text, bytes_text((double)left).text,
                     quota ? "within the quota" : "there");
}
