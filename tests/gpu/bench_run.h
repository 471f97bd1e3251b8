/* A list of matrices in host memory, and passes over it as a scan makes them. */
#ifndef SPECTRUM_TESTS_GPU_BENCH_RUN_H
#define SPECTRUM_TESTS_GPU_BENCH_RUN_H

#include "bench_list.h"
#include "compute/backend.h"

enum { REPEATS_MAX = 100 };

struct bench_run {
    const struct backend *backend;
    struct bench_list list;
    bool pageable;     /* memory of malloc(), not the back end's host_alloc() */
    bool warm;         /* one pass before those that are timed */
    int repeats;       /* 1 to REPEATS_MAX */
    int threads;       /* that compute: as many as the device takes of the largest matrix */
    uint64_t opened;   /* bytes of device memory that are free once the device is open */
    uint64_t least;    /* and the least that were, while the passes ran */
    double allocation; /* seconds that taking the matrices' host memory took, before the passes */
    double seconds[REPEATS_MAX];
};

/* Makes the matrices, which the machine's memory must have room for, and times the passes; every
 * value is checked, behind the clock. */
int run_bench(struct bench_run *run, struct error *err);

/* Gives the list back, whatever there is of it. */
void run_free(struct bench_run *run);

#endif
