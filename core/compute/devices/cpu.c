#include "compute/devices/cpu.h"

#include "compute/cpu/products.h"
#include "compute/host.h"
#include "compute/machine.h"

#include <omp.h>
#include <string.h>

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
