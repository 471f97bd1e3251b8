/* Milliseconds of each training operation of a back end, at the shapes of SmolLM2-135M, and the
 * rate of a large product, the peak. Build it with `cmake --build build --target bench_ops`.
 *
 *     bench_ops [DEVICE] [f32|bf16] [SEQ BATCH]     512 1: rows of the batch, each one document
 *
 * Lines with a tab are for train.py: name, milliseconds.
 */
#include "base/clock.h"
#include "compute/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MOST = 64,
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
static struct attention_shape shape = {512, HEADS, KV, DIM, 0};
static int32_t offsets[ROWS_MOST + 1] = {0, 512};
static struct documents documents = {offsets, 1};

struct bench {
    struct backend *backend;
    const struct train_ops *ops;
    void *self;
    enum storage type;
    struct place a, b, c, d, e, weight, gradient, sums, words, workspace; /* of any use */
    int64_t n, k;                                                         /* of a linear layer */
};

static struct weight weight_of(const struct bench *b, int64_t rows, int64_t cols)
{
    return (struct weight){.data = b->weight, .storage = b->type, .rows = rows, .cols = cols};
}

static void forward(struct bench *b)
{
    b->ops->linear_forward(b->self, b->c, REPLACE, b->a, b->type, weight_of(b, b->n, b->k),
                           (struct place){0}, T);
}

static void peak(struct bench *b)
{
    b->ops->linear_forward(b->self, b->c, REPLACE, b->a, b->type, weight_of(b, PEAK, PEAK),
                           (struct place){0}, PEAK);
}

static void input(struct bench *b)
{
    b->ops->linear_backward_input(b->self, b->c, ADD, b->a, b->type, weight_of(b, b->n, b->k), T);
}

static void gradient(struct bench *b)
{
    b->ops->linear_backward_weight(b->self, b->gradient, ADD, b->a, b->c, b->type, b->n, b->k, T);
}

static void norm(struct bench *b)
{
    b->ops->rmsnorm_forward(b->self, b->c, b->sums, b->a, b->type, weight_of(b, 1, HIDDEN), 1e-5f,
                            T);
}

static void norm_backward(struct bench *b)
{
    b->ops->rmsnorm_backward(b->self, b->c, ADD, b->gradient, b->b, b->a, b->sums, b->type,
                             weight_of(b, 1, HIDDEN), T);
}

static void rope(struct bench *b)
{
    b->ops->rope(b->self, b->c, b->type, b->sums, b->words, T, HEADS, DIM, false);
}

static void attention(struct bench *b)
{
    b->ops->attention_forward(b->self, b->d, b->sums, b->a, b->b, b->c, b->type, shape, documents);
}

static void attention_backward(struct bench *b)
{
    b->ops->attention_backward(b->self, b->e, b->gradient, b->weight, b->d, b->d, b->sums, b->a,
                               b->b, b->c, b->type, shape, documents, b->workspace);
}

static void swiglu(struct bench *b)
{
    b->ops->swiglu_forward(b->self, b->c, b->a, b->b, b->type, T * WIDE);
}

static void swiglu_backward(struct bench *b)
{
    b->ops->swiglu_backward(b->self, b->c, b->d, b->e, b->a, b->b, b->type, T * WIDE);
}

static void add(struct bench *b)
{
    b->ops->add(b->self, b->c, b->a, b->type, T * HIDDEN);
}

static void head(struct bench *b)
{
    b->ops->head_loss(b->self, b->sums, b->c, b->gradient, b->a, b->type,
                      weight_of(b, VOCAB, HIDDEN), (struct targets){b->words, {NULL, 0}}, T, 1, 0,
                      b->workspace);
}

static void squares(struct bench *b)
{
    b->ops->sum_squares(b->self, b->sums, b->gradient, VOCAB * HIDDEN);
}

static void adamw(struct bench *b, struct place master)
{
    static const struct adamw settings = {.lr = 1e-5f,
                                          .beta1 = 0.9f,
                                          .beta2 = 0.999f,
                                          .epsilon = 1e-8f,
                                          .correction1 = 0.5f,
                                          .correction2 = 0.5f,
                                          .gradient_scale = 1};
    struct moments moments = {.type = MOMENTS_F32, .m = b->workspace, .v = b->gradient};
    b->ops->adamw(b->self, b->weight, b->type, master, moments, b->gradient, VOCAB * HIDDEN,
                  &settings);
}

static void adamw_master(struct bench *b)
{
    struct place master = b->workspace;
    master.offset += (size_t)VOCAB * HIDDEN * 4;
    adamw(b, master);
}

static void adamw_stochastic(struct bench *b)
{
    adamw(b, (struct place){0});
}

static struct place new_place(const struct bench *b, size_t bytes)
{
    struct error err = ERROR_INIT;
    struct place place = {b->backend->alloc(b->self, bytes, &err), 0};
    if (!place.buffer) {
        fprintf(stderr, "bench_ops: %s\n", err.text);
        exit(1);
    }
    b->ops->fill_zero(b->self, place, bytes);
    return place;
}

static void bench_fill(struct bench *b)
{
    struct place *const rows[] = {&b->a, &b->b, &b->c, &b->d, &b->e};
    size_t workspace = b->ops->head_workspace(b->self, T, HIDDEN, VOCAB, b->type);
    size_t attention_bytes = b->ops->attention_workspace(b->self, shape, b->type);
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
static double milliseconds(struct bench *b, void (*run)(struct bench *b))
{
    double best = 1e9;
    run(b);
    for (int repeat = 0; repeat < 5; repeat++) {
        int runs = 0;
        double start = clock_seconds(), passed = 0;
        while (passed < 0.05) {
            run(b);
            b->backend->wait(b->self, NULL);
            runs++;
            passed = clock_seconds() - start;
        }
        best = passed / runs < best ? passed / runs : best;
    }
    return best * 1e3;
}

static const struct {
    const char *name;
    void (*run)(struct bench *b);
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
};

static void set_shape(int64_t seq, int rows_of_batch)
{
    T = seq * rows_of_batch;
    shape.tokens = T;
    documents.count = rows_of_batch;
    for (int i = 0; i <= rows_of_batch; i++)
        offsets[i] = (int32_t)(seq * i);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct bench b = {.type = argc > 2 && strcmp(argv[2], "f32") == 0 ? STORAGE_F32 : STORAGE_BF16};
    if (backend_open(&b.backend, argc > 1 ? argv[1] : "cpu", 0, &err) != 0) {
        fprintf(stderr, "bench_ops: %s\n", err.text);
        return 1;
    }
    if (argc > 4 && atoi(argv[4]) <= ROWS_MOST)
        set_shape(atoi(argv[3]), atoi(argv[4]));
    b.ops = b.backend->train;
    b.self = b.backend->self;
    bench_fill(&b);
    double step = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b.n = rows[i].n;
        b.k = rows[i].k;
        double time = milliseconds(&b, rows[i].run);
        double rate = 2e-6 * (double)(T * b.n * b.k) / time;
        step += time * rows[i].times;
        printf("%-30s %9.3f ms x %3d = %8.1f ms", rows[i].name, time, rows[i].times,
               time * rows[i].times);
        printf(rate > 0 ? "  %6.0f GFLOP/s\n" : "\n", rate);
        printf("%s\t%.6f\n", rows[i].name, time);
    }
    double time = milliseconds(&b, peak);
    printf("%-30s %9.3f ms, %.0f GFLOP/s\n", "2048 x 2048 x 2048", time,
           2e-6 * PEAK * PEAK * PEAK / time);
    printf("peak\t%.6f\n", time);
    printf("%-30s %33.1f ms\n", "a step", step);
    return 0;
}
