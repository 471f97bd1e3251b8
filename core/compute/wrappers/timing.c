#include "compute/wrappers/timing.h"

#include "base/clock.h"
#include "compute/wrappers/wrapper.h"

#include <string.h>

struct timing {
    struct wrapper wrapper;
    struct op_time times[OP_COUNT];
};

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
