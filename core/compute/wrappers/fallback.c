/* Operations that a back end does not have run on the reference, through copies:
 *
 *     device --read()--> copies on the host -> reference -> copies --write()--> device
 *
 * read() waits for what was queued before it and write() takes its place in the queue, so the order
 * of operations is kept. Nothing stays in the copies between calls.
 */
#include "compute/wrappers/wrapper.h"

#include "compute/host.h"
#include "compute/reference/reference.h"

enum { ALIGNMENT = 64 };

struct fallback {
    struct wrapper wrapper;
    struct backend *reference;
    struct device_buffer *copies; /* of the reference; grows to what the largest call takes */
    size_t capacity;
    struct op_fallback fallbacks[OP_COUNT];
};

/* --- a call in host memory --- */

static size_t take(size_t *used, size_t bytes)
{
    size_t start = *used;
    *used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return start;
}

/* Gives each tensor of the call a place in the copies; returns the bytes that they take together.
 */
static size_t lay_out(struct op_call *copy, const struct op_call *call,
                      struct device_buffer *copies)
{
    size_t used = 0;
    *copy = *call;
    for (const struct op_operand *operand = op_info[call->op].operands; operand->name; operand++) {
        struct tensor *tensor = op_tensor(copy, operand);
        if (operand->use == OPERAND_WORKSPACE)
            *tensor = tensor_of_bytes((struct place){0}, reference_workspace(NULL, call));
        else if (!tensor_is_there(tensor))
            continue;
        struct stored_bytes bytes = tensor_bytes(tensor);
        tensor->data = (struct place){copies, take(&used, bytes.data)};
        if (bytes.scales > 0)
            tensor->scales = (struct place){copies, take(&used, bytes.scales)};
    }
    return used;
}

/* Both ways, what is read before the operation or was written by it. */
static void copy_tensors(struct fallback *fallback, const struct op_call *call,
                         const struct op_call *copy, enum operand_use use)
{
    struct backend *below = fallback->wrapper.below;
    for (const struct op_operand *operand = op_info[call->op].operands; operand->name; operand++) {
        const struct tensor *there = op_tensor_of(call, operand);
        const struct tensor *here = op_tensor_of(copy, operand);
        struct stored_bytes bytes = tensor_bytes(there);
        const struct {
            struct place there, here;
            size_t bytes;
        } parts[] = {{there->data, here->data, bytes.data},
                     {there->scales, here->scales, bytes.scales}};
        if (!(operand->use & (unsigned)use) || !tensor_is_there(there))
            continue;
        for (int i = 0; i < 2; i++) {
            if (parts[i].bytes == 0)
                continue;
            if (use == OPERAND_READ)
                below->read(below->self, host_pointer(parts[i].here), parts[i].there,
                            parts[i].bytes);
            else
                below->write(below->self, parts[i].there, host_pointer(parts[i].here),
                             parts[i].bytes);
        }
    }
}

/* The copies grow and never shrink: after the first step no call allocates. */
static int reserve(struct fallback *fallback, size_t bytes, struct error *err)
{
    struct backend *reference = fallback->reference;
    if (bytes <= fallback->capacity)
        return 0;
    reference->free(reference->self, fallback->copies);
    fallback->copies = reference->alloc(reference->self, bytes, err);
    fallback->capacity = fallback->copies ? bytes : 0;
    return fallback->copies ? 0 : -1;
}

/* Without memory the operation is left out, which wait() reports. */
static void run_on_reference(void *self, const struct op_call *call)
{
    struct fallback *fallback = self;
    struct error trouble = ERROR_INIT;
    struct op_call copy;
    fallback->fallbacks[call->op].calls++;
    if (reserve(fallback, lay_out(&copy, call, NULL), &trouble) != 0) {
        if (fallback->wrapper.trouble.kind == ERROR_NONE)
            fallback->wrapper.trouble = trouble;
        return;
    }
    lay_out(&copy, call, fallback->copies);
    copy_tensors(fallback, call, &copy, OPERAND_READ);
    backend_run(fallback->reference, &copy);
    copy_tensors(fallback, call, &copy, OPERAND_WRITTEN);
}

/* --- the back end --- */

static void run_below(void *self, const struct op_call *call)
{
    backend_run(((struct fallback *)self)->wrapper.below, call);
}

/* Of what runs on the reference the copies hold the workspace, too. */
static size_t workspace(void *self, const struct op_call *call)
{
    const struct backend *below = ((const struct fallback *)self)->wrapper.below;
    return below->ops[call->op] ? backend_workspace(below, call) : 0;
}

static void release(struct wrapper *own)
{
    struct fallback *fallback = (struct fallback *)own;
    fallback->reference->free(fallback->reference->self, fallback->copies);
    backend_close(fallback->reference);
}

/* An entry that the device has stays its own; each that is NULL becomes the reference's, and is
 * marked as missing so that a run can say so. */
static int wrap(struct backend **out, struct backend *below, struct error *err)
{
    struct backend *reference = NULL;
    if (reference_backend_new(&reference, err) != 0)
        return -1;
    if (wrapper_new(out, below, sizeof(struct fallback), run_below, err) != 0) {
        backend_close(reference);
        return -1;
    }
    struct fallback *fallback = (*out)->self;
    fallback->reference = reference;
    fallback->wrapper.release = release;
    (*out)->workspace = workspace;
    (*out)->fallbacks = fallback->fallbacks;
    for (enum op op = 0; op < OP_COUNT; op++)
        if (!below->ops[op]) {
            (*out)->ops[op] = run_on_reference;
            fallback->fallbacks[op].missing = true;
        }
    return 0;
}

static bool lacks_something(const struct backend *backend)
{
    for (enum op op = 0; op < OP_COUNT; op++)
        if (!backend->ops[op])
            return true;
    return false;
}

/* *backend is NULL while it changes hands: where that fails, nobody frees it twice. */
int fallback_complete(struct backend **backend, struct error *err)
{
    struct backend *below = *backend;
    if (!backend_can_train(below) || !lacks_something(below))
        return 0;
    *backend = NULL;
    if (wrap(backend, below, err) == 0)
        return 0;
    backend_close(below);
    return -1;
}
