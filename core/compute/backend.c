/* What is the same for every back end, asked through its own functions. */
#include "compute/backend.h"

#include <stdio.h>

/* Names are written as far as `size` has room; the count is of all of them. */
int backend_missing(const struct backend *backend, char *out, size_t size)
{
    int count = 0;
    size_t used = 0;
    out[0] = '\0';
    for (enum op op = 0; op < OP_COUNT; op++) {
        if (!backend->fallbacks || !backend->fallbacks[op].missing)
            continue;
        if (used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", count > 0 ? ", " : "",
                                     op_info[op].name);
        count++;
    }
    return count;
}

/* Three buffers' worth of zeros, for x, weight and both results, which may share a place as nothing
 * looks at them. Each product is made both ways, since a library compiles one kernel that replaces
 * and another that adds. */
int backend_warm_up(struct backend *backend, enum storage type, struct error *err)
{
    enum { SIDE = 128, BYTES = SIDE * SIDE * 4 };
    if (!backend_can_train(backend))
        return 0;
    struct device_buffer *memory = backend->alloc(backend->self, (size_t)3 * BYTES, err);
    if (!memory)
        return -1;
    struct tensor x = tensor_at((struct place){memory, BYTES}, type, SIDE, SIDE);
    struct tensor weight = tensor_at((struct place){memory, (size_t)2 * BYTES}, type, SIDE, SIDE);
    struct tensor out = tensor_at((struct place){memory, 0}, type, SIDE, SIDE);
    struct tensor gradient = tensor_at((struct place){memory, 0}, STORAGE_F32, SIDE, SIDE);
    struct tensor all = tensor_of_bytes((struct place){memory, 0}, (size_t)3 * BYTES);
    backend_run(backend, &(struct op_call){OP_FILL_ZERO, .fill_zero = {all}});
    for (enum accumulate accumulate = REPLACE; accumulate <= ADD; accumulate++) {
        const struct op_call calls[] = {
            {OP_LINEAR_FORWARD,
             .linear_forward = {.out = out, .x = x, .weight = weight, .accumulate = accumulate}},
            {OP_LINEAR_BACKWARD_INPUT, .linear_backward_input = {.grad_x = out,
                                                                 .grad_out = x,
                                                                 .weight = weight,
                                                                 .accumulate = accumulate}},
            {OP_LINEAR_BACKWARD_WEIGHT, .linear_backward_weight = {.grad_weight = gradient,
                                                                   .grad_out = x,
                                                                   .x = x,
                                                                   .accumulate = accumulate}},
        };
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            backend_run(backend, &calls[i]);
    }
    int result = backend->wait(backend->self, err);
    backend->free(backend->self, memory);
    return result;
}

void backend_close(struct backend *backend)
{
    if (backend)
        backend->close(backend);
}
