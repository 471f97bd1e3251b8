/* Which instructions this processor has, and how many threads may be started on it. */
#include "compute/machine.h"

#include "base/limits.h"
#include "base/sys.h"

#include <omp.h>
#include <pthread.h>
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

/* --- threads --- */

static void *wait_for_others(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Starts them all at once, for a moment: what a user or a container may have is not a number that
 * could be read and trusted, and OpenMP ends the process where one of its threads is refused. What
 * was found once is not tried again, as OpenMP keeps its threads. */
static int startable_threads(int wanted)
{
    static int known = 1;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = wanted > known ? calloc((size_t)wanted, sizeof *threads) : NULL;
    int count = 1; /* the one that asks */
    if (!threads)
        return wanted < known ? wanted : known;
    pthread_mutex_lock(&lock);
    while (count < wanted && sys.thread_create(&threads[count], NULL, wait_for_others, &lock) == 0)
        count++;
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return known = count > known ? count : known;
}

/* What was asked for; else what OMP_NUM_THREADS says; else one for each processor that affinity and
 * the container's quota leave, as far as so many can be started. */
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
    return startable_threads(quota > 0 && quota < threads ? quota : threads);
}

int machine_check_threads(int asked, struct error *err)
{
    int wanted = machine_threads(asked), most = startable_threads(wanted);
    return most >= wanted
               ? 0
               : error_set(err,
                           "%d threads are asked for and %d can be started (ulimit -u, or a "
                           "container's limit of processes); give --threads %d",
                           wanted, most, most);
}
