#include "compute/machine.h"

#include "base/limits.h"

#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf leaf_of(uint32_t number, uint32_t part)
{
    struct leaf leaf = {0};
    __get_cpuid_count(number, part, &leaf.a, &leaf.b, &leaf.c, &leaf.d);
    return leaf;
}

/* Intel SDM, CPUID leaf 7: EDX bit 22 of part 0 is AMX-BF16, EAX bit 5 of part 1 AVX512_BF16. */
const char *machine_instructions(void)
{
    __builtin_cpu_init();
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (avx512 && leaf_of(7, 0).d >> 22 & 1)
        return "amx-bf16";
    if (avx512 && leaf_of(7, 1).a >> 5 & 1)
        return "avx512-bf16";
    if (avx512)
        return "avx512";
    return __builtin_cpu_supports("avx2") ? "avx2" : "sse2";
}
#else
const char *machine_instructions(void)
{
    return "portable";
}
#endif

bool machine_has_bf16(void)
{
    return strstr(machine_instructions(), "bf16") != NULL;
}

int machine_threads(int asked)
{
    static int quota = -1; /* as this process was started with */
    if (asked > 0)
        return asked;
    int threads = omp_get_max_threads(); /* of the processors that its affinity names */
    if (getenv("OMP_NUM_THREADS"))
        return threads; /* it was said */
    if (quota < 0)
        quota = processor_quota("");
    return quota > 0 && quota < threads ? quota : threads;
}
