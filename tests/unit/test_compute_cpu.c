/* Every operation of the CPU back end, at every level of instructions that this machine has,
 * against the reference: the same random input, fp32 to 2e-5 and bf16 to two roundings of the
 * largest value. */
#include "test.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/devices/devices.h"
#include "compute/quantize.h"

#include <math.h>
#include <string.h>

enum { ARENA = 8 << 20, SLOT = 1 << 19, SLOTS = ARENA / SLOT };

/* The same operation on both sides; slot n of either arena begins with the same values. */
struct pair {
    struct backend *backends[2];
    struct device_buffer *arenas[2];
    enum storage type;
};

static const char *const levels[] = {"avx512bf16", "avx512", "avx2", "base"};

static bool pair_open(struct pair *pair, const char *level, enum storage type)
{
    struct error err = ERROR_INIT;
    *pair = (struct pair){.type = type};
    if (cpu_backend_new(&pair->backends[0], level, 2, &err) != 0)
        return false;
    assert_int_equal(backend_open(&pair->backends[1], "reference", 1, &err), 0);
    for (int side = 0; side < 2; side++) {
        struct backend *backend = pair->backends[side];
        pair->arenas[side] = backend->alloc(backend->self, ARENA, &err);
        assert_non_null(pair->arenas[side]);
        struct tensor all = tensor_of_bytes((struct place){pair->arenas[side], 0}, ARENA);
        backend_run(backend, &(struct op_call){OP_FILL_ZERO, .fill_zero = {all}});
    }
    return true;
}

static void pair_close(struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        pair->backends[side]->free(pair->backends[side]->self, pair->arenas[side]);
        backend_close(pair->backends[side]);
    }
}

static struct place slot(const struct pair *pair, int side, int number)
{
    return (struct place){pair->arenas[side], (size_t)number * SLOT};
}

static void fill_bytes(const struct pair *pair, int number, const void *bytes, size_t count)
{
    assert_true(count <= SLOT);
    for (int side = 0; side < 2; side++)
        pair->backends[side]->write(pair->backends[side]->self, slot(pair, side, number), bytes,
                                    count);
}

/* Normal numbers, rounded to the storage. */
static void fill(const struct pair *pair, int number, enum storage storage, int64_t count,
                 double scale)
{
    struct random_stream stream = {(uint64_t)number + 1, 0};
    float *wide = malloc((size_t)count * sizeof *wide);
    uint16_t *narrow = malloc((size_t)count * sizeof *narrow);
    for (int64_t i = 0; i < count; i++) {
        wide[i] = (float)(scale * random_normal(&stream));
        narrow[i] = bf16_from_float(wide[i]);
    }
    fill_bytes(pair, number, storage == STORAGE_F32 ? (void *)wide : (void *)narrow,
               (size_t)count * storage_size(storage));
    free(wide);
    free(narrow);
}

static void read_slot(const struct pair *pair, int side, int number, enum storage storage,
                      int64_t count, float *out)
{
    uint16_t *narrow = (uint16_t *)(void *)out;
    struct backend *backend = pair->backends[side];
    backend->read(backend->self, out, slot(pair, side, number),
                  (size_t)count * storage_size(storage));
    for (int64_t i = count - 1; i >= 0 && storage == STORAGE_BF16; i--)
        out[i] = bf16_to_float(narrow[i]);
}

/* The error relative to the largest value: 2e-5, or a bf16's two roundings. */
static void compare(const struct pair *pair, const char *what, int number, enum storage storage,
                    int64_t count)
{
    float *own = malloc((size_t)count * sizeof *own), *other = malloc((size_t)count * sizeof *own);
    double largest = 0, worst = 0, bound = pair->type == STORAGE_F32 ? 2e-5 : 0.012;
    read_slot(pair, 0, number, storage, count, own);
    read_slot(pair, 1, number, storage, count, other);
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)other[i]));
        worst = fmax(worst, isfinite(own[i]) ? fabs((double)(own[i] - other[i])) : INFINITY);
    }
    free(own);
    free(other);
    if (!(worst <= bound * largest) || largest == 0)
        fail_msg("%s: off by %g of %g", what, worst, largest);
}

typedef void check(const struct pair *pair);

static void on_every_level(check *run)
{
    int levels_here = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        for (int type = STORAGE_F32; type <= STORAGE_BF16; type++) {
            struct pair pair;
            if (!pair_open(&pair, levels[i], (enum storage)type))
                continue;
            run(&pair);
            pair_close(&pair);
            levels_here++;
        }
    }
    assert_true(levels_here >= 2);
}

#define BOTH_SIDES for (int side = 0; side < 2; side++)

static void *self_of(const struct pair *pair, int side)
{
    return pair->backends[side]->self;
}

static void run(const struct pair *pair, int side, struct op_call call)
{
    backend_run(pair->backends[side], &call);
}

/* What lies in a slot, as this storage or as the activations'. */
static struct tensor stored(const struct pair *pair, int side, int number, enum storage storage,
                            int64_t rows, int64_t cols)
{
    return tensor_at(slot(pair, side, number), storage, rows, cols);
}

static struct tensor active(const struct pair *pair, int side, int number, int64_t rows,
                            int64_t cols)
{
    return stored(pair, side, number, pair->type, rows, cols);
}

static struct tensor wide(const struct pair *pair, int side, int number, int64_t rows, int64_t cols)
{
    return stored(pair, side, number, STORAGE_F32, rows, cols);
}

static struct tensor words(const struct pair *pair, int side, int number, int64_t count)
{
    return stored(pair, side, number, STORAGE_I32, 1, count);
}

static void check_linear(const struct pair *pair)
{
    enum { T = 37, N = 65, K = 96 };
    fill(pair, 0, pair->type, T * K, 1);
    fill(pair, 1, pair->type, N * K, 0.1);
    fill(pair, 2, pair->type, N, 1);
    fill(pair, 3, pair->type, T * N, 1);
    fill(pair, 6, pair->type, T * K, 1);
    fill(pair, 7, STORAGE_F32, N * K, 1);
    fill(pair, 8, STORAGE_F32, N, 1);
    BOTH_SIDES
    {
        struct tensor x = active(pair, side, 0, T, K), w = active(pair, side, 1, N, K);
        struct tensor bias = active(pair, side, 2, 1, N), go = active(pair, side, 3, T, N);
        struct tensor out = active(pair, side, 4, T, N), added = active(pair, side, 10, T, N);
        struct op_call calls[] = {
            {OP_LINEAR_FORWARD, .linear_forward = {.out = out, .x = x, .weight = w, .bias = bias}},
            {OP_LINEAR_FORWARD,
             .linear_forward = {.out = active(pair, side, 9, T, N), .x = x, .weight = w}},
            {OP_COPY, .copy = {.out = added, .from = go}},
            {OP_LINEAR_FORWARD,
             .linear_forward = {.out = added, .x = x, .weight = w, .accumulate = ADD}},
            {OP_LINEAR_BACKWARD_INPUT,
             .linear_backward_input = {.grad_x = active(pair, side, 5, T, K),
                                       .grad_out = go,
                                       .weight = w}},
            {OP_LINEAR_BACKWARD_INPUT,
             .linear_backward_input = {.grad_x = active(pair, side, 6, T, K),
                                       .grad_out = go,
                                       .weight = w,
                                       .accumulate = ADD}},
            {OP_LINEAR_BACKWARD_WEIGHT,
             .linear_backward_weight = {.grad_weight = wide(pair, side, 7, N, K),
                                        .grad_out = go,
                                        .x = x,
                                        .accumulate = ADD}},
            {OP_BIAS_BACKWARD,
             .bias_backward = {.grad_bias = wide(pair, side, 8, 1, N), .grad_out = go}},
        };
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            run(pair, side, calls[i]);
    }
    compare(pair, "linear with bias", 4, pair->type, T * N);
    compare(pair, "linear", 9, pair->type, T * N);
    compare(pair, "linear, added", 10, pair->type, T * N);
    compare(pair, "input gradient", 5, pair->type, T * K);
    compare(pair, "input gradient, added", 6, pair->type, T * K);
    compare(pair, "weight gradient", 7, STORAGE_F32, N * K);
    compare(pair, "bias gradient", 8, STORAGE_F32, N);
}

static void check_embedding(const struct pair *pair)
{
    enum { T = 50, V = 40, H = 300 };
    int32_t ids[T];
    for (int t = 0; t < T; t++)
        ids[t] = (t * 7) % V;
    fill_bytes(pair, 0, ids, sizeof ids);
    fill(pair, 1, pair->type, V * H, 1);
    fill(pair, 2, pair->type, T * H, 1);
    fill(pair, 3, STORAGE_F32, V * H, 1);
    BOTH_SIDES
    {
        struct tensor where = words(pair, side, 0, T);
        run(pair, side,
            (struct op_call){OP_EMBEDDING_FORWARD,
                             .embedding_forward = {.out = active(pair, side, 4, T, H),
                                                   .weight = active(pair, side, 1, V, H),
                                                   .ids = where}});
        run(pair, side,
            (struct op_call){OP_EMBEDDING_BACKWARD,
                             .embedding_backward = {.grad_weight = wide(pair, side, 3, V, H),
                                                    .grad_out = active(pair, side, 2, T, H),
                                                    .ids = where}});
    }
    compare(pair, "embedding", 4, pair->type, T * H);
    compare(pair, "embedding gradient", 3, STORAGE_F32, V * H);
}

static void check_norm(const struct pair *pair)
{
    enum { T = 13, H = 1100 };
    fill(pair, 0, pair->type, T * H, 3);
    fill(pair, 1, pair->type, H, 1);
    fill(pair, 2, pair->type, T * H, 1);
    fill(pair, 5, pair->type, T * H, 1);
    BOTH_SIDES
    {
        struct op_rmsnorm_backward backward = {.grad_x = active(pair, side, 5, T, H),
                                               .grad_weight = wide(pair, side, 6, 1, H),
                                               .grad_out = active(pair, side, 2, T, H),
                                               .x = active(pair, side, 0, T, H),
                                               .rstd = wide(pair, side, 4, T, 1),
                                               .weight = active(pair, side, 1, 1, H),
                                               .accumulate = ADD};
        run(pair, side,
            (struct op_call){OP_RMSNORM_FORWARD,
                             .rmsnorm_forward = {.out = active(pair, side, 3, T, H),
                                                 .rstd = backward.rstd,
                                                 .x = backward.x,
                                                 .weight = backward.weight,
                                                 .epsilon = 1e-5f}});
        run(pair, side, (struct op_call){OP_RMSNORM_BACKWARD, .rmsnorm_backward = backward});
        backward.grad_x = active(pair, side, 7, T, H);
        backward.grad_weight = (struct tensor){0};
        backward.accumulate = REPLACE;
        run(pair, side, (struct op_call){OP_RMSNORM_BACKWARD, .rmsnorm_backward = backward});
    }
    compare(pair, "norm", 3, pair->type, T * H);
    compare(pair, "rstd", 4, STORAGE_F32, T);
    compare(pair, "norm gradient, added", 5, pair->type, T * H);
    compare(pair, "norm weight gradient", 6, STORAGE_F32, H);
    compare(pair, "norm gradient", 7, pair->type, T * H);
}

static void check_pointwise(const struct pair *pair)
{
    enum { T = 11, HEADS = 3, D = 48, N = 5000 };
    int32_t positions[T];
    for (int t = 0; t < T; t++)
        positions[t] = t % 6;
    fill(pair, 0, pair->type, T * HEADS * D, 1);
    fill(pair, 1, STORAGE_F32, 6 * D, 1);
    fill_bytes(pair, 2, positions, sizeof positions);
    fill(pair, 3, pair->type, N, 8);
    fill(pair, 4, pair->type, N, 1);
    fill(pair, 5, pair->type, N, 1);
    fill(pair, 9, STORAGE_F32, N, 1);
    BOTH_SIDES
    {
        struct tensor gate = active(pair, side, 3, 1, N), up = active(pair, side, 4, 1, N);
        struct tensor go = active(pair, side, 5, 1, N);
        double zero = 0;
        pair->backends[side]->write(self_of(pair, side), slot(pair, side, 10), &zero, sizeof zero);
        struct op_call calls[] = {
            {OP_ROPE, .rope = {.x = active(pair, side, 0, T, HEADS * D),
                               .table = wide(pair, side, 1, 6, D),
                               .positions = words(pair, side, 2, T),
                               .backward = true}},
            {OP_SWIGLU_FORWARD,
             .swiglu_forward = {.out = active(pair, side, 6, 1, N), .gate = gate, .up = up}},
            {OP_SWIGLU_BACKWARD, .swiglu_backward = {.grad_gate = active(pair, side, 7, 1, N),
                                                     .grad_up = active(pair, side, 8, 1, N),
                                                     .grad_out = go,
                                                     .gate = gate,
                                                     .up = up}},
            {OP_ADD, .add = {.out = go, .x = up}},
            {OP_SUM_SQUARES, .sum_squares = {.sum = stored(pair, side, 10, STORAGE_F64, 1, 1),
                                             .x = wide(pair, side, 9, 1, N)}},
        };
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            run(pair, side, calls[i]);
    }
    compare(pair, "rope", 0, pair->type, T * HEADS * D);
    compare(pair, "swiglu", 6, pair->type, N);
    compare(pair, "swiglu, gate", 7, pair->type, N);
    compare(pair, "swiglu, up", 8, pair->type, N);
    compare(pair, "add", 5, pair->type, N);
    double sums[2];
    BOTH_SIDES pair->backends[side]->read(self_of(pair, side), &sums[side], slot(pair, side, 10),
                                          8);
    assert_true(fabs(sums[0] - sums[1]) <= 1e-6 * sums[1]);
}

static void check_attention_of(const struct pair *pair, int heads, int kv_heads, int dim,
                               int window)
{
    enum { T = 150 };
    static const int32_t offsets[] = {0, 1, 70, 134, 150}, whole[] = {0, T};
    struct documents documents = {.offsets = window ? whole : offsets, .count = window ? 1 : 4};
    int64_t q_width = (int64_t)heads * dim, kv_width = (int64_t)kv_heads * dim;
    int64_t many = T * q_width, few = T * kv_width;
    fill(pair, 0, pair->type, many, 1);
    fill(pair, 1, pair->type, few, 1);
    fill(pair, 2, pair->type, few, 1);
    fill(pair, 3, pair->type, many, 1);
    BOTH_SIDES
    {
        struct op_attention_backward backward = {
            .grad_q = active(pair, side, 6, T, q_width),
            .grad_k = active(pair, side, 7, T, kv_width),
            .grad_v = active(pair, side, 8, T, kv_width),
            .grad_out = active(pair, side, 3, T, q_width),
            .out = active(pair, side, 4, T, q_width),
            .lse = wide(pair, side, 5, heads, T),
            .q = active(pair, side, 0, T, q_width),
            .k = active(pair, side, 1, T, kv_width),
            .v = active(pair, side, 2, T, kv_width),
            .workspace = stored(pair, side, 10, STORAGE_U8, 1, 3 * SLOT),
            .head_dim = dim,
            .window = window,
            .documents = documents};
        const struct op_call call = {OP_ATTENTION_BACKWARD, .attention_backward = backward};
        assert_true(backend_workspace(pair->backends[side], &call) <= 3 * SLOT);
        run(pair, side,
            (struct op_call){OP_ATTENTION_FORWARD, .attention_forward = {.out = backward.out,
                                                                         .lse = backward.lse,
                                                                         .q = backward.q,
                                                                         .k = backward.k,
                                                                         .v = backward.v,
                                                                         .head_dim = dim,
                                                                         .window = window,
                                                                         .documents = documents}});
        run(pair, side, call);
    }
    compare(pair, "attention", 4, pair->type, many);
    compare(pair, "log-sum-exp", 5, STORAGE_F32, (int64_t)heads * T);
    compare(pair, "attention, queries", 6, pair->type, many);
    compare(pair, "attention, keys", 7, pair->type, few);
    compare(pair, "attention, values", 8, pair->type, few);
}

/* Documents that go on from others: of no more than a tile, of several, none; and of a part of
 * one. */
static void check_attention_before(const struct pair *pair, int window)
{
    enum { T = 320, HEADS = 4, FEW = 2, DIM = 20 };
    static const int32_t offsets[] = {0, 130, 135, 205, 230, 240, 320};
    static const struct token_range before[] = {{0, 0},   {0, 130},   {0, 130},
                                                {0, 130}, {205, 230}, {7, 71}};
    const struct documents documents = {offsets, sizeof before / sizeof *before, before};
    fill(pair, 0, pair->type, T * HEADS * DIM, 1);
    fill(pair, 1, pair->type, T * FEW * DIM, 1);
    fill(pair, 2, pair->type, T * FEW * DIM, 1);
    BOTH_SIDES
    run(pair, side,
        (struct op_call){OP_ATTENTION_FORWARD,
                         .attention_forward = {.out = active(pair, side, 4, T, HEADS * DIM),
                                               .lse = wide(pair, side, 5, HEADS, T),
                                               .q = active(pair, side, 0, T, HEADS * DIM),
                                               .k = active(pair, side, 1, T, FEW * DIM),
                                               .v = active(pair, side, 2, T, FEW * DIM),
                                               .head_dim = DIM,
                                               .window = window,
                                               .documents = documents}});
    compare(pair, "attention on what was before", 4, pair->type, T * HEADS * DIM);
    compare(pair, "its log-sum-exp", 5, STORAGE_F32, HEADS * T);
}

static void check_attention(const struct pair *pair)
{
    check_attention_before(pair, 0);
    check_attention_before(pair, 1);
    check_attention_before(pair, 37);
    check_attention_before(pair, 100);
    check_attention_of(pair, 3, 1, 64, 0);
    check_attention_of(pair, 4, 2, 20, 0);
    check_attention_of(pair, 2, 2, 8, 0);
    static const int windows[] = {2, 5, 64, 65, 130, 1000};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        check_attention_of(pair, 2, 1, 8, windows[i]);
}

static void check_head(const struct pair *pair)
{
    enum { T = 70, V = 500, H = 64 };
    int32_t targets[T];
    float weights[T];
    double losses[2][2], zero[2] = {0};
    for (int t = 0; t < T; t++)
        targets[t] = t % 3 ? (t * 31) % V : -1;
    for (int t = 0; t < T; t++)
        weights[t] = t % 3 ? (float)(t % 5 + 1) / 3 : 0;
    fill(pair, 0, pair->type, T * H, 1);
    fill(pair, 1, pair->type, V * H, 0.3);
    fill_bytes(pair, 2, targets, sizeof targets);
    fill_bytes(pair, 6, weights, sizeof weights);
    fill(pair, 4, STORAGE_F32, V * H, 0.1);
    fill_bytes(pair, 5, zero, sizeof zero);
    BOTH_SIDES
    {
        struct op_head_loss head = {.loss = stored(pair, side, 5, STORAGE_F64, 1, 2),
                                    .losses = wide(pair, side, 7, 1, T),
                                    .grad_x = active(pair, side, 3, T, H),
                                    .grad_weight = wide(pair, side, 4, V, H),
                                    .x = active(pair, side, 0, T, H),
                                    .head = active(pair, side, 1, V, H),
                                    .targets = words(pair, side, 2, T),
                                    .weights = wide(pair, side, 6, 1, T),
                                    .workspace = stored(pair, side, 8, STORAGE_U8, 1, 8 * SLOT),
                                    .scale = 1,
                                    .z_loss = 0.02f};
        const struct op_call call = {OP_HEAD_LOSS, .head_loss = head};
        assert_true(backend_workspace(pair->backends[side], &call) <= 8 * SLOT);
        run(pair, side, call);
        head.grad_x = head.grad_weight = head.weights = (struct tensor){0};
        run(pair, side, (struct op_call){OP_HEAD_LOSS, .head_loss = head});
        pair->backends[side]->read(self_of(pair, side), losses[side], slot(pair, side, 5),
                                   sizeof zero);
    }
    for (int i = 0; i < 2; i++)
        if (!(losses[1][i] > 0 && fabs(losses[0][i] - losses[1][i]) <= 2e-6 * losses[1][i]))
            fail_msg("head: loss %d %.9g, the reference has %.9g", i, losses[0][i], losses[1][i]);
    compare(pair, "head, losses of tokens", 7, STORAGE_F32, T);
    float each[T];
    double sum = 0;
    read_slot(pair, 1, 7, STORAGE_F32, T, each);
    for (int t = 0; t < T; t++)
        sum += targets[t] < 0 ? (double)each[t] * 1e9 : (double)(each[t] * (weights[t] + 1));
    assert_true(fabs(sum - losses[1][0]) <=
                1e-5 * sum); /* of both calls, with weights and without */
    compare(pair, "head, input", 3, pair->type, T * H);
    compare(pair, "head, weight", 4, STORAGE_F32, V * H);
}

/* Two documents of other lengths: the noise is larger in the shorter one. */
static void check_noise(const struct pair *pair)
{
    enum { T = 9, H = 301 };
    static const int32_t offsets[] = {0, 2, T};
    fill(pair, 0, pair->type, T * H, 0.01);
    fill(pair, 1, pair->type, T * H, 1);
    BOTH_SIDES
    {
        run(pair, side,
            (struct op_call){OP_ADD_NOISE,
                             .add_noise = {.x = active(pair, side, 0, T, H),
                                           .documents = {.offsets = offsets, .count = 2},
                                           .alpha = 5,
                                           .key = {11, 12},
                                           .batch = 3}});
        run(pair, side,
            (struct op_call){OP_SCALE,
                             .scale = {.x = active(pair, side, 1, T, H), .factor = 1.7f}});
    }
    compare(pair, "noise", 0, pair->type, T * H);
    compare(pair, "scale", 1, pair->type, T * H);
}

static struct tensor moment(const struct pair *pair, int side, int number, int scales,
                            enum storage type, int64_t count)
{
    struct tensor tensor = stored(pair, side, number, type, 1, count);
    tensor.scales = slot(pair, side, scales);
    return tensor;
}

/* Parameter in slot 0, moments in 2 and 3, their scales in 5 and 6, the gradient in 4; the master
 * in 1 where there is one. */
static void step(const struct pair *pair, int side, enum storage type, bool masters, int64_t count,
                 const struct step_settings *settings)
{
    struct op_adamw adamw = {.parameter = active(pair, side, 0, 1, count),
                             .m = moment(pair, side, 2, 5, type, count),
                             .v = moment(pair, side, 3, 6, type, count),
                             .gradient = wide(pair, side, 4, 1, count),
                             .settings = *settings};
    if (masters)
        adamw.master = wide(pair, side, 1, 1, count);
    run(pair, side, (struct op_call){OP_ADAMW, .adamw = adamw});
}

/* The words of the stochastic rounding are the reference's: where the value before rounding is the
 * same the result is, too. */
static void check_adamw(const struct pair *pair)
{
    enum { N = 3001 };
    const struct step_settings settings = {.lr = 1e-2f,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .epsilon = 1e-8f,
                                           .weight_decay = 0.1f,
                                           .correction1 = 0.19f,
                                           .correction2 = 0.002f,
                                           .gradient_scale = 0.5f,
                                           .key = {7, 3},
                                           .tensor = 5};
    for (int masters = 0; masters < 2; masters++) {
        fill(pair, 0, pair->type, N, 1);
        fill(pair, 1, STORAGE_F32, N, 1);
        fill(pair, 2, STORAGE_F32, N, 0.1);
        fill(pair, 3, STORAGE_F32, N, 1);
        fill(pair, 4, STORAGE_F32, N, 1);
        BOTH_SIDES
        {
            struct backend *backend = pair->backends[side];
            float *v = malloc(N * sizeof *v);
            backend->read(backend->self, v, slot(pair, side, 3), N * sizeof *v);
            for (int i = 0; i < N; i++)
                v[i] = fabsf(v[i]) * 0.01f;
            backend->write(backend->self, slot(pair, side, 3), v, N * sizeof *v);
            free(v);
            step(pair, side, STORAGE_F32, masters, N, &settings);
        }
        compare(pair, "adamw, parameter", 0, pair->type, N);
        compare(pair, "adamw, m", 2, STORAGE_F32, N);
        compare(pair, "adamw, v", 3, STORAGE_F32, N);
        if (masters)
            compare(pair, "adamw, master", 1, STORAGE_F32, N);
    }
    float own[N], other[N];
    int differ = 0;
    fill(pair, 0, pair->type, N, 1);
    fill(pair, 4, STORAGE_F32, N, 0);
    BOTH_SIDES step(pair, side, STORAGE_F32, false, N, &settings);
    read_slot(pair, 0, 0, pair->type, N, own);
    read_slot(pair, 1, 0, pair->type, N, other);
    for (int i = 0; i < N; i++)
        differ += own[i] != other[i];
    /* The last place of the value before rounding may differ: rarely, the rounding then does. */
    if (pair->type == STORAGE_BF16 && differ > N / 200)
        fail_msg("stochastic rounding differs in %d of %d elements", differ, N);
}

/* value - value / 1024 is exact in fp32: only the words decide, and they are the same. */
static void check_words(const struct pair *pair)
{
    enum { N = 3001 };
    const struct step_settings settings = {.lr = 1.0f / 1024,
                                           .weight_decay = 1,
                                           .epsilon = 1,
                                           .correction1 = 1,
                                           .correction2 = 1,
                                           .key = {7, 3},
                                           .tensor = 5};
    float own[N], other[N];
    if (pair->type == STORAGE_F32)
        return;
    fill(pair, 0, pair->type, N, 1);
    for (int i = 2; i < 5; i++)
        fill(pair, i, STORAGE_F32, N, 0);
    BOTH_SIDES step(pair, side, STORAGE_F32, false, N, &settings);
    read_slot(pair, 0, 0, pair->type, N, own);
    read_slot(pair, 1, 0, pair->type, N, other);
    assert_memory_equal(own, other, sizeof own);
}

static void assert_same_bytes(const struct pair *pair, const char *what, int number, size_t count)
{
    uint8_t *bytes[2];
    BOTH_SIDES
    {
        bytes[side] = malloc(count);
        pair->backends[side]->read(self_of(pair, side), bytes[side], slot(pair, side, number),
                                   count);
    }
    for (size_t i = 0; i < count; i++)
        if (bytes[0][i] != bytes[1][i])
            fail_msg("%s: byte %zu differs from the reference's", what, i);
    free(bytes[0]);
    free(bytes[1]);
}

static int count_different(const uint16_t *a, const uint16_t *b, int count)
{
    int differ = 0;
    for (int i = 0; i < count; i++)
        differ += a[i] != b[i];
    return differ;
}

/* The same positive numbers in p, m and v, all three times 1 - 1/1024, which is exact in fp32: only
 * the words decide. They are the reference's, and each of the three has its own. */
static void check_moment_words(const struct pair *pair)
{
    enum { N = 3001 };
    const struct step_settings settings = {.lr = 1.0f / 1024,
                                           .beta1 = 1023.0 / 1024,
                                           .beta2 = 1023.0 / 1024,
                                           .weight_decay = 1,
                                           .epsilon = 1e30f,
                                           .correction1 = 1,
                                           .correction2 = 1,
                                           .key = {7, 3},
                                           .tensor = 5};
    uint16_t values[N], rounded[3][N];
    const int slots[] = {0, 2, 3};
    if (pair->type == STORAGE_F32)
        return;
    for (int i = 0; i < N; i++)
        values[i] = (uint16_t)(0x3F80 + i % 0x100);
    for (int i = 0; i < 3; i++)
        fill_bytes(pair, slots[i], values, sizeof values);
    fill(pair, 4, STORAGE_F32, N, 0);
    BOTH_SIDES step(pair, side, STORAGE_BF16, false, N, &settings);
    for (int i = 0; i < 3; i++) {
        assert_same_bytes(pair, "stochastic rounding", slots[i], sizeof values);
        pair->backends[0]->read(self_of(pair, 0), rounded[i], slot(pair, 0, slots[i]),
                                sizeof values);
    }
    assert_true(count_different(rounded[0], values, N) > N / 10);
    for (int i = 0; i < 3; i++)
        assert_true(count_different(rounded[i], rounded[(i + 1) % 3], N) > N / 5);
}

/* A code may be one off where a value lies between two, which is rare. */
static void compare_codes(const struct pair *pair, const char *what, int number, int count)
{
    uint8_t codes[2][SLOT / 64];
    int differ = 0;
    BOTH_SIDES pair->backends[side]->read(self_of(pair, side), codes[side],
                                          slot(pair, side, number), (size_t)count);
    for (int i = 0; i < count; i++) {
        if (abs(codes[0][i] - codes[1][i]) > 1)
            fail_msg("%s: code %d is %d, not %d", what, i, codes[0][i], codes[1][i]);
        differ += codes[0][i] != codes[1][i];
    }
    if (differ > count / 200)
        fail_msg("%s: %d of %d codes differ", what, differ, count);
}

/* Three steps from zero bytes; N ends in a short block, and one block has no gradient. */
static void check_int8_moments(const struct pair *pair)
{
    enum { N = 3001, BLOCKS = (N + DYNAMIC_BLOCK - 1) / DYNAMIC_BLOCK };
    float gradient[N];
    struct random_stream stream = {.seed = 9};
    assert_int_equal(storage_bytes(STORAGE_DYNAMIC8, N).scales, BLOCKS * sizeof(float));
    fill(pair, 0, pair->type, N, 1);
    for (int i = 2; i < 7; i++)
        fill(pair, i, STORAGE_F32, N, 0);
    for (int number = 1; number <= 3; number++) {
        const struct step_settings settings = {.lr = 1e-2f,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .epsilon = 1e-8f,
                                               .weight_decay = 0.1f,
                                               .correction1 = (float)(1 - pow(0.9, number)),
                                               .correction2 = (float)(1 - pow(0.999, number)),
                                               .gradient_scale = 0.5f,
                                               .key = {7, (uint32_t)number},
                                               .tensor = 5};
        for (int i = 0; i < N; i++)
            gradient[i] = i / DYNAMIC_BLOCK == 4 ? 0 : (float)random_normal(&stream);
        fill_bytes(pair, 4, gradient, sizeof gradient);
        BOTH_SIDES step(pair, side, STORAGE_DYNAMIC8, false, N, &settings);
    }
    compare(pair, "adamw, parameter of 8-bit moments", 0, pair->type, N);
    compare_codes(pair, "m", 2, N);
    compare_codes(pair, "v", 3, N);
    compare(pair, "scales of m", 5, STORAGE_F32, BLOCKS);
    compare(pair, "scales of v", 6, STORAGE_F32, BLOCKS);
}

/* Three groups of blocks, the last block with an odd number of elements. */
static void check_dequantize(const struct pair *pair)
{
    enum { ROWS = 77, COLS = 479, N = ROWS * COLS };
    float *values = malloc(N * sizeof *values);
    fill(pair, 0, STORAGE_F32, N, 0.02);
    read_slot(pair, 1, 0, STORAGE_F32, N, values);
    for (int storage = STORAGE_INT8; storage <= STORAGE_NF4; storage++) {
        struct stored_bytes bytes = storage_bytes((enum storage)storage, N);
        uint8_t *data = malloc(bytes.data), *scales = malloc(bytes.scales);
        quantize_weight(data, scales, (enum storage)storage, values, N);
        fill_bytes(pair, 1, data, bytes.data);
        fill_bytes(pair, 2, scales, bytes.scales);
        BOTH_SIDES
        {
            struct tensor weight = stored(pair, side, 1, (enum storage)storage, ROWS, COLS);
            weight.scales = slot(pair, side, 2);
            run(pair, side,
                (struct op_call){
                    OP_DEQUANTIZE,
                    .dequantize = {.out = active(pair, side, 3, ROWS, COLS), .weight = weight}});
        }
        /* What lies behind the last element is compared, too: nobody may touch it. */
        assert_same_bytes(pair, "dequantised", 3, N * storage_size(pair->type) + 64);
        free(data);
        free(scales);
    }
    free(values);
}

static void linear_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_linear);
}

static void embedding_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_embedding);
}

static void norm_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_norm);
}

static void pointwise_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_pointwise);
}

static void attention_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_attention);
}

static void head_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_head);
}

static void noise_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_noise);
}

/* Parameter in slot 0, its master in 1 where there is one, m in 2, the gradient in 4, Muon's
 * workspace from 8 on. */
static void take_step(const struct pair *pair, enum op op, bool masters, int64_t N, int64_t K)
{
    const struct step_settings settings = {.lr = 1e-2f,
                                           .beta1 = 0.9,
                                           .beta2 = 0.99,
                                           .epsilon = 1e-7f,
                                           .weight_decay = 0.1f,
                                           .gradient_scale = 0.5f,
                                           .key = {7, 3},
                                           .tensor = 5};
    char what[64];
    fill(pair, 0, pair->type, N * K, 1);
    fill(pair, 1, STORAGE_F32, N * K, 1);
    fill(pair, 2, STORAGE_F32, N * K, 0.1);
    fill(pair, 4, STORAGE_F32, N * K, 1);
    BOTH_SIDES
    {
        struct tensor parameter = active(pair, side, 0, N, K), m = wide(pair, side, 2, N, K);
        struct tensor master = masters ? wide(pair, side, 1, N, K) : (struct tensor){0};
        struct tensor gradient = wide(pair, side, 4, N, K);
        struct tensor workspace = stored(pair, side, 8, STORAGE_U8, 1, 8 * SLOT);
        struct op_call call = {op, .lion = {parameter, master, m, gradient, settings}};
        if (op == OP_MUON)
            call.muon = (struct op_muon){parameter, master, m, gradient, workspace, settings};
        assert_true(backend_workspace(pair->backends[side], &call) <= 8 * SLOT);
        run(pair, side, call);
    }
    snprintf(what, sizeof what, "%s, %dx%d, ", op_info[op].name, (int)N, (int)K);
    size_t length = strlen(what);
    snprintf(what + length, sizeof what - length, "parameter");
    compare(pair, what, 0, pair->type, N * K);
    snprintf(what + length, sizeof what - length, "m");
    compare(pair, what, 2, STORAGE_F32, N * K);
    snprintf(what + length, sizeof what - length, "master");
    if (masters)
        compare(pair, what, 1, STORAGE_F32, N * K);
}

static void check_lion(const struct pair *pair)
{
    take_step(pair, OP_LION, false, 1, 3001);
    take_step(pair, OP_LION, true, 1, 3001);
}

/* Wide, tall, square, and of one row. */
static void check_muon(const struct pair *pair)
{
    static const int64_t shapes[][2] = {{24, 70}, {70, 24}, {48, 48}, {1, 300}, {300, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        take_step(pair, OP_MUON, false, shapes[i][0], shapes[i][1]);
        take_step(pair, OP_MUON, true, shapes[i][0], shapes[i][1]);
    }
}

static void lion_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_lion);
}

static void muon_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_muon);
}

static void adamw_equals_reference(void **state)
{
    (void)state;
    on_every_level(check_adamw);
}

static void stochastic_rounding_is_the_reference_to_the_bit(void **state)
{
    (void)state;
    on_every_level(check_words);
}

static void moments_round_as_the_reference_to_the_bit(void **state)
{
    (void)state;
    on_every_level(check_moment_words);
}

static void int8_moments_equal_reference(void **state)
{
    (void)state;
    on_every_level(check_int8_moments);
}

static void dequantize_is_the_reference_to_the_bit(void **state)
{
    (void)state;
    on_every_level(check_dequantize);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_equals_reference),
        cmocka_unit_test(embedding_equals_reference),
        cmocka_unit_test(norm_equals_reference),
        cmocka_unit_test(pointwise_equals_reference),
        cmocka_unit_test(attention_equals_reference),
        cmocka_unit_test(head_equals_reference),
        cmocka_unit_test(noise_equals_reference),
        cmocka_unit_test(adamw_equals_reference),
        cmocka_unit_test(lion_equals_reference),
        cmocka_unit_test(muon_equals_reference),
        cmocka_unit_test(stochastic_rounding_is_the_reference_to_the_bit),
        cmocka_unit_test(moments_round_as_the_reference_to_the_bit),
        cmocka_unit_test(int8_moments_equal_reference),
        cmocka_unit_test(dequantize_is_the_reference_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
