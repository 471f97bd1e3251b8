#include "spectra/scan.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/process.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "model/score_rows.h"
#include "spectra/scan_work.h"
#include "spectra/score.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Whatever threads do, this holds:
 *
 *   1. A row waits, is taken by one thread, or is done; it is done once, and counted once in
 *      `done`.
 *   2. All of struct scan_work but its constant part is touched inside the critical section "scan" only;
 *      the observer is called there, too, so its calls never overlap.
 *   3. A row that is done has its values in the result before the observer hears of it, and the
 *      last row is told only when the cache has all.
 *   4. A thread holds memory for one matrix. Where there is none, the row waits as before and the
 *      thread ends, unless it is the last.
 *   5. A thread that has no row, since none waits or the budget has no room for one, helps another
 *      with its own (scan_teams.h), and holds no memory then.
 */

/* Seconds between two writes of the cache. */
static const double cache_interval = 5;

/* --- which row is next --- */

/* By falling work: what is large and begun last is what a scan waits for with all cores but one
 * idle. */
static int compare_work(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    int64_t x = rows[*(const size_t *)a].parameters, y = rows[*(const size_t *)b].parameters;
    if (x != y)
        return x < y ? 1 : -1;
    return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

/* How far a row is from the one that was asked for: that row itself, its block, the blocks beside.
 */
static int distance(const struct scan_work *run, size_t row)
{
    if (run->asked < 0)
        return 0;
    if ((size_t)run->asked == row)
        return -1;
    return abs(run->parts[row].parameter->layer - run->parts[run->asked].parameter->layer);
}

/* The waiting row that is nearest to the one asked for, the largest among equals; -1: none. */
static int64_t nearest_row(struct scan_work *run)
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

/* --- rows --- */

/* One place a row, found by its number from here on. */
static int run_allocate(struct scan_work *run, size_t rows, struct error *err)
{
    struct scan_result *result = run->result;
    result->values = array_alloc(rows, sizeof *result->values, err);
    result->counts = array_alloc(rows, sizeof *result->counts, err);
    run->states = array_alloc(rows, sizeof *run->states, err);
    run->order = array_alloc(rows, sizeof *run->order, err);
    run->nulls = array_alloc(rows, sizeof *run->nulls, err);
    run->on_processor = array_alloc(rows, sizeof *run->on_processor, err);
    return result->values && result->counts && run->states && run->order && run->nulls &&
                   run->on_processor
               ? 0
               : -1;
}

/* Rows and their order are fixed before the first is computed, so results do not depend on who is
 * free when. */
static int run_prepare(struct scan_work *run, struct error *err)
{
    struct scan_result *result = array_alloc(1, sizeof *result, err);
    run->result = result;
    if (!result ||
        scan_for_model(&result->scan, &run->parts, run->model, &run->options->rows, err) != 0 ||
        run_allocate(run, result->scan->count, err) != 0)
        return -1;
    struct scan *scan = result->scan;
    snprintf(scan->estimator, sizeof scan->estimator, "%s",
             estimator_name(run->options->estimator));
    snprintf(scan->empty_noise, sizeof scan->empty_noise, "%s",
             empty_noise_names[run->options->empty_noise]);
    if ((run->options->use_cache ? spectra_fingerprint : checkpoint_fingerprint)(
            run->model->checkpoint, scan->fingerprint, err) != 0)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        run->order[i] = i;
    qsort_r(run->order, scan->count, sizeof *run->order, compare_work, scan->rows);
    return 0;
}

/* Models have many matrices and few shapes. */
static const struct null_model *null_model_of(struct scan_work *run, const struct scan_row *row)
{
    for (size_t i = 0; i < run->null_count; i++)
        if (run->nulls[i].rows == row->rows && run->nulls[i].cols == row->cols)
            return &run->nulls[i];
    struct null_model *null = &run->nulls[run->null_count++];
    *null = null_model_find(row->rows, row->cols, run->options->empty_noise);
    return null;
}

/* Scores a row from its values and tells the observer. */
static void finish_row(struct scan_work *run, size_t index, bool cached)
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

static void keep_values(struct scan_work *run, size_t index, double *values)
{
    run->result->values[index] = values;
    run->result->counts[index] = values ? value_count(&run->parts[index]) : 0;
}

/* What needs no reading. */
static void load_cache(struct scan_work *run)
{
    spectra_cache_open(&run->cache, run->model->checkpoint, run->result->scan);
    for (size_t i = 0; i < run->result->scan->count; i++) {
        char reason[64]; /* what an older program scored all the same */
        bool refused = scan_row_refusal(&run->parts[i], reason, sizeof reason);
        double *values = refused ? NULL : spectra_cache_by_files(&run->cache, i);
        if (!values)
            continue;
        keep_values(run, i, values);
        finish_row(run, i, true);
    }
}

static void save_cache(struct scan_work *run)
{
    spectra_cache_save(&run->cache, run->result);
    run->saved_at = clock_seconds();
}

/* Is it paused, and is there anything that waits for its end? That time is none of the scan's. */
static bool is_held(struct scan_work *run)
{
    const struct scan_observer *observer = run->observer;
    if (observer && observer->should_stop && observer->should_stop(observer->context))
        run->stopped = true;
    bool held = !run->stopped && run->failure.kind == ERROR_NONE && observer &&
                observer->should_wait && nearest_row(run) >= 0 &&
                observer->should_wait(observer->context);
    double now = clock_seconds();
    if (held && run->held_at == 0)
        run->held_at = now;
    if (!held && run->held_at > 0) {
        run->start += now - run->held_at;
        run->held_at = 0;
    }
    return held;
}

/* The next row to compute, or -1: none left, or the scan is to stop. */
static int64_t next_row(struct scan_work *run)
{
    const struct scan_observer *observer = run->observer;
    if (run->stopped || run->failure.kind != ERROR_NONE)
        return -1;
    int64_t asked = observer && observer->wanted ? observer->wanted(observer->context) : -1;
    if (asked >= 0 && (size_t)asked < run->result->scan->count)
        run->asked = asked;
    return nearest_row(run);
}

static void keep_outcome(struct scan_work *run, size_t index, const struct outcome *outcome)
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
    finish_row(run, index, outcome->end == OUTCOME_CACHED);
}

/* A row in the hands of a thread. */
struct task {
    int64_t row;  /* -1: none is left for this thread */
    int64_t next; /* somebody will take it after that one; -1: none */
    const struct backend *backend;
    struct hand *helped; /* with no row: whom it helps instead */
    bool waits;          /* neither, for a moment */
};

/* Takes a row, where there is memory for one more, or finds somebody to help. Who does not take one
 * keeps no memory. Where nobody is at work either, others have only just ended and keep theirs. */
static void find_work(struct scan_work *run, struct hand *own, struct task *task)
{
    int64_t row = next_row(run);
    const struct backend *backend = row < 0 ? NULL : backend_of(run, (size_t)row);
    bool refused = row >= 0 && is_refused(run, backend, (size_t)row);
    uint64_t need = row < 0 || refused ? 0 : need_of(run, backend, (size_t)row);
    if (row >= 0 && hands_may_begin(&run->hands, own, need, memory_budget(run))) {
        const struct matrix_part *part = &run->parts[row];
        bool is_team = !refused && backend->spectra->team_values;
        run->states[row] = ROW_TAKEN;
        *task = (struct task){.row = row, .next = nearest_row(run), .backend = backend};
        hand_begin(own, is_team ? matrix_work(part->rows, part->cols) : 0, need);
        return;
    }
    task->helped = hands_join(&run->hands, own);
    task->waits = row >= 0 && !task->helped;
}

/* What this thread does next; it sleeps while the scan is held, and says inside the critical
 * section that it works no longer where there is nothing left for it. */
static struct task begin_row(struct scan_work *run, struct hand *own)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    struct task task = {.row = -1, .next = -1};
    for (bool held = true; held;) {
#pragma omp critical(scan)
        {
            held = is_held(run);
            if (!held && run->working <= run->working_most)
                find_work(run, own, &task);
            if (!held && task.row < 0 && !task.helped && !task.waits) {
                run->working--;
                own->bytes = 0;
            }
        }
        if (held)
            nanosleep(&tenth, NULL);
    }
    return task;
}

/* The row waits once more, for the processor: with those of its shape, or with all others since the
 * device is lost. */
static void leave_device(struct scan_work *run, size_t row, bool lost, const char *why)
{
    struct error err = ERROR_INIT;
    run->states[row] = ROW_WAITING;
    if (leave_to_processor(run, lost ? -1 : (int64_t)row, why, &err) != 0)
        run->failure = err;
}

/* Keeps what came of a row; false: this thread is one too many. */
static bool end_row(struct scan_work *run, struct hand *own, const struct task *task, int status,
                    const struct outcome *outcome, const struct error *err)
{
    bool goes_on = true;
    size_t row = (size_t)task->row;
#pragma omp critical(scan)
    {
        hand_end(own);
        if (status != 0 && err->kind == ERROR_DEVICE)
            leave_device(run, row, true, err->text);
        else if (status != 0)
            run->failure = *err;
        else if (outcome->end == OUTCOME_NOT_HERE)
            leave_device(run, row, false, outcome->reason);
        else if (outcome->end == OUTCOME_NO_MEMORY && run->working > 1)
            goes_on = false;
        else
            keep_outcome(run, row, outcome);
        /* There was no memory for the row: it waits for those that still have theirs, and this
         * thread is one too many; only the last thread gives it up. */
        if (!goes_on) {
            run->states[row] = ROW_WAITING;
            run->working--;
            own->bytes = 0;
        }
        if (clock_seconds() - run->saved_at > cache_interval)
            save_cache(run);
    }
    return goes_on;
}

/* The system may read it now. Of a tensor of many matrices the next is a small part, and is read in
 * order. */
static void expect(const struct scan_work *run, const struct matrix_part *part)
{
    if (!matrix_part_is_of_several(part))
        checkpoint_expect(run->model->checkpoint, part->parameter->tensor);
}

/* One thread's work: rows until there are none, and others' rows until those are done. */
static void work(struct scan_work *run, struct hand *own)
{
    struct scratch scratch = {0};
    bool goes_on = true;
    while (goes_on) {
        struct task task = begin_row(run, own);
        struct error err = ERROR_INIT;
        struct outcome outcome;
        if (task.row < 0) {
            scratch_free(&scratch);
            goes_on = hand_lend(task.helped, task.waits);
            continue;
        }
        if (task.next >= 0 && !is_refused(run, task.backend, (size_t)task.next))
            expect(run, &run->parts[task.next]);
        int status =
            work_out(&outcome, run, task.backend, (size_t)task.row, &own->team, &scratch, &err);
        goes_on = end_row(run, own, &task, status, &outcome, &err);
    }
    scratch_free(&scratch);
}

/* The result is the caller's and stays. */
static void run_free(struct scan_work *run)
{
    free(run->parts);
    free(run->states);
    free(run->order);
    free(run->nulls);
    free(run->on_processor);
    backend_close(run->opened);
    backend_close(run->processor);
    spectra_cache_close(&run->cache);
}

/* What the cache does not know. */
static int compute_rows(struct scan_work *run, struct error *err)
{
    if (run->done == run->result->scan->count)
        return 0;
    if (open_device(run, err) != 0)
        return -1;
    size_t before = run->done;
    run->working = run->working_most = threads_at_once(run);
    if (hands_new(&run->hands, run->working, err) != 0)
        return -1;
#pragma omp parallel num_threads(run->working)
    {
#pragma omp single
        run->working = omp_get_num_threads(); /* which may be fewer */
        work(run, &run->hands.all[omp_get_thread_num()]);
    }
    hands_free(&run->hands);
    if (run->done > before && run->done < run->result->scan->count)
        save_cache(run);
    return 0;
}

int scan_run(struct scan_result **out, const struct model *model, const struct backend *backend,
             const struct scan_options *options, const struct scan_observer *observer,
             struct error *err)
{
    struct scan_work run = {
        .model = model, .backend = backend, .options = options, .observer = observer, .asked = -1};
    const char *device = backend ? backend->name : device_of(options);
    int status = -1;
    *out = NULL;
    run.memory = available_memory();
    run.start = run.saved_at = clock_seconds();
    if ((!backend && backend_check(device, err) != 0) || run_prepare(&run, err) != 0) {
        scan_result_free(run.result);
        goto out;
    }
    if (observer && observer->on_start)
        observer->on_start(observer->context, run.result->scan);
    /* The oracle of the other back ends takes nothing from them. */
    if (options->use_cache && strcmp(device, "reference") != 0)
        load_cache(&run);
    int computed = compute_rows(&run, err);
    *out = run.result; /* in any case: what is known so far is worth having */
    if (computed != 0)
        goto out;
    if (run.failure.kind != ERROR_NONE) {
        if (err)
            *err = run.failure;
    } else if (run.stopped) {
        error_set_kind(err, ERROR_INTERRUPTED, "stopped at %zu of %zu matrices%s", run.done,
                       run.result->scan->count,
                       run.cache.path ? "; the next scan continues from there" : "");
    } else {
        status = 0;
    }
out:
    run_free(&run);
    return status;
}
