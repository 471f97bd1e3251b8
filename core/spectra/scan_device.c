/* What computes: the back end that the scan was given, and the CPU for what that one cannot. */
#include "spectra/scan_parts.h"

#include <math.h>
#include <omp.h>

static void say_device(const struct run *run, const struct scan_row *row, const char *why)
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

int open_device(struct run *run, struct error *err)
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

const struct backend *backend_of(const struct run *run, size_t row)
{
    return run->lost || run->on_processor[row] ? run->processor : run->backend;
}

/* Threads that take rows where memory sets no bound: one a core, or what the device takes at once.
 */
static int threads_of(const struct run *run)
{
    const struct backend *backend = run->lost ? run->processor : run->backend;
    if (run->options->threads > 0)
        return run->options->threads;
    if (!backend->spectra->side_by_side)
        return omp_get_max_threads();
    const struct module *first = run->result->scan->count ? run->modules[run->order[0]] : NULL;
    return first ? backend->spectra->side_by_side(backend->self, first->rows, first->cols) : 1;
}

int side_by_side(const struct run *run)
{
    int threads = threads_of(run);
    double memory = (double)run->memory, budget = fmin(memory, fmax(memory / 4, 1.2e9));
    double largest = 1;
    for (size_t i = 0; i < run->result->scan->count; i++)
        if (run->states[i] == ROW_WAITING && !is_refused(run, backend_of(run, i), i))
            largest = fmax(largest, (double)need_of(run, backend_of(run, i), i));
    return budget / largest < threads ? (int)fmax(budget / largest, 1) : threads;
}

int turn_to_processor(struct run *run, int64_t row, const char *why, struct error *err)
{
    if (!run->processor && backend_open(&run->processor, "cpu", run->options->threads, err) != 0)
        return -1;
    if (row >= 0) {
        run->on_processor[row] = true;
        say_device(run, &run->result->scan->rows[row], why);
        return 0;
    }
    run->lost = true;
    run->working_most = side_by_side(run);
    say_device(run, NULL, why);
    return 0;
}
