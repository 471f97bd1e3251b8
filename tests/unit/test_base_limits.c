/* Limits of memory and processors, from made-up trees of /proc and /sys. */
#include "test.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/quota.h>
#include <unistd.h>

static char root[] = "/tmp/spectrum-limits-XXXXXX";

static void put(const char *path, const char *text)
{
    char file[1024], folder[1024];
    snprintf(file, sizeof file, "%s/%s", root, path);
    snprintf(folder, sizeof folder, "%s", file);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(folder_make(folder, NULL), 0);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static int begin(void **state)
{
    (void)state;
    memcpy(root + sizeof root - 7, "XXXXXX", 6);
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static struct memory_limit read_limit(void)
{
    struct memory_limit limit;
    memory_limit_read(&limit, root);
    return limit;
}

static void nothing_bounds(void **state)
{
    (void)state;
    assert_true(read_limit().left == UINT64_MAX);
    assert_int_equal(processor_quota(root), 0);
}

/* Slurm's steps have no limit of their own; the job above them has. */
static void version_2_is_read_up_to_the_root(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    put("proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
    put("sys/fs/cgroup/slurm/job_7/memory.max", "1000000\n");
    put("sys/fs/cgroup/slurm/job_7/memory.current", "500000\n");
    put("sys/fs/cgroup/slurm/job_7/memory.stat",
        "anon 1\ninactive_file 200000\nactive_file 100000\n");
    put("sys/fs/cgroup/slurm/job_7/cpu.max", "250000 100000\n");
    put("sys/fs/cgroup/slurm/cpu.max", "max 100000\n");
    assert_int_equal(read_limit().left, 800000);
    assert_non_null(strstr(read_limit().by, "memory.max of /sys/fs/cgroup/slurm/job_7 "));
    assert_int_equal(processor_quota(root), 3);
    put("sys/fs/cgroup/slurm/memory.high", "300000\n");
    assert_int_equal(read_limit().left, 300000);
    assert_non_null(strstr(read_limit().by, "memory.high of /sys/fs/cgroup/slurm "));
}

static void version_1_knows_no_limit_by_a_huge_number(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:cpu,cpuacct:/j\n4:memory:/j\n1:name=systemd:/j\n");
    put("proc/self/mountinfo", "31 25 0:27 / /cg/mem rw shared:1 - cgroup cgroup rw,memory\n"
                               "32 25 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
    put("cg/mem/j/memory.limit_in_bytes", "9223372036854771712\n");
    put("cg/mem/j/memory.usage_in_bytes", "1000\n");
    put("cg/cpu/j/cpu.cfs_quota_us", "-1\n");
    put("cg/cpu/j/cpu.cfs_period_us", "100000\n");
    assert_true(read_limit().left == UINT64_MAX);
    assert_int_equal(processor_quota(root), 0);
    put("cg/mem/j/memory.stat", "hierarchical_memory_limit 50000\n");
    put("cg/cpu/j/cpu.cfs_quota_us", "200000\n");
    assert_int_equal(read_limit().left, 49000);
    assert_int_equal(processor_quota(root), 2);
}

/* Both hierarchies: memory is version 1's here, and the unified one has no controller. */
static void hybrid_mounts_are_told_apart(void **state)
{
    (void)state;
    put("proc/self/cgroup", "4:memory:/j\n0::/u\n");
    put("proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                               "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    put("sys/fs/cgroup/memory/j/memory.limit_in_bytes", "70000\n");
    assert_int_equal(read_limit().left, 70000);
}

/* A container sees the host's path, one below what is mounted, or one outside its namespace. */
static void namespaces_are_followed_as_far_as_they_go(void **state)
{
    (void)state;
    put("sys/fs/cgroup/memory.max", "60000\n");
    put("proc/self/mountinfo", "30 25 0:26 /docker/a /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
    static const char *const groups[] = {"0::/docker/a\n", "0::/\n", "0::/../..\n", "0::/other\n"};
    for (int i = 0; i < 4; i++) {
        put("proc/self/cgroup", groups[i]);
        assert_int_equal(read_limit().left, 60000);
    }
    put("sys/fs/cgroup/below/memory.max", "40000\n");
    put("proc/self/cgroup", "0::/docker/a/below\n");
    assert_int_equal(read_limit().left, 40000);
}

/* Docker on a host with version 1: each controller's mount shows the container's group, which the
 * process knows by the host's path or, in a namespace, as "/". Spaces in a path are escaped. */
static void version_1_in_a_container(void **state)
{
    (void)state;
    put("proc/self/mountinfo",
        "31 25 0:27 /docker/a\\040b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        "32 25 0:28 /docker/a\\040b /run/my\\040groups/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "70000\n");
    put("run/my groups/cpu/cpu.cfs_quota_us", "150000\n");
    put("run/my groups/cpu/cpu.cfs_period_us", "100000\n");
    static const char *const groups[] = {"4:memory:/docker/a b\n3:cpu,cpuacct:/docker/a b\n",
                                         "4:memory:/\n3:cpu,cpuacct:/\n"};
    for (int i = 0; i < 2; i++) {
        put("proc/self/cgroup", groups[i]);
        assert_int_equal(read_limit().left, 70000);
        assert_int_equal(processor_quota(root), 2);
    }
    put("run/my groups/cpu/below/cpu.cfs_quota_us", "50000\n");
    put("run/my groups/cpu/below/cpu.cfs_period_us", "100000\n");
    put("proc/self/cgroup", "3:cpu,cpuacct:/docker/a b/below\n");
    assert_int_equal(processor_quota(root), 1);
}

/* The host's whole hierarchy, given to a container. */
static void a_root_that_was_bound_into_a_container(void **state)
{
    (void)state;
    put("proc/self/mountinfo", "31 25 0:27 / /host/cg/memory ro - cgroup cgroup rw,memory\n");
    put("proc/self/cgroup", "4:memory:/docker/a\n");
    put("host/cg/memory/docker/a/memory.limit_in_bytes", "50000\n");
    put("host/cg/memory/memory.limit_in_bytes", "90000\n");
    assert_int_equal(read_limit().left, 50000);
}

static void the_process_has_limits_of_its_own(void **state)
{
    (void)state;
    put("proc/self/limits", "Max data size             unlimited            unlimited     bytes\n"
                            "Max address space         2048000              unlimited     bytes\n");
    put("proc/self/status", "VmSize:\t    1000 kB\n");
    assert_int_equal(read_limit().left, 1024000);
    assert_non_null(strstr(read_limit().by, "address space"));
}

static void room_is_known_of_what_is_not_there_yet(void **state)
{
    uint64_t bytes;
    bool quota;
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/not/there/yet", root);
    assert_true(disk_left(path, &bytes, &quota));
    assert_true(disk_left("not-there", &bytes, &quota));
    assert_false(disk_left("/proc/self", &bytes, &quota));
}

static uint64_t disk_free, quota_limit, quota_used;

static int made_up_disk(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_blocks = 1 << 20, .f_frsize = 1024, .f_bavail = disk_free / 1024};
    return 0;
}

static int made_up_quota(int fd, int command, unsigned id, void *out)
{
    (void)fd, (void)id;
    bool user = ((unsigned)command & SUBCMDMASK) == USRQUOTA;
    *(struct dqblk *)out =
        (struct dqblk){.dqb_bhardlimit = user ? quota_limit / 1024 : 0, .dqb_curspace = quota_used};
    return 0;
}

/* What does not fit is refused, by the disk or by a quota; just what is left fits. */
static void room_on_a_disk_and_within_a_quota(void **state)
{
    struct sys_table real = sys;
    struct error err = ERROR_INIT;
    uint64_t bytes;
    bool quota;
    (void)state;
    sys.fstatvfs = made_up_disk;
    sys.quotactl_fd = made_up_quota;
    disk_free = 100 << 20;
    quota_limit = 0; /* it is counted and not bounded */
    assert_true(disk_left(root, &bytes, &quota) && bytes == 100 << 20 && !quota);
    assert_int_equal(disk_check(root, 100 << 20, &err), 0);
    assert_int_equal(disk_check(root, (100 << 20) + 1, &err), -1);
    assert_non_null(strstr(err.text, "100 MiB are left there"));
    quota_limit = 30 << 20;
    quota_used = 20 << 20;
    assert_int_equal(disk_check(root, 10 << 20, &err), 0);
    assert_int_equal(disk_check(root, 11 << 20, &err), -1);
    assert_non_null(strstr(err.text, "11.0 MiB are to be written, and 10.0 MiB are left within"));
    quota_used = 40 << 20; /* beyond it already */
    assert_true(disk_left(root, &bytes, &quota) && bytes == 0 && quota);
    sys = real;
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(nothing_bounds),
        test(version_2_is_read_up_to_the_root),
        test(version_1_knows_no_limit_by_a_huge_number),
        test(hybrid_mounts_are_told_apart),
        test(namespaces_are_followed_as_far_as_they_go),
        test(version_1_in_a_container),
        test(a_root_that_was_bound_into_a_container),
        test(the_process_has_limits_of_its_own),
        test(room_is_known_of_what_is_not_there_yet),
        test(room_on_a_disk_and_within_a_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
