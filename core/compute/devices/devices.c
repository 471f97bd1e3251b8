/* Back ends by the names that --device takes. The CPU's code is there once for each level of
 * instructions, and the widest that the processor has is taken; GPUs come from a plug-in, which is
 * looked for only when one is asked for. */
#include "compute/devices/devices.h"

#include "compute/cpu/products.h"
#include "compute/host.h"
#include "compute/machine.h"
#include "compute/plugin.h"
#include "compute/reference/reference.h"
#include "compute/wrappers/wrapper.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the CPU --- */

/* What each level computes (level.h). */
extern const struct host_operations cpu_operations_base;
#if defined(__x86_64__)
extern const struct host_operations cpu_operations_avx2, cpu_operations_avx512,
    cpu_operations_avx512bf16;
#endif

static bool has_base(void)
{
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}

static bool has_avx512bf16(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

/* The widest first. */
static const struct level {
    const char *name;
    const struct host_operations *operations;
    bool (*is_here)(void);
} levels[] = {
#if defined(__x86_64__)
    {"avx512bf16", &cpu_operations_avx512bf16, has_avx512bf16},
    {"avx512", &cpu_operations_avx512, has_avx512},
    {"avx2", &cpu_operations_avx2, has_avx2},
#endif
    {"base", &cpu_operations_base, has_base},
};

static const struct level *find_level(const char *name)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if ((!name || strcmp(name, levels[i].name) == 0) && levels[i].is_here())
            return &levels[i];
    return NULL;
}

static void release(void *products)
{
    products_free(products);
}

/* The products (oneDNN) are the back end's own and go with it. A level may be named, for tests. */
int cpu_backend_new(struct backend **out, const char *level, int threads, struct error *err)
{
    const struct level *found = find_level(level);
    if (!found)
        return error_set(err, "this processor has no level \"%.20s\"", level);
    struct products *products = products_new(err);
    if (!products)
        return -1;
    if (host_backend_new(out, "cpu", found->operations, threads, err) != 0) {
        products_free(products);
        return -1;
    }
    host_keep(*out, products, release);
    omp_set_num_threads(machine_threads(threads)); /* what oneDNN uses */
    return 0;
}

/* --- GPUs, by their plug-in --- */

/* "cuda" is 0, "cuda:3" is 3; -1: it is not such a name. */
static int cuda_number(const char *device)
{
    char digits[4], rest;
    if (strcmp(device, "cuda") == 0)
        return 0;
    return sscanf(device, "cuda:%3[0-9]%c", digits, &rest) == 1 ? atoi(digits) : -1;
}

/* A number past the last device is an error that names the last. */
static int cuda_find(const struct backend_plugin **plugin, int number, struct error *err)
{
    *plugin = plugin_find("cuda", true, err);
    int count = *plugin ? (*plugin)->count(err) : -1;
    if (count < 0)
        return -1;
    return number < count ? 0
                          : error_set(err, "there is no device cuda:%d, the last one is cuda:%d",
                                      number, count - 1);
}

static int cuda_open(struct backend **out, int number, struct error *err)
{
    const struct backend_plugin *plugin;
    if (cuda_find(&plugin, number, err) != 0)
        return -1;
    return plugin->open(out, number, err);
}

/* What goes wrong with a GPU is said with the option that asks for it; returns -1. */
static int prefix_option(const char *device, struct error *err)
{
    return cuda_number(device) < 0 ? -1 : error_prefix(err, "--device %s", device);
}

/* --- by name --- */

/* Whether there is such a device, without opening it: for an option that is checked before a
 * run. */
int backend_check(const char *device, struct error *err)
{
    static const char *const names[] = {"auto", "cpu", "checked", "reference"};
    const struct backend_plugin *plugin;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(device, names[i]) == 0)
            return 0;
    int number = cuda_number(device);
    if (number >= 0)
        return cuda_find(&plugin, number, err) == 0 ? 0 : prefix_option(device, err);
    return error_set_kind(err, ERROR_USAGE,
                          "there is no device \"%s\"; there are auto, cpu, cuda, cuda:N, reference",
                          device);
}

int backend_check_training(const char *device, struct error *err)
{
    if (cuda_number(device) >= 0)
        return error_set(err, "--device %s computes scans alone: use --device cpu", device);
    return backend_check(device, err);
}

static int open_checked(struct backend **out, int threads, struct error *err)
{
    struct backend *cpu;
    return cpu_backend_new(&cpu, NULL, threads, err) == 0 ? checked_backend_new(out, cpu, err) : -1;
}

/* As the device is, with whatever operations it has. */
static int open_plain(struct backend **out, const char *device, int threads, struct error *err)
{
    int number = cuda_number(device);
    if (number >= 0)
        return cuda_open(out, number, err);
    if (backend_check(device, err) != 0)
        return -1;
    if (strcmp(device, "checked") == 0)
        return open_checked(out, threads, err);
    if (strcmp(device, "reference") == 0)
        return reference_backend_new(out, err);
    return cpu_backend_new(out, NULL, threads, err);
}

/* With all operations, whatever the device lacks. */
static int open_named(struct backend **out, const char *device, int threads, struct error *err)
{
    return open_plain(out, device, threads, err) == 0 ? fallback_complete(out, err) : -1;
}

int backend_open(struct backend **out, const char *device, int threads, struct error *err)
{
    *out = NULL;
    if (open_named(out, device, threads, err) == 0)
        return 0;
    return prefix_option(device, err);
}

/* Scans compute in fp64. A card that is made for it is half as fast in it as in fp32, any other a
 * 32nd or a 64th: about as fast as a processor. */
static bool is_slow(const struct backend_plugin *plugin, int number)
{
    enum { RATIO_MAX = 8 };
    struct device_info info;
    return plugin->describe(&info, number, NULL) == 0 && info.fp64_ratio > RATIO_MAX;
}

/* The first GPU that can be had and is not slow; *busy: the first that cannot be now, or why the
 * plug-in is not loaded that would have opened it. */
static int open_any_gpu(struct backend **out, struct error *busy)
{
    const struct backend_plugin *plugin = plugin_find("cuda", false, busy);
    if (busy->kind != ERROR_NONE)
        busy->kind = ERROR_DEVICE;
    int count = plugin ? plugin->count(NULL) : 0;
    for (int i = 0; i < count; i++) {
        struct error trouble = ERROR_INIT;
        if (is_slow(plugin, i))
            continue;
        if (plugin->open(out, i, &trouble) == 0)
            return 0;
        if (trouble.kind == ERROR_DEVICE && busy->kind == ERROR_NONE)
            *busy = trouble;
    }
    return -1;
}

/* auto: any GPU that is of use, else the CPU. One that was named and is only busy or full
 * (ERROR_DEVICE) leaves the scan to the CPU, and *busy says why; one that does not exist is an
 * error. */
int backend_open_for_scan(struct backend **out, const char *device, int threads, struct error *busy,
                          struct error *err)
{
    struct error trouble = ERROR_INIT;
    *out = NULL;
    *busy = trouble;
    if (strcmp(device, "auto") == 0) {
        if (open_any_gpu(out, &trouble) == 0)
            return 0;
    } else if (open_named(out, device, threads, &trouble) == 0) {
        return 0;
    } else if (trouble.kind != ERROR_DEVICE) {
        if (err)
            *err = trouble;
        return prefix_option(device, err);
    }
    *busy = trouble;
    return backend_open(out, "cpu", threads, err);
}

/* The CPU first, then those that a plug-in can describe: for a list to choose from. */
int backend_devices(struct device_info *out, int most)
{
    const struct backend_plugin *plugin = plugin_find("cuda", false, NULL);
    int count = plugin ? plugin->count(NULL) : 0, filled = 0;
    if (most > 0)
        host_describe(&out[filled++], "cpu", 0);
    for (int i = 0; i < count && filled < most; i++)
        if (plugin->describe(&out[filled], i, NULL) == 0)
            filled++;
    return filled;
}
