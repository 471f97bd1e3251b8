/* Every backward operation of the reference against central differences of its forward: the loss is
 * the sum of the output times fixed random weights, which are then the output's gradient. */
#include "test.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/backend.h"

#include <math.h>
#include <string.h>

enum { MAX = 512, T = 6, H = 8, N = 5, V = 7 };

static struct backend *backend;
static const struct train_ops *ops;
static struct random_stream stream = {.seed = 11};

static struct place new_place(size_t bytes)
{
    struct place place = {backend->alloc(backend->self, bytes, NULL), 0};
    assert_non_null(place.buffer);
    ops->fill_zero(backend->self, place, bytes);
    return place;
}

static struct place new_random(int64_t count)
{
    float values[MAX];
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)random_normal(&stream);
    struct place place = new_place((size_t)count * 4);
    backend->write(backend->self, place, values, (size_t)count * 4);
    return place;
}

static struct place new_words(const int32_t *words, int64_t count)
{
    struct place place = new_place((size_t)count * 4);
    backend->write(backend->self, place, words, (size_t)count * 4);
    return place;
}

static void release(struct place place)
{
    backend->free(backend->self, place.buffer);
}

static struct weight weight_of(struct place place, int64_t rows, int64_t cols)
{
    return (struct weight){.data = place, .storage = STORAGE_F32, .rows = rows, .cols = cols};
}

/* A forward pass under test: computes `out` from what its context holds. */
struct forward {
    void (*run)(struct forward *f);
    struct place in[3], out, extra[3], ids;
    struct place out_weights; /* dloss/dout */
    int64_t out_count;
    struct attention_shape shape;
    struct documents documents;
};

static double loss(struct forward *f)
{
    float out[MAX], weights[MAX];
    double sum = 0;
    f->run(f);
    backend->read(backend->self, out, f->out, (size_t)f->out_count * 4);
    backend->read(backend->self, weights, f->out_weights, (size_t)f->out_count * 4);
    for (int64_t i = 0; i < f->out_count; i++)
        sum += (double)out[i] * (double)weights[i];
    return sum;
}

static void check_gradient(struct forward *f, double (*value)(struct forward *f), struct place in,
                           struct place grad, int64_t count, const char *what)
{
    float x[MAX], g[MAX];
    double error = 0, norm = 0;
    const float step = 0.01f;
    backend->read(backend->self, x, in, (size_t)count * 4);
    backend->read(backend->self, g, grad, (size_t)count * 4);
    for (int64_t i = 0; i < count; i++) {
        float kept = x[i];
        x[i] = kept + step;
        double width = (double)x[i];
        backend->write(backend->self, in, x, (size_t)count * 4);
        double up = value(f);
        x[i] = kept - step;
        width -= (double)x[i];
        backend->write(backend->self, in, x, (size_t)count * 4);
        double numeric = (up - value(f)) / width;
        x[i] = kept;
        error += (numeric - (double)g[i]) * (numeric - (double)g[i]);
        norm += numeric * numeric;
    }
    backend->write(backend->self, in, x, (size_t)count * 4);
    if (!(norm > 0) || sqrt(error / norm) > 2e-3)
        fail_msg("%s: relative error %g of norm %g", what, sqrt(error / norm), sqrt(norm));
}

static void run_linear(struct forward *f)
{
    ops->linear_forward(backend->self, f->out, REPLACE, f->in[0], STORAGE_F32,
                        weight_of(f->in[1], N, H), f->in[2], T);
}

static void linear_gradients(void **state)
{
    (void)state;
    struct forward f = {.run = run_linear,
                        .in = {new_random(T * H), new_random(N * H), new_random(N)},
                        .out = new_place(T * N * 4),
                        .out_weights = new_random(T * N),
                        .out_count = T * N};
    struct place gx = new_place(T * H * 4), gw = new_place(N * H * 4), gb = new_place(N * 4);
    struct weight w = weight_of(f.in[1], N, H);
    ops->linear_backward_input(backend->self, gx, REPLACE, f.out_weights, STORAGE_F32, w, T);
    ops->linear_backward_weight(backend->self, gw, REPLACE, f.out_weights, f.in[0], STORAGE_F32, N,
                                H, T);
    ops->bias_backward(backend->self, gb, f.out_weights, STORAGE_F32, T, N);
    check_gradient(&f, loss, f.in[0], gx, T * H, "linear, input");
    check_gradient(&f, loss, f.in[1], gw, N * H, "linear, weight");
    check_gradient(&f, loss, f.in[2], gb, N, "linear, bias");
    struct place all[] = {f.in[0], f.in[1], f.in[2], f.out, f.out_weights, gx, gw, gb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

static void run_rmsnorm(struct forward *f)
{
    ops->rmsnorm_forward(backend->self, f->out, f->extra[0], f->in[0], STORAGE_F32,
                         weight_of(f->in[1], 1, H), 1e-5f, T);
}

static void rmsnorm_gradients(void **state)
{
    (void)state;
    struct forward f = {.run = run_rmsnorm,
                        .in = {new_random(T * H), new_random(H)},
                        .out = new_place(T * H * 4),
                        .extra = {new_place(T * 4)},
                        .out_weights = new_random(T * H),
                        .out_count = T * H};
    struct place gx = new_place(T * H * 4), gw = new_place(H * 4);
    run_rmsnorm(&f);
    ops->rmsnorm_backward(backend->self, gx, ADD, gw, f.out_weights, f.in[0], f.extra[0],
                          STORAGE_F32, weight_of(f.in[1], 1, H), T);
    check_gradient(&f, loss, f.in[0], gx, T * H, "rmsnorm, input");
    check_gradient(&f, loss, f.in[1], gw, H, "rmsnorm, weight");
    struct place all[] = {f.in[0], f.in[1], f.out, f.extra[0], f.out_weights, gx, gw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

static void run_swiglu(struct forward *f)
{
    ops->swiglu_forward(backend->self, f->out, f->in[0], f->in[1], STORAGE_F32, T * H);
}

static void swiglu_gradients(void **state)
{
    (void)state;
    struct forward f = {.run = run_swiglu,
                        .in = {new_random(T * H), new_random(T * H)},
                        .out = new_place(T * H * 4),
                        .out_weights = new_random(T * H),
                        .out_count = T * H};
    struct place gg = new_place(T * H * 4), gu = new_place(T * H * 4);
    ops->swiglu_backward(backend->self, gg, gu, f.out_weights, f.in[0], f.in[1], STORAGE_F32,
                         T * H);
    check_gradient(&f, loss, f.in[0], gg, T * H, "swiglu, gate");
    check_gradient(&f, loss, f.in[1], gu, T * H, "swiglu, up");
    struct place all[] = {f.in[0], f.in[1], f.out, f.out_weights, gg, gu};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

/* Four heads share two key-value heads; two documents. */
static void run_attention(struct forward *f)
{
    ops->attention_forward(backend->self, f->out, f->extra[0], f->in[0], f->in[1], f->in[2],
                           STORAGE_F32, f->shape, f->documents);
}

static void attention_gradients(void **state)
{
    (void)state;
    enum { HEADS = 4, KV = 2, D = 3 };
    static const int32_t offsets[] = {0, 2, T};
    struct forward f = {
        .run = run_attention,
        .in = {new_random(T * HEADS * D), new_random(T * KV * D), new_random(T * KV * D)},
        .out = new_place(T * HEADS * D * 4),
        .extra = {new_place(T * HEADS * 4)},
        .out_weights = new_random(T * HEADS * D),
        .out_count = T * HEADS * D,
        .shape = {T, HEADS, KV, D, 0},
        .documents = {offsets, 2}};
    struct place gq = new_place(T * HEADS * D * 4), gk = new_place(T * KV * D * 4),
                 gv = new_place(T * KV * D * 4),
                 work = new_place(ops->attention_workspace(backend->self, f.shape, STORAGE_F32));
    run_attention(&f);
    ops->attention_backward(backend->self, gq, gk, gv, f.out_weights, f.out, f.extra[0], f.in[0],
                            f.in[1], f.in[2], STORAGE_F32, f.shape, f.documents, work);
    check_gradient(&f, loss, f.in[0], gq, T * HEADS * D, "attention, q");
    check_gradient(&f, loss, f.in[1], gk, T * KV * D, "attention, k");
    check_gradient(&f, loss, f.in[2], gv, T * KV * D, "attention, v");
    struct place all[] = {f.in[0],       f.in[1], f.in[2], f.out, f.extra[0],
                          f.out_weights, gq,      gk,      gv,    work};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

#define Z_LOSS 0.3f

static void run_head(struct forward *f)
{
    ops->fill_zero(backend->self, f->out, 16);
    ops->head_loss(backend->self, f->out, (struct place){0}, (struct place){0}, f->in[0],
                   STORAGE_F32, weight_of(f->in[1], V, H), (struct targets){f->ids, f->extra[1]}, T,
                   1, Z_LOSS, f->extra[0]);
}

static double head_value(struct forward *f)
{
    double value[2];
    f->run(f);
    backend->read(backend->self, value, f->out, sizeof value);
    return value[0] + value[1];
}

static void head_gradients(void **state)
{
    (void)state;
    static const int32_t targets[T] = {0, 6, -1, 3, 3, 1};
    static const float weights[T] = {1, 0.25f, 0, 2, 1, 0.5f};
    struct forward f = {
        .run = run_head,
        .in = {new_random(T * H), new_random(V * H)},
        .out = new_place(16),
        .extra = {new_place(ops->head_workspace(backend->self, T, H, V, STORAGE_F32)),
                  new_place(sizeof weights)},
        .ids = new_words(targets, T)};
    struct place gx = new_place(T * H * 4), gw = new_place(V * H * 4);
    backend->write(backend->self, f.extra[1], weights, sizeof weights);
    ops->head_loss(backend->self, f.out, gx, gw, f.in[0], STORAGE_F32, weight_of(f.in[1], V, H),
                   (struct targets){f.ids, f.extra[1]}, T, 1, Z_LOSS, f.extra[0]);
    check_gradient(&f, head_value, f.in[0], gx, T * H, "head, input");
    check_gradient(&f, head_value, f.in[1], gw, V * H, "head, weight");
    struct place all[] = {f.in[0], f.in[1], f.out, f.extra[0], f.extra[1], f.ids, gx, gw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

/* A weight is how often a token counts: twice is two tokens, and no weights are 1 each. */
static void weights_count_tokens(void **state)
{
    (void)state;
    static const int32_t targets[T] = {0, 6, -1, 3, 3, 1}, alone[T] = {-1, 6, -1, -1, -1, -1};
    static const float ones[T] = {1, 1, 1, 1, 1, 1}, heavy[T] = {1, 3, 1, 1, 1, 1};
    struct place x = new_random(T * H), head = new_random(V * H), weights = new_place(sizeof ones),
                 work = new_place(ops->head_workspace(backend->self, T, H, V, STORAGE_F32)),
                 loss = new_place(16), ids = new_words(targets, T), single = new_words(alone, T),
                 none = {NULL, 0};
    double sums[4][2];
    for (int i = 0; i < 4; i++) {
        backend->write(backend->self, weights, i == 2 ? heavy : ones, sizeof ones);
        ops->fill_zero(backend->self, loss, 16);
        ops->head_loss(backend->self, loss, none, none, x, STORAGE_F32, weight_of(head, V, H),
                       (struct targets){i == 3 ? single : ids, i == 0 ? none : weights}, T, 1,
                       Z_LOSS, work);
        backend->read(backend->self, sums[i], loss, sizeof sums[i]);
    }
    for (int z = 0; z < 2; z++) {
        assert_true(sums[0][z] == sums[1][z]);
        assert_float_equal(sums[2][z], sums[0][z] + 2 * sums[3][z], 1e-12 * sums[2][z]);
        assert_true(sums[3][z] > 0);
    }
    struct place all[] = {x, head, weights, work, loss, ids, single};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        release(all[i]);
}

/* Every element moves by less than alpha / sqrt(L H), both ways, by another number in the next
 * batch, and the numbers are uniform: their mean square is a third of the largest. */
static void noise_is_uniform(void **state)
{
    (void)state;
    enum { TOKENS = 40, WIDE = 100, COUNT = TOKENS * WIDE };
    static const int32_t offsets[] = {0, TOKENS};
    static const uint32_t key[2] = {1, 2};
    float values[2][COUNT];
    struct place x = new_place(COUNT * 4);
    double size = 3 / sqrt(COUNT), squares = 0, sum = 0;
    int same = 0;
    for (uint32_t batch = 0; batch < 2; batch++) {
        ops->fill_zero(backend->self, x, COUNT * 4);
        ops->add_noise(backend->self, x, STORAGE_F32, WIDE, (struct documents){offsets, 1}, 3, key,
                       batch);
        backend->read(backend->self, values[batch], x, COUNT * 4);
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
    release(x);
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
    struct place x = new_random(T * H), angles = new_place(sizeof table),
                 at = new_words(positions, T);
    backend->write(backend->self, angles, table, sizeof table);
    backend->read(backend->self, before, x, sizeof before);
    ops->rope(backend->self, x, STORAGE_F32, angles, at, T, 2, 4, false);
    backend->read(backend->self, turned, x, sizeof turned);
    ops->rope(backend->self, x, STORAGE_F32, angles, at, T, 2, 4, true);
    backend->read(backend->self, after, x, sizeof after);
    /* Position 1, first pair (0, 2) of the first head, by hand. */
    assert_true(fabsf(turned[8] - (before[8] * cosf(1) - before[10] * sinf(1))) < 1e-6f);
    for (int i = 0; i < T * H; i++)
        assert_true(fabsf(before[i] - after[i]) < 1e-6f);
    release(x);
    release(angles);
    release(at);
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
    struct place p = new_place(sizeof weights), g = new_place(sizeof gradient),
                 m = new_place(sizeof gradient), v = new_place(sizeof gradient);
    struct moments moments = {.type = MOMENTS_F32, .m = m, .v = v};
    backend->write(backend->self, p, weights, sizeof weights);
    backend->write(backend->self, g, gradient, sizeof gradient);
    for (uint32_t step = 1; step <= 100; step++) {
        struct adamw settings = {.lr = 1e-5f,
                                 .beta1 = 0.9f,
                                 .beta2 = 0.999f,
                                 .epsilon = 1e-8f,
                                 .correction1 = 1 - powf(0.9f, (float)step),
                                 .correction2 = 1 - powf(0.999f, (float)step),
                                 .gradient_scale = 1,
                                 .key = {42, step},
                                 .tensor = 3};
        ops->adamw(backend->self, p, STORAGE_BF16, (struct place){0}, moments, g, COUNT, &settings);
    }
    backend->read(backend->self, weights, p, sizeof weights);
    for (int i = 0; i < COUNT; i++)
        after += (double)bf16_to_float(weights[i]);
    double moved = (before - after) / COUNT;
    if (fabs(moved - 1e-3) > 5e-5)
        fail_msg("the mean moved by %g, not 1e-3", moved);
    release(p);
    release(g);
    release(m);
    release(v);
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
    struct place p = new_place(sizeof gradient), g = new_place(sizeof gradient);
    struct moments moments = {
        .type = MOMENTS_BF16, .m = new_place(sizeof ones), .v = new_place(sizeof ones)};
    const struct place places[] = {moments.m, moments.v};
    backend->write(backend->self, g, gradient, sizeof gradient);
    backend->write(backend->self, moments.m, ones, sizeof ones);
    backend->write(backend->self, moments.v, ones, sizeof ones);
    for (uint32_t step = 1; step <= 100; step++) {
        struct adamw settings = {.beta1 = 0.999f,
                                 .beta2 = 0.999f,
                                 .correction1 = 1,
                                 .correction2 = 1,
                                 .gradient_scale = 1,
                                 .key = {42, step}};
        ops->adamw(backend->self, p, STORAGE_F32, (struct place){0}, moments, g, COUNT, &settings);
    }
    for (int which = 0; which < 2; which++) {
        double moved = 0;
        backend->read(backend->self, ones, places[which], sizeof ones);
        for (int i = 0; i < COUNT; i++)
            moved += (double)bf16_to_float(ones[i]) - 1;
        if (fabs(moved / COUNT - expected[which]) > 0.02 * expected[which])
            fail_msg("moment %d moved by %g, not %g", which + 1, moved / COUNT, expected[which]);
        release(places[which]);
    }
    release(p);
    release(g);
}

static int open_backend(void **state)
{
    (void)state;
    int status = backend_open(&backend, "reference", 1, NULL);
    ops = status == 0 ? backend->train : NULL;
    return status;
}

static int close_backend(void **state)
{
    (void)state;
    backend_close(backend);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradients),
        cmocka_unit_test(rmsnorm_gradients),
        cmocka_unit_test(swiglu_gradients),
        cmocka_unit_test(attention_gradients),
        cmocka_unit_test(head_gradients),
        cmocka_unit_test(weights_count_tokens),
        cmocka_unit_test(noise_is_uniform),
        cmocka_unit_test(rope_is_a_rotation),
        cmocka_unit_test(stochastic_rounding_moves_the_mean),
        cmocka_unit_test(bf16_moments_move_in_the_mean),
    };
    return cmocka_run_group_tests(tests, open_backend, close_backend);
}
