/* What there is to compute: matrices of one shape, or those of a model's blocks. */
#ifndef SPECTRUM_TESTS_GPU_BENCH_LIST_H
#define SPECTRUM_TESTS_GPU_BENCH_LIST_H

#include "bench_matrix.h"

struct bench_list {
    struct bench_matrix *matrices; /* free() it; without elements and values yet */
    size_t count;
};

int list_shape(struct bench_list *out, int64_t rows, int64_t cols, int64_t count,
               struct error *err);

/* All matrices of `layers` blocks of Llama 3 "8b" or "70b", in a scan's order: largest first. */
int list_model(struct bench_list *out, const char *name, int64_t layers, struct error *err);

uint64_t list_bytes(const struct bench_list *list);
double list_flops(const struct bench_list *list);

#endif
