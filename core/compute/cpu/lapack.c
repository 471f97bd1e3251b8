#include "compute/cpu/lapack.h"

#include "base/limits.h"
#include "base/sys.h"

#include <dlfcn.h>
#include <lapacke.h>
#include <omp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* OpenBLAS's BUFFER_SIZE and a page; and what the libraries are mapped at (53 MiB with 0.3.21),
 * with room for what other threads map in the meantime. */
static const uint64_t buffer_bytes = (128 << 20) + 8192, library_bytes = 192 << 20;

/* OpenBLAS maps a buffer for each of its threads when it is loaded, and one more for every caller
 * that finds none free; it keeps all of them. Within a limit there is one caller at a time, so that
 * what was checked once, before it was loaded, is all that it will ever take. */
static struct {
    pthread_mutex_t mutex;
    __typeof__(&LAPACKE_dtpqrt_work) qr; /* NULL: not loaded */
    bool limited;
} library = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool is_limited(int resource)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* Its own count: the machine's processors, whatever the affinity, or fewer by the variable; and
 * what this program has set, where that is more. */
static uint64_t openblas_threads(void)
{
    const char *set = getenv("OMP_NUM_THREADS");
    long processors = sysconf(_SC_NPROCESSORS_CONF), wanted = set ? atol(set) : 0;
    long threads = wanted > 0 && wanted < processors ? wanted : processors;
    return (uint64_t)(threads > omp_get_max_threads() ? threads : omp_get_max_threads());
}

/* By the name that the loader knows, or from where the build found it. */
static int load(struct error *err)
{
    library.limited = is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA);
    if (library.limited &&
        address_space_check(library_bytes + (openblas_threads() + 1) * buffer_bytes,
                            "OpenBLAS, for an ill-conditioned matrix,",
                            "widen it (ulimit -v, -d); with OMP_NUM_THREADS=1 it needs less",
                            err) != 0)
        return -1;
    void *opened = sys.dlopen(SPECTRUM_LAPACKE_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        opened = sys.dlopen(SPECTRUM_LAPACKE_FILE, RTLD_NOW | RTLD_LOCAL);
    void *found = opened ? dlsym(opened, "LAPACKE_dtpqrt_work") : NULL;
    if (!found) {
        const char *why = dlerror();
        return error_set(err,
                         "an ill-conditioned matrix needs LAPACKE and OpenBLAS, which do not load "
                         "(%s); install them (on Debian liblapacke and libopenblas0-openmp)",
                         why ? why : "no reason given");
    }
    memcpy(&library.qr, &found, sizeof found);
    return 0;
}

int lapack_qr_step(double *r, int64_t r_stride, double *block, int64_t rows, int64_t order,
                   int64_t columns, double *t, double *work, struct error *err)
{
    lapack_int info = 0;
    pthread_mutex_lock(&library.mutex);
    int status = library.qr ? 0 : load(err);
    bool alone = status != 0 || library.limited;
    if (!alone)
        pthread_mutex_unlock(&library.mutex);
    if (status == 0)
        info = library.qr(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)order, 0,
                          (lapack_int)columns, r, (lapack_int)r_stride, block, (lapack_int)rows, t,
                          (lapack_int)columns, work);
    if (alone)
        pthread_mutex_unlock(&library.mutex);
    if (status != 0 || info == 0)
        return status;
    return error_set(err, "LAPACK refuses %lld x %lld elements (%lld)", (long long)rows,
                     (long long)order, (long long)info);
}
