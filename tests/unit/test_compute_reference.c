/* Every backward operation of the reference against central differences of its forward: the loss is
 * the sum of the output times fixed random weights, which are then the output's gradient. Once as
 * it is, and once checked: an operation that writes what op_info says it reads dies there. */
#include "test.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/devices/devices.h"
#include "compute/wrappers/wrapper.h"

#include <math.h>
#include <string.h>

enum { MAX = 512, T = 6, H = 8, N = 5, V = 7 };

static struct backend *backend;
static struct random_stream stream = {.seed = 11};

static void run(struct op_call call)
{
    backend_run(backend, &call);
}

static struct tensor new_tensor(enum storage storage, int64_t rows, int64_t cols)
{
    struct tensor tensor = {.storage = storage, .rows = rows, .cols = cols};
    tensor.data.buffer = backend->alloc(backend->self, tensor_bytes(&tensor).data, NULL);
    assert_non_null(tensor.data.buffer);
    run((struct op_call){OP_FILL_ZERO, .fill_zero = {tensor}});
    return tensor;
}

static struct tensor new_zeros(int64_t rows, int64_t cols)
{
    return new_tensor(STORAGE_F32, rows, cols);
}

static void set(struct tensor tensor, const void *values)
{
    backend->write(backend->self, tensor.data, values, tensor_bytes(&tensor).data);
}

static void fetch(void *values, struct tensor tensor)
{
    backend->read(backend->self, values, tensor.data, tensor_bytes(&tensor).data);
}

static struct tensor new_random(int64_t rows, int64_t cols)
{
    float values[MAX];
    for (int64_t i = 0; i < rows * cols; i++)
        values[i] = (float)random_normal(&stream);
    struct tensor tensor = new_zeros(rows, cols);
    set(tensor, values);
    return tensor;
}

static struct tensor new_words(const int32_t *words, int64_t count)
{
    struct tensor tensor = new_tensor(STORAGE_I32, 1, count);
    set(tensor, words);
    return tensor;
}

static void release_all(const struct tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        backend->free(backend->self, tensors[i].data.buffer);
}

/* A forward pass under test: a call that computes `out` from what it holds. */
struct forward {
    struct op_call call;
    struct tensor out, out_weights; /* dloss/dout */
    double (*value)(struct forward *f);
};

static double loss(struct forward *f)
{
    float out[MAX], weights[MAX];
    double sum = 0;
    run(f->call);
    fetch(out, f->out);
    fetch(weights, f->out_weights);
    for (int64_t i = 0; i < tensor_elements(&f->out); i++)
        sum += (double)out[i] * (double)weights[i];
    return sum;
}

static void check_gradient(struct forward *f, struct tensor in, struct tensor grad,
                           const char *what)
{
    float x[MAX], g[MAX];
    double error = 0, norm = 0;
    const float step = 0.01f;
    fetch(x, in);
    fetch(g, grad);
    for (int64_t i = 0; i < tensor_elements(&in); i++) {
        float kept = x[i];
        x[i] = kept + step;
        double width = (double)x[i];
        set(in, x);
        double up = f->value(f);
        x[i] = kept - step;
        width -= (double)x[i];
        set(in, x);
        double numeric = (up - f->value(f)) / width;
        x[i] = kept;
        error += (numeric - (double)g[i]) * (numeric - (double)g[i]);
        norm += numeric * numeric;
    }
    set(in, x);
    if (!(norm > 0) || sqrt(error / norm) > 2e-3)
        fail_msg("%s: relative error %g of norm %g", what, sqrt(error / norm), sqrt(norm));
}

static void linear_gradients(void **state)
{
    (void)state;
    struct tensor x = new_random(T, H), w = new_random(N, H), b = new_random(1, N);
    struct tensor out = new_zeros(T, N), go = new_random(T, N);
    struct tensor gx = new_zeros(T, H), gw = new_zeros(N, H), gb = new_zeros(1, N);
    struct forward f = {
        .call = {OP_LINEAR_FORWARD, .linear_forward = {.out = out, .x = x, .weight = w, .bias = b}},
        .out = out,
        .out_weights = go,
        .value = loss};
    run((struct op_call){OP_LINEAR_BACKWARD_INPUT,
                         .linear_backward_input = {.grad_x = gx, .grad_out = go, .weight = w}});
    run((struct op_call){OP_LINEAR_BACKWARD_WEIGHT,
                         .linear_backward_weight = {.grad_weight = gw, .grad_out = go, .x = x}});
    run((struct op_call){OP_BIAS_BACKWARD, .bias_backward = {.grad_bias = gb, .grad_out = go}});
    check_gradient(&f, x, gx, "linear, input");
    check_gradient(&f, w, gw, "linear, weight");
    check_gradient(&f, b, gb, "linear, bias");
    struct tensor all[] = {x, w, b, out, go, gx, gw, gb};
    release_all(all, sizeof all / sizeof *all);
}

static void rmsnorm_gradients(void **state)
{
    (void)state;
    struct tensor x = new_random(T, H), w = new_random(1, H), rstd = new_zeros(T, 1);
    struct tensor out = new_zeros(T, H), go = new_random(T, H);
    struct tensor gx = new_zeros(T, H), gw = new_zeros(1, H);
    struct forward f = {.call = {OP_RMSNORM_FORWARD, .rmsnorm_forward = {.out = out,
                                                                         .rstd = rstd,
                                                                         .x = x,
                                                                         .weight = w,
                                                                         .epsilon = 1e-5f}},
                        .out = out,
                        .out_weights = go,
                        .value = loss};
    run(f.call);
    run((struct op_call){OP_RMSNORM_BACKWARD, .rmsnorm_backward = {.grad_x = gx,
                                                                   .grad_weight = gw,
                                                                   .grad_out = go,
                                                                   .x = x,
                                                                   .rstd = rstd,
                                                                   .weight = w,
                                                                   .accumulate = ADD}});
    check_gradient(&f, x, gx, "rmsnorm, input");
    check_gradient(&f, w, gw, "rmsnorm, weight");
    struct tensor all[] = {x, w, out, rstd, go, gx, gw};
    release_all(all, sizeof all / sizeof *all);
}

static void swiglu_gradients(void **state)
{
    (void)state;
    struct tensor gate = new_random(T, H), up = new_random(T, H);
    struct tensor out = new_zeros(T, H), go = new_random(T, H);
    struct tensor gg = new_zeros(T, H), gu = new_zeros(T, H);
    struct forward f = {
        .call = {OP_SWIGLU_FORWARD, .swiglu_forward = {.out = out, .gate = gate, .up = up}},
        .out = out,
        .out_weights = go,
        .value = loss};
    run((struct op_call){
        OP_SWIGLU_BACKWARD,
        .swiglu_backward = {
            .grad_gate = gg, .grad_up = gu, .grad_out = go, .gate = gate, .up = up}});
    check_gradient(&f, gate, gg, "swiglu, gate");
    check_gradient(&f, up, gu, "swiglu, up");
    struct tensor all[] = {gate, up, out, go, gg, gu};
    release_all(all, sizeof all / sizeof *all);
}

/* Four heads share two key-value heads; two documents. */
static void attention_gradients(void **state)
{
    (void)state;
    enum { HEADS = 4, KV = 2, D = 3 };
    static const int32_t offsets[] = {0, 2, T};
    const struct documents documents = {.offsets = offsets, .count = 2};
    struct tensor q = new_random(T, HEADS * D), k = new_random(T, KV * D),
                  v = new_random(T, KV * D);
    struct tensor out = new_zeros(T, HEADS * D), go = new_random(T, HEADS * D);
    struct tensor lse = new_zeros(HEADS, T), gq = new_zeros(T, HEADS * D);
    struct tensor gk = new_zeros(T, KV * D), gv = new_zeros(T, KV * D);
    struct forward f = {
        .call = {OP_ATTENTION_FORWARD, .attention_forward = {.out = out,
                                                             .lse = lse,
                                                             .q = q,
                                                             .k = k,
                                                             .v = v,
                                                             .head_dim = D,
                                                             .documents = documents}},
        .out = out,
        .out_weights = go,
        .value = loss};
    struct op_call backward = {OP_ATTENTION_BACKWARD,
                               .attention_backward = {.grad_q = gq,
                                                      .grad_k = gk,
                                                      .grad_v = gv,
                                                      .grad_out = go,
                                                      .out = out,
                                                      .lse = lse,
                                                      .q = q,
                                                      .k = k,
                                                      .v = v,
                                                      .head_dim = D,
                                                      .documents = documents}};
    struct tensor work = new_tensor(STORAGE_U8, 1, (int64_t)backend_workspace(backend, &backward));
    backward.attention_backward.workspace = work;
    run(f.call);
    run(backward);
    check_gradient(&f, q, gq, "attention, q");
    check_gradient(&f, k, gk, "attention, k");
    check_gradient(&f, v, gv, "attention, v");
    struct tensor all[] = {q, k, v, out, lse, go, gq, gk, gv, work};
    release_all(all, sizeof all / sizeof *all);
}

/* Two ends of one beginning beside one another see what each sees behind it. */
static void documents_go_on(void **state)
{
    (void)state;
    enum { D = 3, LONG = 7 };
    static const int32_t together[] = {0, 3, 5, 7}, alone[] = {0, 5, 7};
    static const struct token_range before[] = {{0, 0}, {0, 3}, {0, 3}};
    struct tensor x = new_random(LONG, D), row = new_zeros(LONG, D), out = new_zeros(LONG, D);
    struct tensor lse = new_zeros(1, LONG), single = new_zeros(LONG, D);
    float values[LONG * D], ends[2][LONG * D];
    fetch(values, x);
    for (int64_t window = 0; window < 6; window++) {
        struct op_call call = {OP_ATTENTION_FORWARD,
                               .attention_forward = {.out = out,
                                                     .lse = lse,
                                                     .q = x,
                                                     .k = x,
                                                     .v = x,
                                                     .head_dim = D,
                                                     .window = window,
                                                     .documents = {together, 3, before}}};
        run(call);
        fetch(ends[0], out);
        /* the second end in the first one's place */
        float other[LONG * D];
        memcpy(other, values, sizeof other);
        memcpy(other + 3 * D, values + 5 * D, 2 * D * sizeof *other);
        set(row, other);
        call.attention_forward.q = call.attention_forward.k = call.attention_forward.v = row;
        call.attention_forward.out = single;
        call.attention_forward.documents = (struct documents){.offsets = alone, .count = 2};
        run(call);
        fetch(ends[1], single);
        for (int i = 0; i < 2 * D; i++)
            assert_float_equal(ends[0][5 * D + i], ends[1][3 * D + i], 1e-6);
    }
    struct tensor all[] = {x, row, out, lse, single};
    release_all(all, sizeof all / sizeof *all);
}

#define Z_LOSS 0.3f

/* Of x and a head; targets and weights are the caller's. Frees nothing. */
static struct op_call head_call(struct tensor x, struct tensor head, struct tensor targets,
                                struct tensor weights)
{
    struct op_call call = {OP_HEAD_LOSS, .head_loss = {.loss = new_tensor(STORAGE_F64, 1, 2),
                                                       .x = x,
                                                       .head = head,
                                                       .targets = targets,
                                                       .weights = weights,
                                                       .scale = 1,
                                                       .z_loss = Z_LOSS}};
    call.head_loss.workspace =
        new_tensor(STORAGE_U8, 1, (int64_t)backend_workspace(backend, &call));
    return call;
}

static double head_value(struct forward *f)
{
    double value[2];
    run((struct op_call){OP_FILL_ZERO, .fill_zero = {f->out}});
    run(f->call);
    fetch(value, f->out);
    return value[0] + value[1];
}

static void head_gradients(void **state)
{
    (void)state;
    static const int32_t targets[T] = {0, 6, -1, 3, 3, 1};
    static const float counts[T] = {1, 0.25f, 0, 2, 1, 0.5f};
    struct tensor x = new_random(T, H), head = new_random(V, H), ids = new_words(targets, T);
    struct tensor weights = new_zeros(1, T), gx = new_zeros(T, H), gw = new_zeros(V, H);
    set(weights, counts);
    struct forward f = {.call = head_call(x, head, ids, weights), .value = head_value};
    struct op_call both = f.call;
    f.out = f.call.head_loss.loss;
    both.head_loss.grad_x = gx;
    both.head_loss.grad_weight = gw;
    run(both);
    check_gradient(&f, x, gx, "head, input");
    check_gradient(&f, head, gw, "head, weight");
    struct tensor all[] = {x, head, f.out, f.call.head_loss.workspace, weights, ids, gx, gw};
    release_all(all, sizeof all / sizeof *all);
}

/* A weight is how often a token counts: twice is two tokens, and no weights are 1 each. */
static void weights_count_tokens(void **state)
{
    (void)state;
    static const int32_t targets[T] = {0, 6, -1, 3, 3, 1}, alone[T] = {-1, 6, -1, -1, -1, -1};
    static const float ones[T] = {1, 1, 1, 1, 1, 1}, heavy[T] = {1, 3, 1, 1, 1, 1};
    struct tensor x = new_random(T, H), head = new_random(V, H), weights = new_zeros(1, T);
    struct tensor ids = new_words(targets, T), single = new_words(alone, T), none = {0};
    struct op_call call = head_call(x, head, ids, none);
    double sums[4][2];
    for (int i = 0; i < 4; i++) {
        set(weights, i == 2 ? heavy : ones);
        run((struct op_call){OP_FILL_ZERO, .fill_zero = {call.head_loss.loss}});
        call.head_loss.targets = i == 3 ? single : ids;
        call.head_loss.weights = i == 0 ? none : weights;
        run(call);
        fetch(sums[i], call.head_loss.loss);
    }
    for (int z = 0; z < 2; z++) {
        assert_true(sums[0][z] == sums[1][z]);
        assert_float_equal(sums[2][z], sums[0][z] + 2 * sums[3][z], 1e-12 * sums[2][z]);
        assert_true(sums[3][z] > 0);
    }
    struct tensor all[] = {x,   head,  weights, call.head_loss.workspace, call.head_loss.loss,
                           ids, single};
    release_all(all, sizeof all / sizeof *all);
}

/* Every element moves by less than alpha / sqrt(L H), both ways, by another number in the next
 * batch, and the numbers are uniform: their mean square is a third of the largest. */
static void noise_is_uniform(void **state)
{
    (void)state;
    enum { TOKENS = 40, WIDE = 100, COUNT = TOKENS * WIDE };
    static const int32_t offsets[] = {0, TOKENS};
    float values[2][COUNT];
    struct tensor x = new_zeros(TOKENS, WIDE);
    double size = 3 / sqrt(COUNT), squares = 0, sum = 0;
    int same = 0;
    for (uint32_t batch = 0; batch < 2; batch++) {
        run((struct op_call){OP_FILL_ZERO, .fill_zero = {x}});
        run((struct op_call){OP_ADD_NOISE,
                             .add_noise = {.x = x,
                                           .documents = {.offsets = offsets, .count = 1},
                                           .alpha = 3,
                                           .key = {1, 2},
                                           .batch = batch}});
        fetch(values[batch], x);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabs((double)values[0][i]) <= size * (1 + 1e-6));
        squares += (double)values[0][i] * (double)values[0][i] / (size * size);
        sum += (double)values[0][i] / size;
        same += values[0][i] == values[1][i];
    }
    assert_true(fabs(squares / COUNT - 1.0 / 3) < 0.02); /* four standard deviations */
    assert_true(fabs(sum / COUNT) < 0.04);
    assert_true(same < 3);
    release_all(&x, 1);
}

/* Rotating back undoes rotating, and keeps lengths. */
static void rope_is_a_rotation(void **state)
{
    (void)state;
    float table[T * 4], before[T * H], turned[T * H], after[T * H];
    static const int32_t positions[T] = {0, 1, 2, 0, 1, 5};
    for (int t = 0; t < T; t++)
        for (int j = 0; j < 2; j++) {
            table[t * 4 + j] = cosf((float)t / (float)(1 + 99 * j));
            table[t * 4 + 2 + j] = sinf((float)t / (float)(1 + 99 * j));
        }
    struct tensor x = new_random(T, H), angles = new_zeros(T, 4), at = new_words(positions, T);
    struct op_call turn = {OP_ROPE, .rope = {.x = x, .table = angles, .positions = at}};
    set(angles, table);
    fetch(before, x);
    run(turn);
    fetch(turned, x);
    turn.rope.backward = true;
    run(turn);
    fetch(after, x);
    /* Position 1, first pair (0, 2) of the first head, by hand. */
    assert_true(fabsf(turned[8] - (before[8] * cosf(1) - before[10] * sinf(1))) < 1e-6f);
    for (int i = 0; i < T * H; i++)
        assert_true(fabsf(before[i] - after[i]) < 1e-6f);
    struct tensor all[] = {x, angles, at};
    release_all(all, sizeof all / sizeof *all);
}

/* 100 constant updates of 1e-5 move the mean bf16 weight by 1e-3 within 5 %. */
static void stochastic_rounding_moves_the_mean(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint16_t weights[COUNT];
    static float gradient[COUNT];
    double before = 0, after = 0;
    for (int i = 0; i < COUNT; i++) {
        weights[i] = bf16_from_float((float)(0.02 * random_normal(&stream)));
        gradient[i] = 1;
        before += (double)bf16_to_float(weights[i]);
    }
    struct tensor p = new_tensor(STORAGE_BF16, 1, COUNT), g = new_zeros(1, COUNT);
    struct tensor m = new_zeros(1, COUNT), v = new_zeros(1, COUNT);
    set(p, weights);
    set(g, gradient);
    for (uint32_t step = 1; step <= 100; step++) {
        struct step_settings settings = {.lr = 1e-5f,
                                         .beta1 = 0.9,
                                         .beta2 = 0.999,
                                         .epsilon = 1e-8f,
                                         .correction1 = 1 - powf(0.9f, (float)step),
                                         .correction2 = 1 - powf(0.999f, (float)step),
                                         .gradient_scale = 1,
                                         .key = {42, step},
                                         .tensor = 3};
        run((struct op_call){
            OP_ADAMW,
            .adamw = {.parameter = p, .m = m, .v = v, .gradient = g, .settings = settings}});
    }
    fetch(weights, p);
    for (int i = 0; i < COUNT; i++)
        after += (double)bf16_to_float(weights[i]);
    double moved = (before - after) / COUNT;
    if (fabs(moved - 1e-3) > 5e-5)
        fail_msg("the mean moved by %g, not 1e-3", moved);
    struct tensor all[] = {p, g, m, v};
    release_all(all, sizeof all / sizeof *all);
}

/* Hundred steps of bf16 moments by less than half of their last place each: to nearest, none would
 * move. */
static void bf16_moments_move_in_the_mean(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint16_t ones[COUNT];
    static float gradient[COUNT];
    const double grad = 1.25, left = pow(0.999, 100);
    const double expected[] = {(1 - left) * (grad - 1), (1 - left) * (grad * grad - 1)};
    for (int i = 0; i < COUNT; i++) {
        ones[i] = bf16_from_float(1);
        gradient[i] = (float)grad;
    }
    struct tensor p = new_zeros(1, COUNT), g = new_zeros(1, COUNT);
    struct tensor m = new_tensor(STORAGE_BF16, 1, COUNT), v = new_tensor(STORAGE_BF16, 1, COUNT);
    const struct tensor moments[] = {m, v};
    set(g, gradient);
    set(m, ones);
    set(v, ones);
    for (uint32_t step = 1; step <= 100; step++) {
        struct step_settings settings = {.beta1 = 0.999,
                                         .beta2 = 0.999,
                                         .correction1 = 1,
                                         .correction2 = 1,
                                         .gradient_scale = 1,
                                         .key = {42, step}};
        run((struct op_call){
            OP_ADAMW,
            .adamw = {.parameter = p, .m = m, .v = v, .gradient = g, .settings = settings}});
    }
    for (int which = 0; which < 2; which++) {
        double moved = 0;
        fetch(ones, moments[which]);
        for (int i = 0; i < COUNT; i++)
            moved += (double)bf16_to_float(ones[i]) - 1;
        if (fabs(moved / COUNT - expected[which]) > 0.02 * expected[which])
            fail_msg("moment %d moved by %g, not %g", which + 1, moved / COUNT, expected[which]);
    }
    struct tensor all[] = {p, g, m, v};
    release_all(all, sizeof all / sizeof *all);
}

/* Each element by the rate against the sign of a mean of momentum and gradient, which is not the
 * mean that is kept; where that is 0, by the decay alone. */
static void lion_moves_by_the_rate(void **state)
{
    (void)state;
    static const float gradient[] = {4, -4, 0, 4}, kept[] = {0, 0, 0, -0.5f};
    static const float ones[] = {1, 1, 1, 1};
    float values[4], means[4];
    struct tensor p = new_zeros(1, 4), m = new_zeros(1, 4), g = new_zeros(1, 4);
    set(p, ones);
    set(m, kept);
    set(g, gradient);
    run((struct op_call){OP_LION, .lion = {.parameter = p,
                                           .m = m,
                                           .gradient = g,
                                           .settings = {.lr = 0.25f,
                                                        .beta1 = 0.9,
                                                        .beta2 = 0.75,
                                                        .weight_decay = 0.5f,
                                                        .gradient_scale = 0.5f}}});
    fetch(values, p);
    fetch(means, m);
    /* 1 - 0.25 (0.5 + sign); of the last one 0.9 times -0.5 outweighs 0.1 times 2 */
    static const float expected[] = {0.625f, 1.125f, 0.875f, 1.125f};
    static const float kept_now[] = {0.5f, -0.5f, 0, 0.125f};
    for (int i = 0; i < 4; i++)
        if (fabsf(values[i] - expected[i]) > 1e-6f || fabsf(means[i] - kept_now[i]) > 1e-6f)
            fail_msg("element %d is %g and its mean %g", i, (double)values[i], (double)means[i]);
    struct tensor all[] = {p, m, g};
    release_all(all, sizeof all / sizeof *all);
}

/* A gradient of known singular vectors, a rotation times its values: X has the vectors, and the
 * polynomial of each value. */
static void muon_maps_singular_values(void **state)
{
    (void)state;
    enum { ROWS = 2, COLS = 3 };
    const double sigma[] = {3, 0.5}, cosine = 0.6, sine = 0.8, lr = 0.01;
    const double left[ROWS][ROWS] = {{cosine, -sine}, {sine, cosine}}; /* columns: the vectors */
    const double right[ROWS][COLS] = {{0, 1, 0}, {0, 0, 1}};           /* rows: the vectors */
    float wide_g[ROWS * COLS] = {0}, tall_g[ROWS * COLS], zeros[ROWS * COLS] = {0}, p[ROWS * COLS];
    double expected[ROWS * COLS] = {0};
    for (int k = 0; k < ROWS; k++) {
        double x = sigma[k] / hypot(sigma[0], sigma[1]);
        for (int i = 0; i < MUON_ITERATIONS; i++)
            x = muon_polynomial[0] * x + muon_polynomial[1] * pow(x, 3) +
                muon_polynomial[2] * pow(x, 5);
        assert_true(x > 0.6 && x < 1.3);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLS; j++) {
                wide_g[i * COLS + j] += (float)(left[i][k] * sigma[k] * right[k][j]);
                expected[i * COLS + j] -= lr * 0.2 * sqrt(COLS) * left[i][k] * x * right[k][j];
            }
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++)
            tall_g[j * ROWS + i] = wide_g[i * COLS + j];
    for (int tall = 0; tall < 2; tall++) {
        int64_t rows = tall ? COLS : ROWS, cols = tall ? ROWS : COLS;
        struct tensor parameter = new_zeros(rows, cols), m = new_zeros(rows, cols);
        struct tensor g = new_zeros(rows, cols);
        struct op_call call = {
            OP_MUON,
            .muon = {.parameter = parameter,
                     .m = m,
                     .gradient = g,
                     .settings = {
                         .lr = (float)lr, .beta1 = 0.95, .epsilon = 1e-7f, .gradient_scale = 1}}};
        size_t bytes = backend_workspace(backend, &call);
        call.muon.workspace = new_tensor(STORAGE_U8, 1, (int64_t)bytes);
        set(g, tall ? tall_g : wide_g);
        run(call);
        fetch(p, parameter);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLS; j++) {
                double is = (double)p[tall ? j * ROWS + i : i * COLS + j];
                if (!(fabs(is - expected[i * COLS + j]) <= 1e-7))
                    fail_msg("%d, %d moves by %g, not %g", i, j, is, expected[i * COLS + j]);
            }
        /* without momentum and gradient nothing moves, and nothing is divided by zero */
        set(m, zeros);
        set(g, zeros);
        set(parameter, zeros);
        run(call);
        fetch(p, parameter);
        for (int i = 0; i < ROWS * COLS; i++)
            assert_true(p[i] == 0);
        struct tensor all[] = {parameter, m, g, call.muon.workspace};
        release_all(all, sizeof all / sizeof *all);
    }
}

static int open_backend(void **state)
{
    (void)state;
    return backend_open(&backend, "reference", 1, NULL);
}

static int open_checked(void **state)
{
    struct backend *below;
    if (open_backend(state) != 0)
        return -1;
    below = backend;
    return checked_backend_new(&backend, below, NULL);
}

static int close_backend(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    int status = backend->wait(backend->self, &err);
    if (status != 0)
        print_error("%s\n", err.text);
    backend_close(backend);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradients),
        cmocka_unit_test(rmsnorm_gradients),
        cmocka_unit_test(swiglu_gradients),
        cmocka_unit_test(attention_gradients),
        cmocka_unit_test(documents_go_on),
        cmocka_unit_test(head_gradients),
        cmocka_unit_test(weights_count_tokens),
        cmocka_unit_test(noise_is_uniform),
        cmocka_unit_test(rope_is_a_rotation),
        cmocka_unit_test(stochastic_rounding_moves_the_mean),
        cmocka_unit_test(bf16_moments_move_in_the_mean),
        cmocka_unit_test(lion_moves_by_the_rate),
        cmocka_unit_test(muon_maps_singular_values),
    };
    int failed = cmocka_run_group_tests(tests, open_backend, close_backend);
    return failed + cmocka_run_group_tests(tests, open_checked, close_backend);
}
