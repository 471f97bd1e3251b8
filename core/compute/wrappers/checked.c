/* Memory that is closed (mprotect) between operations: what reads or writes outside of one, or
 * writes to what the operation only reads, is killed by a signal at that very instruction.
 *
 * Whole buffers are opened and closed: where an operation reads one tensor and writes another of
 * the same buffer, both can be written. Each way in opens what it needs and closes it again: an
 * operation, read(), write(), free().
 */
#include "compute/wrappers/wrapper.h"

#include "base/memory.h"
#include "base/sys.h"
#include "compute/host.h"

#include <stdlib.h>
#include <sys/mman.h>

/* A buffer of the back end below, closed between operations. */
struct closed {
    struct closed *next;
    struct device_buffer *buffer;
    size_t bytes;
};

struct checked {
    struct wrapper wrapper;
    struct closed *buffers;
};

static void protect(const struct closed *closed, int access)
{
    size_t bytes = (closed->bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
    sys.mprotect(host_pointer((struct place){closed->buffer, 0}), bytes, access);
}

static void protect_all(const struct checked *checked, int access)
{
    for (const struct closed *closed = checked->buffers; closed; closed = closed->next)
        protect(closed, access);
}

static const struct closed *find_buffer(const struct checked *checked,
                                        const struct device_buffer *buffer)
{
    const struct closed *closed = checked->buffers;
    while (closed && closed->buffer != buffer)
        closed = closed->next;
    return closed;
}

/* --- operations --- */

/* Without a sum that could wrap around: first the offset, then what is left after it. */
static bool lies_within(const struct checked *checked, struct place place, size_t bytes)
{
    const struct closed *closed = find_buffer(checked, place.buffer);
    return bytes == 0 ||
           (closed && place.offset <= closed->bytes && bytes <= closed->bytes - place.offset);
}

/* What has no bytes need not be anywhere; what is optional may be missing; all else has a
 * buffer. */
static int check_operand(const struct checked *checked, const struct op_call *call,
                         const struct op_operand *operand, struct error *err)
{
    const struct tensor *tensor = op_tensor_of(call, operand);
    struct stored_bytes bytes = tensor_bytes(tensor);
    if (!tensor_is_there(tensor))
        return operand->use & OPERAND_OPTIONAL || bytes.data == 0
                   ? 0
                   : error_set(err, "%s: its tensor %s is missing", op_info[call->op].name,
                               operand->name);
    if (lies_within(checked, tensor->data, bytes.data) &&
        lies_within(checked, tensor->scales, bytes.scales))
        return 0;
    return error_set(err, "%s: its tensor %s does not lie within its buffer",
                     op_info[call->op].name, operand->name);
}

/* First where each tensor lies, then whether their shapes go together, which op.c knows. */
static int check_call(const struct checked *checked, const struct op_call *call, struct error *err)
{
    const struct op_operand *operand = op_info[call->op].operands;
    for (; operand->name; operand++)
        if (check_operand(checked, call, operand, err) != 0)
            return -1;
    const char *misfit = op_misfit(call);
    return misfit ? error_set(err, "%s: its tensor %s has not the shape that goes with the others'",
                              op_info[call->op].name, misfit)
                  : 0;
}

/* Opens the buffers of the call's tensors: for writing where one of them is not only read. */
static void open_buffers(const struct checked *checked, const struct op_call *call)
{
    static const int uses[] = {OPERAND_READ, OPERAND_WRITTEN | OPERAND_WORKSPACE};
    static const int accesses[] = {PROT_READ, PROT_READ | PROT_WRITE};
    for (int i = 0; i < 2; i++) /* what is written last */
        for (const struct op_operand *operand = op_info[call->op].operands; operand->name;
             operand++) {
            const struct tensor *tensor = op_tensor_of(call, operand);
            const struct closed *data = find_buffer(checked, tensor->data.buffer);
            const struct closed *scales = find_buffer(checked, tensor->scales.buffer);
            if (operand->use & (unsigned)uses[i] && data)
                protect(data, accesses[i]);
            if (operand->use & (unsigned)uses[i] && scales)
                protect(scales, accesses[i]);
        }
}

/* The first thing that is wrong is kept for wait(); the operation is left out, as it might
 * crash. */
static void checked_run(void *self, const struct op_call *call)
{
    struct checked *checked = self;
    struct error trouble = ERROR_INIT;
    if (check_call(checked, call, &trouble) != 0) {
        if (checked->wrapper.trouble.kind == ERROR_NONE)
            checked->wrapper.trouble = trouble;
        return;
    }
    open_buffers(checked, call);
    backend_run(checked->wrapper.below, call);
    protect_all(checked, PROT_NONE);
}

/* --- buffers --- */

static struct device_buffer *checked_alloc(void *self, size_t bytes, struct error *err)
{
    struct checked *checked = self;
    struct backend *below = checked->wrapper.below;
    struct closed *closed = array_alloc(1, sizeof *closed, err);
    struct device_buffer *buffer = closed ? below->alloc(below->self, bytes, err) : NULL;
    if (!buffer) {
        free(closed);
        return NULL;
    }
    *closed = (struct closed){checked->buffers, buffer, bytes};
    checked->buffers = closed;
    protect(closed, PROT_NONE);
    return buffer;
}

/* Opened first: the allocator writes into what it takes back. */
static void checked_free(void *self, struct device_buffer *buffer)
{
    struct checked *checked = self;
    struct backend *below = checked->wrapper.below;
    for (struct closed **link = &checked->buffers; *link; link = &(*link)->next) {
        struct closed *closed = *link;
        if (closed->buffer != buffer)
            continue;
        protect(closed, PROT_READ | PROT_WRITE);
        below->free(below->self, buffer);
        *link = closed->next;
        free(closed);
        return;
    }
}

static void checked_write(void *self, struct place to, const void *from, size_t bytes)
{
    const struct checked *checked = self;
    struct backend *below = checked->wrapper.below;
    protect_all(checked, PROT_READ | PROT_WRITE);
    below->write(below->self, to, from, bytes);
    protect_all(checked, PROT_NONE);
}

static void checked_read(void *self, void *to, struct place from, size_t bytes)
{
    const struct checked *checked = self;
    struct backend *below = checked->wrapper.below;
    protect_all(checked, PROT_READ | PROT_WRITE);
    below->read(below->self, to, from, bytes);
    protect_all(checked, PROT_NONE);
}

/* Buffers that the caller has not freed are closed memory, which must not return to the
 * allocator. */
static void release(struct wrapper *own)
{
    struct checked *checked = (struct checked *)own;
    while (checked->buffers)
        checked_free(checked, checked->buffers->buffer);
}

int checked_backend_new(struct backend **out, struct backend *below, struct error *err)
{
    if (wrapper_new(out, below, sizeof(struct checked), checked_run, err) != 0) {
        backend_close(below);
        return -1;
    }
    struct backend *backend = *out;
    struct checked *checked = backend->self;
    checked->wrapper.release = release;
    backend->name = "checked";
    backend->alloc = checked_alloc;
    backend->free = checked_free;
    backend->write = checked_write;
    backend->read = checked_read;
    return 0;
}
