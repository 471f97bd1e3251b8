/* Many pieces of work by a few threads, each of which takes the next one when it is done. */
#ifndef SPECTRUM_TESTS_GPU_BENCH_THREADS_H
#define SPECTRUM_TESTS_GPU_BENCH_THREADS_H

#include "base/error.h"

/* piece(context, 0 ... count - 1). Where one fails no other is begun, and its error is the one that
 * is told. */
int threads_take(int threads, size_t count,
                 int (*piece)(void *context, size_t index, struct error *err), void *context,
                 struct error *err);

int threads_of_machine(void);

#endif
