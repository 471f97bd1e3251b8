/* A back end that hands each call on to the one below, for wrappers to replace what they want to;
 * and timing, the simplest of them. What is NULL below is NULL here, so whoever looks for an entry
 * sees what there really is. */
#include "compute/wrappers/wrapper.h"

#include "base/memory.h"
#include "base/process.h"

#include <stdlib.h>
#include <string.h>

static struct backend *below_of(void *self)
{
    return ((struct wrapper *)self)->below;
}

static size_t hand_workspace(void *self, const struct op_call *call)
{
    return backend_workspace(below_of(self), call);
}

static struct device_buffer *hand_alloc(void *self, size_t bytes, struct error *err)
{
    struct backend *below = below_of(self);
    return below->alloc(below->self, bytes, err);
}

static void hand_free(void *self, struct device_buffer *buffer)
{
    struct backend *below = below_of(self);
    below->free(below->self, buffer);
}

static void hand_write(void *self, struct place to, const void *from, size_t bytes)
{
    struct backend *below = below_of(self);
    below->write(below->self, to, from, bytes);
}

static void hand_read(void *self, void *to, struct place from, size_t bytes)
{
    struct backend *below = below_of(self);
    below->read(below->self, to, from, bytes);
}

/* The device's own error first; then the wrapper's, at every wait, as an operation has no way to
 * fail. */
static int wait_and_report(void *self, struct error *err)
{
    const struct wrapper *wrapper = self;
    struct backend *below = wrapper->below;
    if (below->wait(below->self, err) != 0)
        return -1;
    if (wrapper->trouble.kind == ERROR_NONE)
        return 0;
    if (err)
        *err = wrapper->trouble;
    return -1;
}

static bool hand_resident(void *self, size_t *out, struct place from, size_t bytes)
{
    struct backend *below = below_of(self);
    return below->resident(below->self, out, from, bytes);
}

static void *hand_host_alloc(void *self, size_t bytes, struct error *err)
{
    struct backend *below = below_of(self);
    return below->host_alloc(below->self, bytes, err);
}

static void hand_host_free(void *self, void *memory)
{
    struct backend *below = below_of(self);
    below->host_free(below->self, memory);
}

static void hand_describe(void *self, struct device_info *out)
{
    struct backend *below = below_of(self);
    below->describe(below->self, out);
}

static void wrapper_close(struct backend *backend)
{
    struct wrapper *wrapper = backend->self;
    if (wrapper->release)
        wrapper->release(wrapper);
    backend_close(wrapper->below);
    free(wrapper);
    free(backend);
}

/* --- singular values --- */

static int hand_values(void *self, double *values, const float *matrix, int64_t rows, int64_t cols,
                       void *workspace, struct error *err)
{
    struct backend *below = below_of(self);
    return below->spectra->values(below->self, values, matrix, rows, cols, workspace, err);
}

static int hand_team_values(void *self, struct team *team, double *values, const float *matrix,
                            int64_t rows, int64_t cols, void *workspace, struct error *err)
{
    struct backend *below = below_of(self);
    return below->spectra->team_values(below->self, team, values, matrix, rows, cols, workspace,
                                       err);
}

static size_t hand_values_workspace(void *self, int64_t rows, int64_t cols)
{
    struct backend *below = below_of(self);
    return below->spectra->workspace(below->self, rows, cols);
}

static int hand_side_by_side(void *self, int64_t rows, int64_t cols)
{
    struct backend *below = below_of(self);
    return below->spectra->side_by_side(below->self, rows, cols);
}

/* The table must be as complete as the one below: callers choose their way by which entries are
 * NULL. */
static const struct spectra_ops *hand_spectra(struct wrapper *wrapper)
{
    const struct spectra_ops *spectra = wrapper->below->spectra;
    if (!spectra)
        return NULL;
    wrapper->spectra = (struct spectra_ops){
        .values = hand_values,
        .team_values = spectra->team_values ? hand_team_values : NULL,
        .workspace = hand_values_workspace,
        .side_by_side = spectra->side_by_side ? hand_side_by_side : NULL,
        .accuracy = spectra->accuracy,
    };
    return &wrapper->spectra;
}

/* --- making --- */

/* Memory and waiting are handed on where there are any; a back end that only scans has none. */
int wrapper_new(struct backend **out, struct backend *below, size_t bytes, op_function *run,
                struct error *err)
{
    struct wrapper *wrapper = array_alloc(bytes, 1, err);
    struct backend *backend = array_alloc(1, sizeof *backend, err);
    *out = NULL;
    if (!wrapper || !backend) {
        free(wrapper);
        free(backend);
        return -1;
    }
    wrapper->below = below;
    *backend = (struct backend){
        .version = BACKEND_VERSION,
        .name = below->name,
        .self = wrapper,
        .spectra = hand_spectra(wrapper),
        .fallbacks = below->fallbacks,
        .workspace = hand_workspace,
        .host_alloc = hand_host_alloc,
        .host_free = hand_host_free,
        .describe = hand_describe,
        .close = wrapper_close,
    };
    for (enum op op = 0; op < OP_COUNT; op++)
        backend->ops[op] = below->ops[op] ? run : NULL;
    if (backend_can_train(below)) {
        backend->alloc = hand_alloc;
        backend->free = hand_free;
        backend->write = hand_write;
        backend->read = hand_read;
        backend->wait = wait_and_report;
        backend->resident = below->resident ? hand_resident : NULL;
    }
    *out = backend;
    return 0;
}

/* --- timing --- */

struct timing {
    struct wrapper wrapper;
    struct op_time times[OP_COUNT];
};

/* Waits after each operation: otherwise the time would be that of queueing it. */
static void timed_run(void *self, const struct op_call *call)
{
    struct timing *timing = self;
    struct backend *below = timing->wrapper.below;
    struct error *trouble = &timing->wrapper.trouble, later = ERROR_INIT;
    double start = clock_seconds();
    backend_run(below, call);
    below->wait(below->self, trouble->kind == ERROR_NONE ? trouble : &later);
    timing->times[call->op].seconds += clock_seconds() - start;
    timing->times[call->op].calls++;
}

int timing_backend_new(struct backend **out, struct backend *below, struct error *err)
{
    if (wrapper_new(out, below, sizeof(struct timing), timed_run, err) == 0)
        return 0;
    backend_close(below);
    return -1;
}

const struct op_time *timing_of(const struct backend *timing)
{
    return ((const struct timing *)timing->self)->times;
}

void timing_clear(struct backend *timing)
{
    struct timing *own = timing->self;
    memset(own->times, 0, sizeof own->times);
}
