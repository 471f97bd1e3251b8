/* How little of a device's memory is left while something else runs. */
#ifndef SPECTRUM_TESTS_GPU_BENCH_WATCH_H
#define SPECTRUM_TESTS_GPU_BENCH_WATCH_H

#include "compute/backend.h"

#include <pthread.h>
#include <stdatomic.h>

struct watch {
    const struct backend *backend;
    uint64_t least; /* bytes; of the watch's thread until watch_stop() */
    pthread_t thread;
    atomic_bool stop;
};

uint64_t watch_free_memory(const struct backend *backend); /* now */

int watch_start(struct watch *watch, const struct backend *backend, struct error *err);
uint64_t watch_stop(struct watch *watch); /* the least that was free */

#endif
