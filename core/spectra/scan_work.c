#include "spectra/scan_work.h"

#include "base/memory.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "compute/machine.h"
#include "compute/spectra.h"
#include "model/score_rows.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

/* --- one matrix --- */

int64_t value_count(const struct matrix_part *part)
{
    return part->rows < part->cols ? part->rows : part->cols;
}

uint64_t need_of(const struct scan_work *run, const struct backend *backend, size_t row)
{
    const struct matrix_part *part = &run->parts[row];
    bool empty = part->rows < 1 || part->cols < 1;
    uint64_t need = empty ? 0 : scratch_need(backend, part->rows, part->cols);
    uint64_t reading = matrix_part_need(part);
    return need > UINT64_MAX - reading ? UINT64_MAX : need + reading;
}

bool is_refused(const struct scan_work *run, const struct backend *backend, size_t row)
{
    char reason[64];
    return scan_row_refusal(&run->parts[row], reason, sizeof reason) ||
           need_of(run, backend, row) > run->memory;
}

/* ERROR_NOT_FINITE is the matrix's own and ERROR_NOT_HERE this device's, so both are outcomes of
 * the row; ERROR_DEVICE is the scan's to handle, and any other ends it. */
static int compute(struct outcome *out, const struct backend *backend,
                   const struct matrix_part *part, struct team *team, const struct scratch *scratch,
                   struct error *err)
{
    const struct spectra_ops *ops = backend->spectra;
    struct error trouble = ERROR_INIT;
    out->values = array_alloc((size_t)value_count(part), sizeof *out->values, err);
    if (!out->values)
        return error_prefix(err, "%s", part->parameter->name);
    if ((ops->team_values ? ops->team_values(backend->self, team, out->values, scratch->matrix,
                                             part->rows, part->cols, scratch->workspace, &trouble)
                          : ops->values(backend->self, out->values, scratch->matrix, part->rows,
                                        part->cols, scratch->workspace, &trouble)) == 0)
        return 0;
    free(out->values);
    out->values = NULL;
    if (trouble.kind == ERROR_NOT_HERE)
        out->end = OUTCOME_NOT_HERE;
    snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
    if (trouble.kind == ERROR_NOT_FINITE || trouble.kind == ERROR_NOT_HERE)
        return 0;
    if (trouble.kind == ERROR_DEVICE) /* which has nothing to do with this matrix */
        return error_set_kind(err, trouble.kind, "%s", trouble.text);
    return error_set(err, "%s: %s", part->parameter->name, trouble.text);
}

/* Refused rows first, without reading them; then memory, the matrix, the cache, and only then the
 * computation. What ends a row is no error of the scan, but for files that cannot be read. */
int work_out(struct outcome *out, struct scan_work *run, const struct backend *backend, size_t row,
             struct team *team, struct scratch *scratch, struct error *err)
{
    const struct matrix_part *part = &run->parts[row];
    struct error trouble = ERROR_INIT;
    *out = (struct outcome){.end = OUTCOME_KNOWN};
    if (is_refused(run, backend, row)) {
        if (!scan_row_refusal(part, out->reason, sizeof out->reason))
            snprintf(out->reason, sizeof out->reason, "needs %s, %s are free",
                     bytes_text((double)need_of(run, backend, row)).text,
                     bytes_text((double)run->memory).text);
        return 0;
    }
    if (scratch_reserve(scratch, backend, part->rows, part->cols, &trouble) != 0) {
        snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
        out->end = OUTCOME_NO_MEMORY;
        return 0;
    }
    if (matrix_part_read(run->model, part, scratch->matrix, err) != 0)
        return error_prefix(err, "%s", part->parameter->name);
    out->values =
        spectra_cache_by_content(&run->cache, row, scratch->matrix, part->rows * part->cols);
    if (!out->values)
        return compute(out, backend, part, team, scratch, err);
    out->end = OUTCOME_CACHED;
    return 0;
}

/* --- what computes --- */

static void say_device(const struct scan_work *run, const struct scan_row *row, const char *why)
{
    const struct backend *backend = row || run->lost ? run->processor : run->backend;
    struct device_info device;
    if (!run->observer || !run->observer->on_device)
        return;
    backend->describe(backend->self, &device);
    run->observer->on_device(run->observer->context, &device, row, why);
}

const char *device_of(const struct scan_options *options)
{
    return options->device ? options->device : "auto";
}

/* Only when a row must be computed: a scan that the cache answers needs no device. */
int open_device(struct scan_work *run, struct error *err)
{
    struct error busy = ERROR_INIT;
    if (!run->backend && backend_open_for_scan(&run->opened, device_of(run->options),
                                               run->options->threads, &busy, err) != 0)
        return -1;
    if (run->opened)
        run->backend = run->opened;
    if (!run->backend->spectra)
        return error_set(err, "the %s back end cannot scan", run->backend->name);
    say_device(run, NULL, busy.kind != ERROR_NONE ? busy.text : NULL);
    return 0;
}

const struct backend *backend_of(const struct scan_work *run, size_t row)
{
    return run->lost || run->on_processor[row] ? run->processor : run->backend;
}

uint64_t memory_budget(const struct scan_work *run)
{
    double memory = (double)run->memory;
    return (uint64_t)fmin(memory, fmax(memory / 4, 1.2e9));
}

int threads_at_once(const struct scan_work *run)
{
    double budget = (double)memory_budget(run), largest = 1;
    int threads = 1;
    bool are_teams = false;
    for (size_t place = run->result->scan->count; place-- > 0;) { /* the largest comes last */
        size_t row = run->order[place];
        const struct matrix_part *part = &run->parts[row];
        const struct backend *backend = backend_of(run, row);
        if (run->states[row] != ROW_WAITING || is_refused(run, backend, row))
            continue;
        largest = fmax(largest, (double)need_of(run, backend, row));
        are_teams = backend->spectra->team_values != NULL;
        if (run->options->threads > 0)
            threads = run->options->threads;
        else if (!backend->spectra->side_by_side)
            threads = machine_threads(0);
        else
            threads = backend->spectra->side_by_side(backend->self, part->rows, part->cols);
    }
    return are_teams || budget / largest >= threads ? threads : (int)fmax(budget / largest, 1);
}

/* With a row, all rows of its shape go to the processor, since they would fail alike; without one
 * the device is lost. Whoever watches is told once. */
int leave_to_processor(struct scan_work *run, int64_t row, const char *why, struct error *err)
{
    const struct scan_row *example = row >= 0 ? &run->result->scan->rows[row] : NULL;
    bool known = run->lost || (row >= 0 && run->on_processor[row]);
    if (!run->processor && backend_open(&run->processor, "cpu", run->options->threads, err) != 0)
        return -1;
    run->lost |= row < 0;
    for (size_t i = 0; row >= 0 && i < run->result->scan->count; i++)
        run->on_processor[i] |= run->parts[i].rows == run->parts[row].rows &&
                                run->parts[i].cols == run->parts[row].cols;
    run->working_most = threads_at_once(run);
    if (!known)
        say_device(run, example, why);
    return 0;
}
