/* Milliseconds of each training operation of a back end, at the shapes of SmolLM2-135M, and the
 * rate of a large product, the peak. Build it with `cmake --build build --target bench_ops`.
 *
 *     bench_ops [DEVICE] [f32|bf16] [SEQ BATCH]     512 1: rows of the batch, each one document
 *
 * Lines with a tab are for train.py: name, milliseconds.
 */
#include "compute/devices/devices.h"
#include "compute/wrappers/wrapper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 64,
    PEAK = 2048, /* of the product that shows the peak: each of its three sizes */
    HIDDEN = 576,
    WIDE = 1536,
    HEADS = 9,
    KV = 3,
    DIM = 64,
    VOCAB = 49152,
    LAYERS = 30
};

static int64_t T = 512; /* tokens */
static int32_t offsets[ROWS_MAX + 1] = {0, 512};
static struct documents documents = {.offsets = offsets, .count = 1};

struct bench {
    struct backend *backend; /* that measures (wrapper.h) */
    enum storage type;
    struct place a, b, c, d, e, weight, gradient, sums, words, workspace; /* of any use */
    int64_t n, k;                                                         /* of a linear layer */
};

static struct tensor active(const struct bench *b, struct place place, int64_t rows, int64_t cols)
{
    return tensor_at(place, b->type, rows, cols);
}

static struct tensor wide(struct place place, int64_t rows, int64_t cols)
{
    return tensor_at(place, STORAGE_F32, rows, cols);
}

static struct op_call forward(const struct bench *b)
{
    return (struct op_call){OP_LINEAR_FORWARD,
                            .linear_forward = {.out = active(b, b->c, T, b->n),
                                               .x = active(b, b->a, T, b->k),
                                               .weight = active(b, b->weight, b->n, b->k)}};
}

static struct op_call peak(const struct bench *b)
{
    return (struct op_call){OP_LINEAR_FORWARD,
                            .linear_forward = {.out = active(b, b->c, PEAK, PEAK),
                                               .x = active(b, b->a, PEAK, PEAK),
                                               .weight = active(b, b->weight, PEAK, PEAK)}};
}

static struct op_call input(const struct bench *b)
{
    return (struct op_call){OP_LINEAR_BACKWARD_INPUT,
                            .linear_backward_input = {.grad_x = active(b, b->c, T, b->k),
                                                      .grad_out = active(b, b->a, T, b->n),
                                                      .weight = active(b, b->weight, b->n, b->k),
                                                      .accumulate = ADD}};
}

static struct op_call gradient(const struct bench *b)
{
    return (struct op_call){OP_LINEAR_BACKWARD_WEIGHT,
                            .linear_backward_weight = {.grad_weight = wide(b->gradient, b->n, b->k),
                                                       .grad_out = active(b, b->a, T, b->n),
                                                       .x = active(b, b->c, T, b->k),
                                                       .accumulate = ADD}};
}

static struct op_call norm(const struct bench *b)
{
    return (struct op_call){OP_RMSNORM_FORWARD,
                            .rmsnorm_forward = {.out = active(b, b->c, T, HIDDEN),
                                                .rstd = wide(b->sums, T, 1),
                                                .x = active(b, b->a, T, HIDDEN),
                                                .weight = active(b, b->weight, 1, HIDDEN),
                                                .epsilon = 1e-5f}};
}

static struct op_call norm_backward(const struct bench *b)
{
    return (struct op_call){OP_RMSNORM_BACKWARD,
                            .rmsnorm_backward = {.grad_x = active(b, b->c, T, HIDDEN),
                                                 .grad_weight = wide(b->gradient, 1, HIDDEN),
                                                 .grad_out = active(b, b->b, T, HIDDEN),
                                                 .x = active(b, b->a, T, HIDDEN),
                                                 .rstd = wide(b->sums, T, 1),
                                                 .weight = active(b, b->weight, 1, HIDDEN),
                                                 .accumulate = ADD}};
}

static struct op_call rope(const struct bench *b)
{
    return (struct op_call){OP_ROPE, .rope = {.x = active(b, b->c, T, HEADS * DIM),
                                              .table = wide(b->sums, T, DIM),
                                              .positions = tensor_at(b->words, STORAGE_I32, 1, T)}};
}

static struct op_call attention(const struct bench *b)
{
    return (struct op_call){OP_ATTENTION_FORWARD,
                            .attention_forward = {.out = active(b, b->d, T, HEADS * DIM),
                                                  .lse = wide(b->sums, HEADS, T),
                                                  .q = active(b, b->a, T, HEADS * DIM),
                                                  .k = active(b, b->b, T, KV * DIM),
                                                  .v = active(b, b->c, T, KV * DIM),
                                                  .head_dim = DIM,
                                                  .documents = documents}};
}

static struct op_call attention_backward(const struct bench *b)
{
    return (struct op_call){OP_ATTENTION_BACKWARD,
                            .attention_backward = {.grad_q = active(b, b->e, T, HEADS * DIM),
                                                   .grad_k = active(b, b->gradient, T, KV * DIM),
                                                   .grad_v = active(b, b->weight, T, KV * DIM),
                                                   .grad_out = active(b, b->d, T, HEADS * DIM),
                                                   .out = active(b, b->d, T, HEADS * DIM),
                                                   .lse = wide(b->sums, HEADS, T),
                                                   .q = active(b, b->a, T, HEADS * DIM),
                                                   .k = active(b, b->b, T, KV * DIM),
                                                   .v = active(b, b->c, T, KV * DIM),
                                                   .workspace = tensor_of_bytes(b->workspace, 0),
                                                   .head_dim = DIM,
                                                   .documents = documents}};
}

static struct op_call swiglu(const struct bench *b)
{
    return (struct op_call){OP_SWIGLU_FORWARD, .swiglu_forward = {.out = active(b, b->c, T, WIDE),
                                                                  .gate = active(b, b->a, T, WIDE),
                                                                  .up = active(b, b->b, T, WIDE)}};
}

static struct op_call swiglu_backward(const struct bench *b)
{
    return (struct op_call){OP_SWIGLU_BACKWARD,
                            .swiglu_backward = {.grad_gate = active(b, b->c, T, WIDE),
                                                .grad_up = active(b, b->d, T, WIDE),
                                                .grad_out = active(b, b->e, T, WIDE),
                                                .gate = active(b, b->a, T, WIDE),
                                                .up = active(b, b->b, T, WIDE)}};
}

static struct op_call add(const struct bench *b)
{
    return (struct op_call){
        OP_ADD, .add = {.out = active(b, b->c, T, HIDDEN), .x = active(b, b->a, T, HIDDEN)}};
}

static struct op_call head(const struct bench *b)
{
    return (struct op_call){OP_HEAD_LOSS,
                            .head_loss = {.loss = tensor_at(b->sums, STORAGE_F64, 1, 2),
                                          .grad_x = active(b, b->c, T, HIDDEN),
                                          .grad_weight = wide(b->gradient, VOCAB, HIDDEN),
                                          .x = active(b, b->a, T, HIDDEN),
                                          .head = active(b, b->weight, VOCAB, HIDDEN),
                                          .targets = tensor_at(b->words, STORAGE_I32, 1, T),
                                          .workspace = tensor_of_bytes(b->workspace, 0),
                                          .scale = 1}};
}

static struct op_call squares(const struct bench *b)
{
    return (struct op_call){OP_SUM_SQUARES,
                            .sum_squares = {.sum = tensor_at(b->sums, STORAGE_F64, 1, 1),
                                            .x = wide(b->gradient, VOCAB, HIDDEN)}};
}

static struct op_call adamw_stochastic(const struct bench *b)
{
    return (struct op_call){OP_ADAMW, .adamw = {.parameter = active(b, b->weight, VOCAB, HIDDEN),
                                                .m = wide(b->workspace, VOCAB, HIDDEN),
                                                .v = wide(b->gradient, VOCAB, HIDDEN),
                                                .gradient = wide(b->gradient, VOCAB, HIDDEN),
                                                .settings = {.lr = 1e-5f,
                                                             .beta1 = 0.9f,
                                                             .beta2 = 0.999f,
                                                             .epsilon = 1e-8f,
                                                             .correction1 = 0.5f,
                                                             .correction2 = 0.5f,
                                                             .gradient_scale = 1}}};
}

static struct op_call adamw_master(const struct bench *b)
{
    struct op_call call = adamw_stochastic(b);
    struct place master = b->workspace;
    master.offset += (size_t)VOCAB * HIDDEN * 4;
    call.adamw.master = wide(master, VOCAB, HIDDEN);
    return call;
}

static struct op_call lion_master(const struct bench *b)
{
    struct op_call call = adamw_master(b);
    struct op_adamw a = call.adamw;
    a.settings.beta2 = 0.99f;
    return (struct op_call){OP_LION, .lion = {a.parameter, a.master, a.m, a.gradient, a.settings}};
}

static struct op_call muon_of(const struct bench *b, int64_t rows, int64_t cols)
{
    struct place m = b->workspace, rest = b->workspace;
    rest.offset += (size_t)(rows * cols) * 4;
    struct op_call call = {
        OP_MUON,
        .muon = {.parameter = active(b, b->weight, rows, cols),
                 .m = wide(m, rows, cols),
                 .gradient = wide(b->gradient, rows, cols),
                 .settings = {.lr = 1e-5f, .beta1 = 0.95f, .epsilon = 1e-7f, .gradient_scale = 1}}};
    call.muon.workspace = tensor_of_bytes(rest, backend_workspace(b->backend, &call));
    return call;
}

static struct op_call muon_square(const struct bench *b)
{
    return muon_of(b, HIDDEN, HIDDEN);
}

static struct op_call muon_tall(const struct bench *b)
{
    return muon_of(b, WIDE, HIDDEN);
}

static struct place new_place(const struct bench *b, size_t bytes)
{
    struct error err = ERROR_INIT;
    struct place place = {b->backend->alloc(b->backend->self, bytes, &err), 0};
    if (!place.buffer) {
        fprintf(stderr, "bench_ops: %s\n", err.text);
        exit(1);
    }
    backend_run(b->backend,
                &(struct op_call){OP_FILL_ZERO, .fill_zero = {tensor_of_bytes(place, bytes)}});
    return place;
}

static void bench_fill(struct bench *b)
{
    struct place *const rows[] = {&b->a, &b->b, &b->c, &b->d, &b->e};
    struct op_call of_head = head(b), of_attention = attention_backward(b);
    size_t workspace = backend_workspace(b->backend, &of_head);
    size_t attention_bytes = backend_workspace(b->backend, &of_attention);
    size_t matrix = (size_t)VOCAB * HIDDEN * 4, most = 2 * matrix;
    size_t largest = (size_t)(T > PEAK ? T : PEAK) * PEAK * 4;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = new_place(b, largest);
    most = workspace > most ? workspace : most;
    most = attention_bytes > most ? attention_bytes : most;
    b->weight = new_place(b, matrix);
    b->gradient = new_place(b, matrix);
    b->workspace = new_place(b, most);
    b->sums = new_place(b, largest);
    b->words = new_place(b, (size_t)T * 4);
}

/* The best of several runs, each long enough for the clock. */
static double milliseconds(struct bench *b, struct op_call call)
{
    const struct op_time *time = &timing_of(b->backend)[call.op];
    double best = 1e9;
    backend_run(b->backend, &call);
    for (int repeat = 0; repeat < 5; repeat++) {
        timing_clear(b->backend);
        while (time->seconds < 0.05)
            backend_run(b->backend, &call);
        double each = time->seconds / (double)time->calls;
        best = each < best ? each : best;
    }
    return best * 1e3;
}

static const struct {
    const char *name;
    struct op_call (*call)(const struct bench *b);
    int64_t n, k;
    int times; /* in one step that trains everything */
} rows[] = {
    {"linear 576 x 576", forward, HIDDEN, HIDDEN, 2 * LAYERS},
    {"linear 192 x 576", forward, KV *DIM, HIDDEN, 2 * LAYERS},
    {"linear 1536 x 576", forward, WIDE, HIDDEN, 2 * LAYERS},
    {"linear 576 x 1536", forward, HIDDEN, WIDE, LAYERS},
    {"input 576 x 576", input, HIDDEN, HIDDEN, 2 * LAYERS},
    {"input 192 x 576", input, KV *DIM, HIDDEN, 2 * LAYERS},
    {"input 1536 x 576", input, WIDE, HIDDEN, 2 * LAYERS},
    {"input 576 x 1536", input, HIDDEN, WIDE, LAYERS},
    {"gradient 576 x 576", gradient, HIDDEN, HIDDEN, 2 * LAYERS},
    {"gradient 192 x 576", gradient, KV *DIM, HIDDEN, 2 * LAYERS},
    {"gradient 1536 x 576", gradient, WIDE, HIDDEN, 2 * LAYERS},
    {"gradient 576 x 1536", gradient, HIDDEN, WIDE, LAYERS},
    {"rmsnorm", norm, 0, 0, 2 * LAYERS + 1},
    {"rmsnorm backward", norm_backward, 0, 0, 2 * LAYERS + 1},
    {"rope", rope, 0, 0, 4 * LAYERS},
    {"attention", attention, 0, 0, LAYERS},
    {"attention backward", attention_backward, 0, 0, LAYERS},
    {"swiglu", swiglu, 0, 0, LAYERS},
    {"swiglu backward", swiglu_backward, 0, 0, LAYERS},
    {"add", add, 0, 0, 2 * LAYERS},
    {"head and loss", head, 0, 0, 1},
    {"sum of squares, embedding", squares, 0, 0, 5},
    {"AdamW, masters, embedding", adamw_master, 0, 0, 5},
    {"AdamW, stochastic, embedding", adamw_stochastic, 0, 0, 0},
    {"Lion, masters, embedding", lion_master, 0, 0, 0},
    {"Muon 576 x 576", muon_square, 0, 0, 0},
    {"Muon 1536 x 576", muon_tall, 0, 0, 0},
};

static void set_shape(int64_t seq, int rows_of_batch)
{
    T = seq * rows_of_batch;
    documents.count = rows_of_batch;
    for (int i = 0; i <= rows_of_batch; i++)
        offsets[i] = (int32_t)(seq * i);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct bench b = {.type = argc > 2 && strcmp(argv[2], "f32") == 0 ? STORAGE_F32 : STORAGE_BF16};
    struct backend *device = NULL;
    if (backend_open(&device, argc > 1 ? argv[1] : "cpu", 0, &err) != 0 ||
        timing_backend_new(&b.backend, device, &err) != 0) {
        fprintf(stderr, "bench_ops: %s\n", err.text);
        return 1;
    }
    if (argc > 4 && atoi(argv[4]) <= ROWS_MAX)
        set_shape(atoi(argv[3]), atoi(argv[4]));
    bench_fill(&b);
    double step = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b.n = rows[i].n;
        b.k = rows[i].k;
        double time = milliseconds(&b, rows[i].call(&b));
        double rate = 2e-6 * (double)(T * b.n * b.k) / time;
        step += time * rows[i].times;
        printf("%-30s %9.3f ms x %3d = %8.1f ms", rows[i].name, time, rows[i].times,
               time * rows[i].times);
        printf(rate > 0 ? "  %6.0f GFLOP/s\n" : "\n", rate);
        printf("%s\t%.6f\n", rows[i].name, time);
    }
    double time = milliseconds(&b, peak(&b));
    printf("%-30s %9.3f ms, %.0f GFLOP/s\n", "2048 x 2048 x 2048", time,
           2e-6 * PEAK * PEAK * PEAK / time);
    printf("peak\t%.6f\n", time);
    printf("%-30s %33.1f ms\n", "a step", step);
    return 0;
}
