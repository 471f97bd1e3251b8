#include "bench_run.h"

#include "base/process.h"
#include "bench_threads.h"
#include "bench_watch.h"
#include "compute/spectra.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* For the program itself, the driver's buffers, and what else runs. */
static const uint64_t memory_kept = 2000000000;

static int check_memory(const struct bench_list *list, struct error *err)
{
    uint64_t bytes = list_bytes(list),
             there = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (bytes + memory_kept <= there)
        return 0;
    return error_set(err,
                     "the matrices take %.1f GB of memory, and %.1f GB are to be left; %.1f GB are "
                     "installed: ask for fewer of them",
                     (double)bytes / 1e9, (double)memory_kept / 1e9, (double)there / 1e9);
}

static void *take_aligned(size_t bytes, struct error *err)
{
    void *memory = aligned_alloc(64, (bytes / 64 + 1) * 64);
    if (!memory)
        error_set(err, "not enough memory: %.0f MB are needed", (double)bytes / 1e6);
    return memory;
}

static int take_one(void *context, size_t index, struct error *err)
{
    struct bench_run *run = context;
    struct bench_matrix *matrix = &run->list.matrices[index];
    size_t bytes = matrix_bytes(matrix);
    matrix->elements = run->pageable ? take_aligned(bytes, err)
                                     : run->backend->host_alloc(run->backend->self, bytes, err);
    matrix->values = take_aligned((size_t)matrix_shorter(matrix) * sizeof *matrix->values, err);
    return matrix->elements && matrix->values ? 0 : -1;
}

static int fill_one(void *context, size_t index, struct error *err)
{
    const struct bench_run *run = context;
    return matrix_fill(&run->list.matrices[index], err);
}

static int make_matrices(struct bench_run *run, struct error *err)
{
    double start = clock_seconds();
    if (threads_take(threads_of_machine(), run->list.count, take_one, run, err) != 0)
        return -1;
    run->allocation = clock_seconds() - start;
    return threads_take(threads_of_machine(), run->list.count, fill_one, run, err);
}

static int compute_one(void *context, size_t index, struct error *err)
{
    struct bench_run *run = context;
    const struct bench_matrix *matrix = &run->list.matrices[index];
    const struct spectra_ops *ops = run->backend->spectra;
    size_t bytes = ops->workspace(run->backend->self, matrix->rows, matrix->cols);
    void *room = bytes ? take_aligned(bytes, err) : NULL; /* CUDA's back end wants none */
    int status = bytes && !room ? -1
                                : ops->values(run->backend->self, matrix->values, matrix->elements,
                                              matrix->rows, matrix->cols, room, err);
    free(room);
    return status;
}

static int check_one(void *context, size_t index, struct error *err)
{
    const struct bench_run *run = context;
    return matrix_check(&run->list.matrices[index], run->backend->spectra->accuracy, err);
}

/* So that what a pass leaves out is not what the pass before it left. */
static void spoil_values(const struct bench_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (int64_t j = 0; j < matrix_shorter(&list->matrices[i]); j++)
            list->matrices[i].values[j] = NAN;
}

static int run_pass(struct bench_run *run, double *seconds, struct error *err)
{
    size_t count = run->list.count;
    spoil_values(&run->list);
    double start = clock_seconds();
    if (threads_take(run->threads, count, compute_one, run, err) != 0)
        return -1;
    *seconds = clock_seconds() - start;
    return threads_take(threads_of_machine(), count, check_one, run, err);
}

static int run_passes(struct bench_run *run, struct error *err)
{
    int status = run->warm ? run_pass(run, &run->seconds[0], err) : 0;
    for (int i = 0; status == 0 && i < run->repeats; i++)
        status = run_pass(run, &run->seconds[i], err);
    return status;
}

static int count_threads(const struct bench_run *run)
{
    const struct bench_matrix *largest = &run->list.matrices[0];
    const struct spectra_ops *ops = run->backend->spectra;
    return ops->side_by_side ? ops->side_by_side(run->backend->self, largest->rows, largest->cols)
                             : threads_of_machine();
}

int run_bench(struct bench_run *run, struct error *err)
{
    struct watch watch;
    run->threads = count_threads(run);
    run->opened = watch_free_memory(run->backend);
    if (check_memory(&run->list, err) != 0 || make_matrices(run, err) != 0 ||
        watch_start(&watch, run->backend, err) != 0)
        return -1;
    int status = run_passes(run, err);
    run->least = watch_stop(&watch);
    return status;
}

void run_free(struct bench_run *run)
{
    for (size_t i = 0; i < run->list.count; i++) {
        struct bench_matrix *matrix = &run->list.matrices[i];
        if (run->pageable)
            free(matrix->elements);
        else if (matrix->elements)
            run->backend->host_free(run->backend->self, matrix->elements);
        free(matrix->values);
    }
    free(run->list.matrices);
    run->list = (struct bench_list){NULL, 0};
}
