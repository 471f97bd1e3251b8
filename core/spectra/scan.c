#include "spectra/scan.h"

#include "base/clock.h"
#include "base/memory.h"
#include "spectra/cache.h"
#include "spectra/scratch.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds between two writes of the cache. */
static const double cache_interval = 5;

enum row_state { ROW_WAITING, ROW_TAKEN, ROW_DONE };

/* A scan under way. Everything but the constant part is guarded by the critical section "scan". */
struct run {
    const struct model *model;
    const struct backend *backend;
    const struct scan_options *options;
    const struct scan_observer *observer;
    struct scan_result *result;
    const struct module **modules; /* per row */
    enum row_state *states;
    struct null_model *nulls; /* one per shape met so far */
    size_t null_count;
    size_t *order; /* rows by falling work, so that no large one comes last */
    size_t first;  /* the rows of the order before this one are done */
    int64_t asked; /* the row last asked for; -1: none */
    size_t done;
    int working;     /* threads that go on taking rows */
    uint64_t memory; /* bytes that were free when it began */
    double start, saved_at;
    struct spectra_cache cache; /* with paths NULL where there is to be none */
    bool stopped;
    struct error failure;
};

static int compare_work(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    int64_t x = rows[*(const size_t *)a].parameters, y = rows[*(const size_t *)b].parameters;
    if (x != y)
        return x < y ? 1 : -1;
    return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

static int run_prepare(struct run *run, struct error *err)
{
    size_t most = run->model->module_count;
    struct scan_result *result = array_alloc(1, sizeof *result, err);
    run->result = result;
    if (!result)
        return -1;
    result->values = array_alloc(most, sizeof *result->values, err);
    result->counts = array_alloc(most, sizeof *result->counts, err);
    run->states = array_alloc(most, sizeof *run->states, err);
    run->order = array_alloc(most, sizeof *run->order, err);
    run->nulls = array_alloc(most, sizeof *run->nulls, err);
    if (!result->values || !result->counts || !run->states || !run->order || !run->nulls ||
        scan_for_model(&result->scan, &run->modules, run->model, run->options->modules, err) != 0)
        return -1;
    struct scan *scan = result->scan;
    snprintf(scan->estimator, sizeof scan->estimator, "%s",
             estimator_name(run->options->estimator));
    snprintf(scan->empty_noise, sizeof scan->empty_noise, "%s",
             run->options->empty_noise == EMPTY_NOISE_ONE ? "one" : "infinity");
    if ((run->options->use_cache ? spectra_fingerprint : checkpoint_fingerprint)(
            run->model->checkpoint, scan->fingerprint, err) != 0)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        run->order[i] = i;
    qsort_r(run->order, scan->count, sizeof *run->order, compare_work, scan->rows);
    return 0;
}

static int64_t value_count(const struct module *module)
{
    return module->rows < module->cols ? module->rows : module->cols;
}

/* Models have many matrices and few shapes. */
static const struct null_model *null_model_of(struct run *run, const struct scan_row *row)
{
    for (size_t i = 0; i < run->null_count; i++)
        if (run->nulls[i].rows == row->rows && run->nulls[i].cols == row->cols)
            return &run->nulls[i];
    struct null_model *null = &run->nulls[run->null_count++];
    *null = null_model_find(row->rows, row->cols, run->options->empty_noise);
    return null;
}

/* Scores a row from its values and tells the observer. */
static void finish_row(struct run *run, size_t index, bool cached)
{
    struct scan_result *result = run->result;
    struct scan_row *row = &result->scan->rows[index];
    if (result->values[index])
        score_row(row, result->values[index], result->counts[index], null_model_of(run, row),
                  run->options->estimator, run->options->empty_noise);
    run->states[index] = ROW_DONE;
    run->done++;
    if (run->observer && run->observer->on_row)
        run->observer->on_row(run->observer->context, row, result->values[index],
                              result->counts[index], run->done, result->scan->count,
                              clock_seconds() - run->start, cached);
}

static void keep_values(struct run *run, size_t index, double *values)
{
    run->result->values[index] = values;
    run->result->counts[index] = values ? value_count(run->modules[index]) : 0;
}

/* What needs no reading. */
static void load_cache(struct run *run)
{
    spectra_cache_open(&run->cache, run->model->checkpoint, run->result->scan);
    for (size_t i = 0; i < run->result->scan->count; i++) {
        double *values = spectra_cache_by_files(&run->cache, i);
        if (!values)
            continue;
        keep_values(run, i, values);
        finish_row(run, i, true);
    }
}

static void save_cache(struct run *run)
{
    spectra_cache_save(&run->cache, run->result);
    run->saved_at = clock_seconds();
}

/* How far a row is from the one that was asked for: that row itself, its block, the blocks beside.
 */
static int distance(const struct run *run, size_t row)
{
    if (run->asked < 0)
        return 0;
    if ((size_t)run->asked == row)
        return -1;
    return abs(run->modules[row]->layer - run->modules[run->asked]->layer);
}

/* The waiting row that is nearest to the one asked for, the largest among equals; -1: none. */
static int64_t nearest_row(struct run *run)
{
    int64_t found = -1;
    size_t count = run->result->scan->count;
    while (run->first < count && run->states[run->order[run->first]] == ROW_DONE)
        run->first++;
    /* Where nobody asked, all are as near: the first it is. */
    for (size_t i = run->first; i < count && (found < 0 || run->asked >= 0); i++) {
        size_t row = run->order[i];
        if (run->states[row] == ROW_WAITING &&
            (found < 0 || distance(run, row) < distance(run, (size_t)found)))
            found = (int64_t)row;
    }
    return found;
}

/* The next row to compute, or -1: none left, or the scan is to stop. */
static int64_t take_row(struct run *run)
{
    const struct scan_observer *observer = run->observer;
    if (observer && observer->should_stop && observer->should_stop(observer->context))
        run->stopped = true;
    if (run->stopped || run->failure.kind != ERROR_NONE)
        return -1;
    int64_t asked = observer && observer->wanted ? observer->wanted(observer->context) : -1;
    if (asked >= 0 && (size_t)asked < run->result->scan->count)
        run->asked = asked;
    int64_t index = nearest_row(run);
    if (index >= 0)
        run->states[index] = ROW_TAKEN;
    return index;
}

static uint64_t need_of(const struct run *run, const struct module *module)
{
    bool empty = module->rows < 1 || module->cols < 1;
    return empty ? 0 : scratch_need(run->backend, module->rows, module->cols);
}

/* Before anything is allocated for it: it cannot be read, or it is too large. */
static bool is_refused(const struct run *run, const struct module *module)
{
    return module->tensor->dtype == DTYPE_UNSUPPORTED || need_of(run, module) > run->memory;
}

static void say_refused(const struct run *run, const struct module *module, char *reason,
                        size_t size)
{
    if (module->tensor->dtype == DTYPE_UNSUPPORTED)
        snprintf(reason, size, "the type %s cannot be read", module->tensor->dtype_name);
    else
        snprintf(reason, size, "needs %.1f GB, %.1f GB are free",
                 (double)need_of(run, module) / 1e9, (double)run->memory / 1e9);
}

/* What came of one matrix. */
struct outcome {
    double *values;  /* newly allocated; NULL: it cannot be scored, and `reason` says why */
    bool cached;     /* not computed now */
    bool no_room;    /* there was no memory for it */
    char reason[64]; /* NaN, Inf, its size */
};

static int compute(struct outcome *out, const struct run *run, const struct module *module,
                   const struct scratch *scratch, struct error *err)
{
    const struct backend *backend = run->backend;
    struct error trouble = ERROR_INIT;
    out->values = array_alloc((size_t)value_count(module), sizeof *out->values, err);
    if (!out->values)
        return error_prefix(err, "%s", module->name);
    if (backend->spectra->values(backend->self, out->values, scratch->matrix, module->rows,
                                 module->cols, scratch->room, &trouble) == 0)
        return 0;
    free(out->values);
    out->values = NULL;
    snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
    return trouble.kind == ERROR_NOT_FINITE ? 0
                                            : error_set(err, "%s: %s", module->name, trouble.text);
}

/* Reads a matrix; computes its values, unless that was done before. */
static int work_out(struct outcome *out, struct run *run, size_t index, struct scratch *scratch,
                    struct error *err)
{
    const struct module *module = run->modules[index];
    *out = (struct outcome){0};
    if (is_refused(run, module)) {
        say_refused(run, module, out->reason, sizeof out->reason);
        return 0;
    }
    struct error trouble = ERROR_INIT;
    if (scratch_reserve(scratch, run->backend, module->rows, module->cols, &trouble) != 0) {
        snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
        out->no_room = true;
        return 0;
    }
    if (model_read_f32(run->model, module, scratch->matrix, err) != 0)
        return error_prefix(err, "%s", module->name);
    out->values = spectra_cache_by_content(&run->cache, index, scratch->matrix, module->parameters);
    out->cached = out->values != NULL;
    return out->cached ? 0 : compute(out, run, module, scratch, err);
}

static void keep_outcome(struct run *run, size_t index, const struct outcome *outcome)
{
    struct scan_row *row = &run->result->scan->rows[index];
    keep_values(run, index, outcome->values);
    if (!outcome->values) {
        row->known = true;
        row->snr = NAN;
        memcpy(row->reason, outcome->reason, sizeof outcome->reason);
    }
    /* Whoever sees the last row finds all spectra in the cache. */
    if (run->done + 1 == run->result->scan->count)
        save_cache(run);
    finish_row(run, index, outcome->cached);
}

/* The next row, or -1; and the one that somebody will take after it, or -1. */
static int64_t begin_row(struct run *run, int64_t *next)
{
    int64_t index;
#pragma omp critical(scan)
    {
        index = take_row(run);
        *next = index < 0 ? -1 : nearest_row(run);
        run->working -= index < 0;
    }
    return index;
}

/* Keeps what came of a row; false: this thread is one too many. Where there is no memory for a row,
 * it waits for those that still have theirs; only the last thread gives it up. */
static bool end_row(struct run *run, size_t index, int status, const struct outcome *outcome,
                    const struct error *err)
{
    bool goes_on = true;
#pragma omp critical(scan)
    {
        if (status != 0) {
            run->failure = *err;
        } else if (outcome->no_room && run->working > 1) {
            run->states[index] = ROW_WAITING;
            run->working--;
            goes_on = false;
        } else {
            keep_outcome(run, index, outcome);
        }
        if (clock_seconds() - run->saved_at > cache_interval)
            save_cache(run);
    }
    return goes_on;
}

/* One thread's work: rows until there are none. */
static void work(struct run *run)
{
    struct scratch scratch = {0};
    int64_t index, next;
    bool goes_on = true;
    while (goes_on && (index = begin_row(run, &next)) >= 0) {
        struct error err = ERROR_INIT;
        struct outcome outcome;
        if (next >= 0 && !is_refused(run, run->modules[next]))
            checkpoint_expect(run->model->checkpoint, run->modules[next]->tensor);
        int status = work_out(&outcome, run, (size_t)index, &scratch, &err);
        goes_on = end_row(run, (size_t)index, status, &outcome, &err);
    }
    scratch_free(&scratch);
}

/* Threads that take rows where memory sets no bound: one a core, or what the device takes at once.
 */
static int threads_of(const struct run *run)
{
    const struct spectra_ops *spectra = run->backend->spectra;
    if (run->options->threads > 0)
        return run->options->threads;
    if (!spectra->side_by_side)
        return omp_get_max_threads();
    const struct module *first = run->result->scan->count ? run->modules[run->order[0]] : NULL;
    return first ? spectra->side_by_side(run->backend->self, first->rows, first->cols) : 1;
}

/* Matrices side by side: as many as there are threads, while the largest of them, computed the way
 * that takes most, fit into a quarter of the free memory, or into 1.2 GB of it. */
static int side_by_side(const struct run *run)
{
    int threads = threads_of(run);
    double memory = (double)run->memory, budget = fmin(memory, fmax(memory / 4, 1.2e9));
    double largest = 1;
    for (size_t i = 0; i < run->result->scan->count; i++)
        if (run->states[i] == ROW_WAITING && !is_refused(run, run->modules[i]))
            largest = fmax(largest, (double)need_of(run, run->modules[i]));
    return budget / largest < threads ? (int)fmax(budget / largest, 1) : threads;
}

static void run_free(struct run *run)
{
    free(run->modules);
    free(run->states);
    free(run->order);
    free(run->nulls);
    spectra_cache_close(&run->cache);
}

int scan_run(struct scan_result **out, const struct model *model, const struct backend *backend,
             const struct scan_options *options, const struct scan_observer *observer,
             struct error *err)
{
    struct run run = {
        .model = model, .backend = backend, .options = options, .observer = observer, .asked = -1};
    *out = NULL;
    run.memory = available_memory();
    run.start = run.saved_at = clock_seconds();
    if (!backend->spectra)
        return error_set(err, "the %s back end cannot scan", backend->name);
    if (run_prepare(&run, err) != 0) {
        scan_result_free(run.result);
        run_free(&run);
        return -1;
    }
    if (observer && observer->on_start)
        observer->on_start(observer->context, run.result->scan);
    /* The oracle of the other back ends takes nothing from them. */
    if (options->use_cache && strcmp(backend->name, "reference") != 0)
        load_cache(&run);
    size_t before = run.done;
    run.working = side_by_side(&run);
#pragma omp parallel num_threads(run.working)
    {
#pragma omp single
        run.working = omp_get_num_threads(); /* which may be fewer */
        work(&run);
    }
    if (run.done > before && run.done < run.result->scan->count)
        save_cache(&run);
    int status = 0;
    if (run.failure.kind != ERROR_NONE) {
        if (err)
            *err = run.failure;
        status = -1;
    } else if (run.stopped) {
        status = error_set_kind(err, ERROR_INTERRUPTED, "stopped at %zu of %zu matrices%s",
                                run.done, run.result->scan->count,
                                run.cache.path ? "; the next scan goes on from there" : "");
    }
    *out = run.result;
    run_free(&run);
    return status;
}

void scan_result_free(struct scan_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; result->scan && result->values && i < result->scan->count; i++)
        free(result->values[i]);
    scan_free(result->scan);
    free(result->values);
    free(result->counts);
    free(result);
}
