/* What the system lets this process have: memory within control groups and resource limits,
 * processors within a quota, room on a disk.
 *
 * `root` stands before /proc and /sys: "" in the program, a made-up tree in tests. */
#ifndef SPECTRUM_BASE_LIMITS_H
#define SPECTRUM_BASE_LIMITS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct memory_limit {
    uint64_t left; /* bytes that may still be taken; UINT64_MAX: nothing bounds them */
    char by[160];  /* what bounds them: "memory.max of /sys/fs/cgroup/job_7 (1.50 GiB)" */
};

/* The tightest of the control groups, of both versions, from this process's own up to the root of
 * what is mounted, and of the limits of address space and data (ulimit -v, -d). Files that could be
 * forgotten do not count as taken. */
void memory_limit_read(struct memory_limit *out, const char *root);

/* Bytes of memory that this machine has; that this process may still take: what the kernel can give
 * without swapping, within the limits of its control groups and its own. */
uint64_t machine_memory(void);
uint64_t available_memory(void);

/* available_memory(), and what bounds it: by[0] is '\0' where that is the machine alone. */
uint64_t available_memory_within(struct memory_limit *limit);

/* Refuses what would be killed: `needed` bytes that a control group or a limit does not leave.
 * `less` is what needs less, after a semicolon. */
int memory_limit_check(uint64_t needed, const char *less, struct error *err);

/* Refuses what would not be mapped: `needed` bytes of addresses, used or not, that ulimit -v or -d
 * does not leave. `who` takes them; `less` as above. */
int address_space_check(uint64_t needed, const char *who, const char *less, struct error *err);

/* Processors that a control group's quota (cpu.max, cpu.cfs_quota_us) comes to, rounded up; 0:
 * there is none. */
int processor_quota(const char *root);

/* Bytes that this user may still write where `path` lies (or will lie: a part that is not there yet
 * is passed over), by the file system and, where it tells, by a quota; *quota says which. False:
 * it cannot be known. A quota that a network file system's server keeps is not seen here. */
bool disk_left(const char *path, uint64_t *bytes, bool *quota);

/* Refuses to begin writing what would not fit there; where that cannot be known, it goes on. */
int disk_check(const char *path, uint64_t needed, struct error *err);

#endif
