#include "compute/guard.h"

#include "base/memory.h"
#include "base/sys.h"
#include "compute/host.h"

#include <stdlib.h>
#include <sys/mman.h>

/* A buffer of the back end below, closed between operations. */
struct guarded {
    struct guarded *next;
    struct device_buffer *buffer;
    size_t bytes;
};

struct guard {
    struct backend *below;
    struct guarded *buffers;
};

static void protect(const struct guarded *guarded, int access)
{
    size_t bytes = (guarded->bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
    sys.mprotect(host_pointer((struct place){guarded->buffer, 0}), bytes, access);
}

/* Opens all buffers; returns the back end below. */
static struct backend *enter(void *self)
{
    const struct guard *guard = self;
    for (const struct guarded *guarded = guard->buffers; guarded; guarded = guarded->next)
        protect(guarded, PROT_READ | PROT_WRITE);
    return guard->below;
}

static void leave(void *self)
{
    const struct guard *guard = self;
    for (const struct guarded *guarded = guard->buffers; guarded; guarded = guarded->next)
        protect(guarded, PROT_NONE);
}

/* --- operations: each is the one below, between enter() and leave() --- */

static void guard_embedding_forward(void *self, struct place out, enum storage type,
                                    struct weight weight, struct place ids, int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->embedding_forward(below->self, out, type, weight, ids, tokens);
    leave(self);
}

static void guard_embedding_backward(void *self, struct place grad_weight, struct place grad_out,
                                     enum storage type, struct place ids, int64_t tokens,
                                     int64_t vocab, int64_t hidden)
{
    const struct backend *below = enter(self);
    below->train->embedding_backward(below->self, grad_weight, grad_out, type, ids, tokens, vocab,
                                     hidden);
    leave(self);
}

static void guard_rmsnorm_forward(void *self, struct place out, struct place rstd, struct place x,
                                  enum storage type, struct weight weight, float epsilon,
                                  int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->rmsnorm_forward(below->self, out, rstd, x, type, weight, epsilon, tokens);
    leave(self);
}

static void guard_rmsnorm_backward(void *self, struct place grad_x, enum accumulate accumulate,
                                   struct place grad_weight, struct place grad_out, struct place x,
                                   struct place rstd, enum storage type, struct weight weight,
                                   int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->rmsnorm_backward(below->self, grad_x, accumulate, grad_weight, grad_out, x, rstd,
                                   type, weight, tokens);
    leave(self);
}

static void guard_dequantize(void *self, struct place out, enum storage type, struct weight weight)
{
    const struct backend *below = enter(self);
    below->train->dequantize(below->self, out, type, weight);
    leave(self);
}

static void guard_linear_forward(void *self, struct place out, enum accumulate accumulate,
                                 struct place x, enum storage type, struct weight weight,
                                 struct place bias, int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->linear_forward(below->self, out, accumulate, x, type, weight, bias, tokens);
    leave(self);
}

static void guard_linear_backward_input(void *self, struct place grad_x, enum accumulate accumulate,
                                        struct place grad_out, enum storage type,
                                        struct weight weight, int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->linear_backward_input(below->self, grad_x, accumulate, grad_out, type, weight,
                                        tokens);
    leave(self);
}

static void guard_linear_backward_weight(void *self, struct place grad_weight,
                                         enum accumulate accumulate, struct place grad_out,
                                         struct place x, enum storage type, int64_t rows,
                                         int64_t cols, int64_t tokens)
{
    const struct backend *below = enter(self);
    below->train->linear_backward_weight(below->self, grad_weight, accumulate, grad_out, x, type,
                                         rows, cols, tokens);
    leave(self);
}

static void guard_bias_backward(void *self, struct place grad_bias, struct place grad_out,
                                enum storage type, int64_t tokens, int64_t rows)
{
    const struct backend *below = enter(self);
    below->train->bias_backward(below->self, grad_bias, grad_out, type, tokens, rows);
    leave(self);
}

static void guard_rope(void *self, struct place x, enum storage type, struct place table,
                       struct place positions, int64_t tokens, int heads, int head_dim,
                       bool backward)
{
    const struct backend *below = enter(self);
    below->train->rope(below->self, x, type, table, positions, tokens, heads, head_dim, backward);
    leave(self);
}

static void guard_attention_forward(void *self, struct place out, struct place lse, struct place q,
                                    struct place k, struct place v, enum storage type,
                                    struct attention_shape shape, struct documents documents)
{
    const struct backend *below = enter(self);
    below->train->attention_forward(below->self, out, lse, q, k, v, type, shape, documents);
    leave(self);
}

static void guard_attention_backward(void *self, struct place grad_q, struct place grad_k,
                                     struct place grad_v, struct place grad_out, struct place out,
                                     struct place lse, struct place q, struct place k,
                                     struct place v, enum storage type,
                                     struct attention_shape shape, struct documents documents,
                                     struct place workspace)
{
    const struct backend *below = enter(self);
    below->train->attention_backward(below->self, grad_q, grad_k, grad_v, grad_out, out, lse, q, k,
                                     v, type, shape, documents, workspace);
    leave(self);
}

static size_t guard_attention_workspace(void *self, struct attention_shape shape, enum storage type)
{
    const struct backend *below = ((const struct guard *)self)->below;
    return below->train->attention_workspace(below->self, shape, type);
}

static void guard_swiglu_forward(void *self, struct place out, struct place gate, struct place up,
                                 enum storage type, int64_t count)
{
    const struct backend *below = enter(self);
    below->train->swiglu_forward(below->self, out, gate, up, type, count);
    leave(self);
}

static void guard_swiglu_backward(void *self, struct place grad_gate, struct place grad_up,
                                  struct place grad_out, struct place gate, struct place up,
                                  enum storage type, int64_t count)
{
    const struct backend *below = enter(self);
    below->train->swiglu_backward(below->self, grad_gate, grad_up, grad_out, gate, up, type, count);
    leave(self);
}

static void guard_add(void *self, struct place out, struct place x, enum storage type,
                      int64_t count)
{
    const struct backend *below = enter(self);
    below->train->add(below->self, out, x, type, count);
    leave(self);
}

static void guard_scale(void *self, struct place x, enum storage type, float factor, int64_t count)
{
    const struct backend *below = enter(self);
    below->train->scale(below->self, x, type, factor, count);
    leave(self);
}

static void guard_add_noise(void *self, struct place x, enum storage type, int64_t hidden,
                            struct documents documents, float alpha, const uint32_t key[2],
                            uint32_t batch)
{
    const struct backend *below = enter(self);
    below->train->add_noise(below->self, x, type, hidden, documents, alpha, key, batch);
    leave(self);
}

static void guard_head_loss(void *self, struct place loss, struct place grad_x,
                            struct place grad_weight, struct place x, enum storage type,
                            struct weight head, struct targets targets, int64_t tokens, float scale,
                            float z_loss, struct place workspace)
{
    const struct backend *below = enter(self);
    below->train->head_loss(below->self, loss, grad_x, grad_weight, x, type, head, targets, tokens,
                            scale, z_loss, workspace);
    leave(self);
}

static size_t guard_head_workspace(void *self, int64_t tokens, int64_t hidden, int64_t vocab,
                                   enum storage type)
{
    const struct backend *below = ((const struct guard *)self)->below;
    return below->train->head_workspace(below->self, tokens, hidden, vocab, type);
}

static void guard_sum_squares(void *self, struct place sum, struct place x, int64_t count)
{
    const struct backend *below = enter(self);
    below->train->sum_squares(below->self, sum, x, count);
    leave(self);
}

static void guard_adamw(void *self, struct place parameter, enum storage storage,
                        struct place master, struct moments moments, struct place gradient,
                        int64_t count, const struct adamw *settings)
{
    const struct backend *below = enter(self);
    below->train->adamw(below->self, parameter, storage, master, moments, gradient, count,
                        settings);
    leave(self);
}

static void guard_fill_zero(void *self, struct place out, size_t bytes)
{
    const struct backend *below = enter(self);
    below->train->fill_zero(below->self, out, bytes);
    leave(self);
}

static void guard_copy(void *self, struct place out, struct place from, size_t bytes)
{
    const struct backend *below = enter(self);
    below->train->copy(below->self, out, from, bytes);
    leave(self);
}

static const struct train_ops guard_train_ops = {
    .embedding_forward = guard_embedding_forward,
    .embedding_backward = guard_embedding_backward,
    .rmsnorm_forward = guard_rmsnorm_forward,
    .rmsnorm_backward = guard_rmsnorm_backward,
    .dequantize = guard_dequantize,
    .linear_forward = guard_linear_forward,
    .linear_backward_input = guard_linear_backward_input,
    .linear_backward_weight = guard_linear_backward_weight,
    .bias_backward = guard_bias_backward,
    .rope = guard_rope,
    .attention_forward = guard_attention_forward,
    .attention_backward = guard_attention_backward,
    .attention_workspace = guard_attention_workspace,
    .swiglu_forward = guard_swiglu_forward,
    .swiglu_backward = guard_swiglu_backward,
    .add = guard_add,
    .scale = guard_scale,
    .add_noise = guard_add_noise,
    .head_loss = guard_head_loss,
    .head_workspace = guard_head_workspace,
    .sum_squares = guard_sum_squares,
    .adamw = guard_adamw,
    .fill_zero = guard_fill_zero,
    .copy = guard_copy,
};

/* --- buffers --- */

static struct device_buffer *guard_alloc(void *self, size_t bytes, struct error *err)
{
    struct guard *guard = self;
    struct guarded *guarded = array_alloc(1, sizeof *guarded, err);
    struct device_buffer *buffer =
        guarded ? guard->below->alloc(guard->below->self, bytes, err) : NULL;
    if (!buffer) {
        free(guarded);
        return NULL;
    }
    *guarded = (struct guarded){guard->buffers, buffer, bytes};
    guard->buffers = guarded;
    protect(guarded, PROT_NONE);
    return buffer;
}

static void guard_free(void *self, struct device_buffer *buffer)
{
    struct guard *guard = self;
    for (struct guarded **link = &guard->buffers; *link; link = &(*link)->next) {
        struct guarded *guarded = *link;
        if (guarded->buffer != buffer)
            continue;
        protect(guarded, PROT_READ | PROT_WRITE);
        guard->below->free(guard->below->self, buffer);
        *link = guarded->next;
        free(guarded);
        return;
    }
}

static void guard_write(void *self, struct place to, const void *from, size_t bytes)
{
    const struct backend *below = enter(self);
    below->write(below->self, to, from, bytes);
    leave(self);
}

static void guard_read(void *self, void *to, struct place from, size_t bytes)
{
    const struct backend *below = enter(self);
    below->read(below->self, to, from, bytes);
    leave(self);
}

static int guard_wait(void *self, struct error *err)
{
    const struct backend *below = ((const struct guard *)self)->below;
    return below->wait(below->self, err);
}

static void *guard_host_alloc(void *self, size_t bytes, struct error *err)
{
    const struct backend *below = ((const struct guard *)self)->below;
    return below->host_alloc(below->self, bytes, err);
}

static void guard_host_free(void *self, void *memory)
{
    const struct backend *below = ((const struct guard *)self)->below;
    below->host_free(below->self, memory);
}

static void guard_describe(void *self, struct device_info *out)
{
    const struct backend *below = ((const struct guard *)self)->below;
    below->describe(below->self, out);
}

static void guard_close(struct backend *backend)
{
    struct guard *guard = backend->self;
    while (guard->buffers)
        guard_free(guard, guard->buffers->buffer);
    backend_close(guard->below);
    free(guard);
    free(backend);
}

int guard_backend_new(struct backend **out, int threads, struct error *err)
{
    struct guard *guard = array_alloc(1, sizeof *guard, err);
    struct backend *backend = array_alloc(1, sizeof *backend, err);
    *out = NULL;
    if (!guard || !backend || backend_open(&guard->below, "cpu", threads, err) != 0) {
        free(guard);
        free(backend);
        return -1;
    }
    guard->buffers = NULL;
    *backend = (struct backend){
        .version = BACKEND_VERSION,
        .name = "guard",
        .train = &guard_train_ops,
        .self = guard,
        .alloc = guard_alloc,
        .free = guard_free,
        .write = guard_write,
        .read = guard_read,
        .wait = guard_wait,
        .host_alloc = guard_host_alloc,
        .host_free = guard_host_free,
        .describe = guard_describe,
        .close = guard_close,
    };
    *out = backend;
    return 0;
}
