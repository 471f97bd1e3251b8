#include "spectra/rescore.h"

#include "base/limits.h"
#include "base/memory.h"
#include "compute/machine.h"
#include "compute/spectra.h"
#include "spectra/scan_teams.h"
#include "spectra/scratch.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* A row, and the weight that it is scored from. */
struct rescored {
    struct scan_row *row;
    const struct tensor_info *tensor;
};

/* What the threads share; all but the constant part is touched in the critical section "scan". */
struct rescoring {
    const struct checkpoint *weights;
    const struct backend *backend;
    enum empty_noise rule;
    uint64_t budget; /* bytes that the matrices in hand may take together */
    struct rescored *all;
    size_t count;

    size_t next; /* those before it are taken */
    struct hands hands;
    struct error failure;
};

/* --- which rows --- */

/* By falling work, as in a scan: a large one that is begun last is waited for. */
static int compare_work(const void *a, const void *b)
{
    const struct scan_row *x = ((const struct rescored *)a)->row;
    const struct scan_row *y = ((const struct rescored *)b)->row;
    if (x->parameters != y->parameters)
        return x->parameters < y->parameters ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int find_rows(struct rescoring *run, struct scan *scan, struct error *err)
{
    run->all = array_alloc(scan->count, sizeof *run->all, err);
    if (!run->all)
        return -1;
    for (size_t i = 0; i < scan->count; i++) {
        struct buffer name = BUFFER_INIT;
        buffer_format(&name, "%s.weight", scan->rows[i].module);
        if (buffer_check(&name, err) != 0) {
            buffer_free(&name);
            return -1;
        }
        const struct tensor_info *tensor = checkpoint_find(run->weights, name.data);
        if (tensor && tensor->elements == scan->rows[i].parameters)
            run->all[run->count++] = (struct rescored){&scan->rows[i], tensor};
        buffer_free(&name);
    }
    if (run->count > 1)
        qsort(run->all, run->count, sizeof *run->all, compare_work);
    return 0;
}

/* --- one row --- */

static int rescore_row(const struct rescoring *run, const struct rescored *rescored,
                       struct team *team, struct scratch *scratch, struct error *err)
{
    struct scan_row *row = rescored->row;
    int64_t count = row->rows < row->cols ? row->rows : row->cols;
    if (scratch_reserve(scratch, run->backend, row->rows, row->cols, err) != 0)
        return error_prefix(err, "rescanning %s", row->module);
    double *values = array_alloc((size_t)count, sizeof *values, err); /* [count] singular values */
    int status = values ? checkpoint_read_f32(run->weights, rescored->tensor, 0,
                                              rescored->tensor->elements, scratch->matrix, err)
                        : -1;
    if (status == 0 && scratch_values(values, scratch, team, row->rows, row->cols, err) != 0)
        status = error_prefix(err, "rescanning %s", row->module);
    if (status == 0) {
        struct null_model null = null_model_find(row->rows, row->cols, run->rule);
        score_row(row, values, count, &null, ESTIMATOR_REFERENCE, run->rule);
    }
    free(values);
    return status;
}

/* --- the threads --- */

/* What a thread does next: a row, another's row, a moment's wait, or, with none of them, nothing. */
struct task {
    const struct rescored *row;
    struct hand *helped;
    bool waits;
};

static struct task find_work(struct rescoring *run, struct hand *own)
{
    struct task task = {.row = NULL};
    bool left = run->next < run->count && run->failure.kind == ERROR_NONE;
    if (left) {
        const struct scan_row *row = run->all[run->next].row;
        uint64_t need = scratch_need(run->backend, row->rows, row->cols);
        if (hands_may_begin(&run->hands, own, need, run->budget)) {
            bool is_team = run->backend->spectra->team_values != NULL;
            task.row = &run->all[run->next++];
            hand_begin(own, is_team ? matrix_work(row->rows, row->cols) : 0, need);
            return task;
        }
    }
    task.helped = hands_join(&run->hands, own);
    task.waits = left && !task.helped;
    return task;
}

/* Rows until there are none, and others' rows until those are done. */
static void work(struct rescoring *run, struct hand *own)
{
    struct scratch scratch = {0};
    for (;;) {
        struct error err = ERROR_INIT;
        struct task task;
#pragma omp critical(scan)
        task = find_work(run, own);
        if (task.row) {
            int status = rescore_row(run, task.row, &own->team, &scratch, &err);
#pragma omp critical(scan)
            {
                hand_end(own);
                if (status != 0 && run->failure.kind == ERROR_NONE)
                    run->failure = err;
            }
            continue;
        }
        scratch_free(&scratch); /* who has no row keeps no memory */
        if (!hand_lend(task.helped, task.waits))
            break;
    }
}

int scan_rescore(struct scan *scan, const struct checkpoint *weights, const struct backend *backend,
                 int threads, enum empty_noise rule, struct error *err)
{
    /* A quarter of what is free, as in a scan; one matrix may always be in hand. */
    struct rescoring run = {
        .weights = weights, .backend = backend, .rule = rule, .budget = available_memory() / 4};
    int status = find_rows(&run, scan, err), most = machine_threads(threads);
    if (status == 0 && run.count > 0 && (status = hands_new(&run.hands, most, err)) == 0) {
#pragma omp parallel num_threads(most)
        work(&run, &run.hands.all[omp_get_thread_num()]);
        hands_free(&run.hands);
    }
    free(run.all);
    if (status == 0 && run.failure.kind != ERROR_NONE) {
        *err = run.failure;
        status = -1;
    }
    return status;
}
