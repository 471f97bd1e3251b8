/* Quantised weights and 8-bit moments against bitsandbytes (tests/oracle/make_quantizers.py): codes
 * and scales to the bit, values to the bit on every back end, ten steps of 8-bit AdamW. */
#include "test.h"

#include "base/folder.h"
#include "base/number.h"
#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "compute/devices/devices.h"
#include "compute/quantize.h"

#include <math.h>
#include <string.h>

static struct checkpoint *oracle;

static const struct tensor_info *find(const char *name, const char *part)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return checkpoint_find(oracle, full);
}

/* The oracle's bytes, which the caller frees; *count is its elements. */
static void *read_bytes(const char *name, const char *part, int64_t *count)
{
    struct error err = ERROR_INIT;
    const struct tensor_info *tensor = find(name, part);
    if (!tensor)
        fail_msg("the oracle has no %s.%s", name, part);
    void *bytes = malloc(tensor->bytes);
    if (checkpoint_read_raw(oracle, tensor, 0, tensor->bytes, bytes, &err) != 0)
        fail_msg("%s", err.text);
    if (count)
        *count = tensor->elements;
    return bytes;
}

static float *read_floats(const char *name, const char *part, int64_t *count)
{
    struct error err = ERROR_INIT;
    const struct tensor_info *tensor = find(name, part);
    assert_non_null(tensor);
    float *values = malloc((size_t)tensor->elements * sizeof *values);
    if (checkpoint_read_f32(oracle, tensor, 0, tensor->elements, values, &err) != 0)
        fail_msg("%s", err.text);
    *count = tensor->elements;
    return values;
}

static void check_bytes(const char *name, const char *part, const void *own)
{
    const struct tensor_info *tensor = find(name, part);
    uint8_t *theirs = read_bytes(name, part, NULL);
    for (uint64_t i = 0; i < tensor->bytes; i++)
        if (theirs[i] != ((const uint8_t *)own)[i])
            fail_msg("%s.%s: byte %llu of %llu is %d, bitsandbytes has %d", name, part,
                     (unsigned long long)i, (unsigned long long)tensor->bytes,
                     ((const uint8_t *)own)[i], theirs[i]);
    free(theirs);
}

/* --- the dynamic maps --- */

static void maps_are_bitsandbytes(void **state)
{
    (void)state;
    check_bytes("map", "signed", dynamic_codes(DYNAMIC_SIGNED)->values);
    check_bytes("map", "unsigned", dynamic_codes(DYNAMIC_UNSIGNED)->values);
}

static int32_t nearest_of_all(const struct dynamic_codes *codes, float x)
{
    int32_t best = 0;
    for (int32_t i = 1; i < DYNAMIC_CODES; i++)
        if (fabs((double)x - (double)codes->values[i]) <
            fabs((double)x - (double)codes->values[best]))
            best = i;
    return best;
}

static void check_nearest(const struct dynamic_codes *codes, float x)
{
    int32_t found = dynamic_nearest(codes, x), best = nearest_of_all(codes, x);
    double away = fabs((double)x - (double)codes->values[found]);
    double least = fabs((double)x - (double)codes->values[best]);
    /* A boundary is the middle rounded to f32: within its last place either side will do. */
    if (away > least && away - least > 1.2e-7 * fabs((double)x))
        fail_msg("%.9g has code %d, %d is nearer", (double)x, found, best);
}

/* Every boundary and what is beside it, every bucket's ends, and numbers between. */
static void the_nearest_code_is_found(void **state)
{
    (void)state;
    for (int map = DYNAMIC_SIGNED; map <= DYNAMIC_UNSIGNED; map++) {
        const struct dynamic_codes *codes = dynamic_codes((enum dynamic_map)map);
        float sign = map == DYNAMIC_SIGNED ? -1 : 1;
        for (int i = 0; i + 1 < DYNAMIC_CODES; i++) {
            float bound = codes->bounds[i];
            assert_int_equal(dynamic_nearest(codes, bound), i);
            assert_int_equal(dynamic_nearest(codes, nextafterf(bound, 2)), i + 1);
            assert_int_equal(dynamic_nearest(codes, nextafterf(bound, -2)), i);
            assert_int_equal(dynamic_nearest(codes, codes->values[i]), i);
        }
        for (uint32_t bits = 0x33000000u; bits <= 0x3F800000u; bits += 0x2FFF) {
            check_nearest(codes, float_from_bits(bits));
            check_nearest(codes, sign * float_from_bits(bits));
        }
        check_nearest(codes, 0);
        check_nearest(codes, sign * 0);
    }
}

static void odd_numbers_have_some_code(void **state)
{
    (void)state;
    const struct dynamic_codes *codes = dynamic_codes(DYNAMIC_SIGNED);
    const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 3, -3, 1e-45f, -1e-45f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        int32_t code = dynamic_nearest(codes, odd[i]);
        assert_true(code >= 0 && code < DYNAMIC_CODES);
    }
    assert_int_equal(dynamic_nearest(codes, INFINITY), 255);
    assert_int_equal(dynamic_nearest(codes, -INFINITY), 0);
}

static void blocks_are_bitsandbytes(void **state)
{
    (void)state;
    static const char *const names[] = {"block256", "block100"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t count;
        uint8_t codes[DYNAMIC_BLOCK];
        float absmax, *values = read_floats(names[i], "x", &count);
        assert_true(count <= DYNAMIC_BLOCK);
        dynamic_quantize(codes, &absmax, DYNAMIC_SIGNED, values, count);
        check_bytes(names[i], "codes", codes);
        check_bytes(names[i], "absmax", &absmax);
        free(values);
    }
}

/* --- weights --- */

struct quantized {
    uint8_t *data, *scales;
    struct stored_bytes bytes;
    int64_t rows, cols;
    enum storage storage;
};

static struct quantized quantize(const float *values, int64_t rows, int64_t cols,
                                 enum storage storage)
{
    struct quantized q = {.bytes = storage_bytes(storage, rows * cols),
                          .rows = rows,
                          .cols = cols,
                          .storage = storage};
    /* Exactly what is needed: a sanitizer sees a byte too many. */
    q.data = malloc(q.bytes.data);
    q.scales = malloc(q.bytes.scales);
    quantize_weight(q.data, q.scales, storage, values, rows * cols);
    return q;
}

static void quantized_free(struct quantized *q)
{
    free(q->data);
    free(q->scales);
}

static struct place new_place(struct backend *backend, const void *bytes, size_t count)
{
    struct place place = {backend->alloc(backend->self, count, NULL), 0};
    assert_non_null(place.buffer);
    if (bytes)
        backend->write(backend->self, place, bytes, count);
    return place;
}

/* What the back end makes of it, of `type`; the caller frees it. */
static void *dequantize(struct backend *backend, const struct quantized *q, enum storage type)
{
    size_t bytes = (size_t)(q->rows * q->cols) * storage_size(type);
    struct tensor weight = {.data = new_place(backend, q->data, q->bytes.data),
                            .scales = new_place(backend, q->scales, q->bytes.scales),
                            .storage = q->storage,
                            .rows = q->rows,
                            .cols = q->cols};
    struct tensor out = tensor_at(new_place(backend, NULL, bytes), type, q->rows, q->cols);
    void *values = malloc(bytes);
    backend_run(backend,
                &(struct op_call){OP_DEQUANTIZE, .dequantize = {.out = out, .weight = weight}});
    backend->read(backend->self, values, out.data, bytes);
    backend->free(backend->self, out.data.buffer);
    backend->free(backend->self, weight.data.buffer);
    backend->free(backend->self, weight.scales.buffer);
    return values;
}

/* Calls `run` with the reference, the checked back end and the CPU's every level that is here. */
static void on_every_backend(void (*run)(struct backend *backend))
{
    static const char *const names[] = {"reference", "checked", "base",
                                        "avx2",      "avx512",  "avx512bf16"};
    int here = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct backend *backend;
        struct error err = ERROR_INIT;
        if ((i < 2 ? backend_open(&backend, names[i], 2, &err)
                   : cpu_backend_new(&backend, names[i], 2, &err)) != 0)
            continue;
        run(backend);
        backend_close(backend);
        here++;
    }
    assert_true(here >= 3);
}

static const char *const cases[] = {"normal",   "one",  "short", "outliers",    "zero",
                                    "zero_end", "ties", "split", "split_short", "large"};

static struct quantized quantize_case(const char *name)
{
    int64_t count, *shape = read_bytes(name, "shape", NULL);
    float *values = read_floats(name, "x", &count);
    assert_int_equal(count, shape[0] * shape[1]);
    struct quantized q = quantize(values, shape[0], shape[1], STORAGE_NF4);
    free(values);
    free(shape);
    return q;
}

static void nf4_codes_and_scales_are_bitsandbytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quantized q = quantize_case(cases[i]);
        size_t groups = (size_t)find(cases[i], "absmax2")->elements;
        size_t blocks = (size_t)find(cases[i], "q")->elements;
        assert_int_equal(q.bytes.data, find(cases[i], "codes")->bytes);
        assert_int_equal(q.bytes.scales, 4 + 4 * groups + blocks);
        check_bytes(cases[i], "codes", q.data);
        check_bytes(cases[i], "offset", q.scales);
        check_bytes(cases[i], "absmax2", q.scales + 4);
        check_bytes(cases[i], "q", q.scales + 4 + 4 * groups);
        quantized_free(&q);
    }
    assert_int_equal(find("large", "absmax2")->elements, 2);
}

static void check_hash(const char *name, const char *part, const uint8_t *bytes, size_t count)
{
    uint64_t *theirs = read_bytes(name, part, NULL), hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3u;
    if (hash != *theirs)
        fail_msg("%s.%s: the values differ from bitsandbytes'", name, part);
    free(theirs);
}

static void check_values(struct backend *backend)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quantized q = quantize_case(cases[i]);
        size_t count = (size_t)(q.rows * q.cols);
        void *wide = dequantize(backend, &q, STORAGE_F32);
        void *narrow = dequantize(backend, &q, STORAGE_BF16);
        if (find(cases[i], "values")) {
            check_bytes(cases[i], "values", wide);
            check_bytes(cases[i], "values_bf16", narrow);
        } else {
            check_hash(cases[i], "values.hash", wide, count * 4);
            check_hash(cases[i], "values_bf16.hash", narrow, count * 2);
        }
        free(wide);
        free(narrow);
        quantized_free(&q);
    }
}

static void nf4_values_are_bitsandbytes(void **state)
{
    (void)state;
    on_every_backend(check_values);
}

/* Where torch.mean rounds more than once, only the offset's last place differs. */
static void offset_is_the_mean(void **state)
{
    (void)state;
    struct quantized q = quantize_case("fine");
    float *offset = read_bytes("fine", "offset", NULL), own;
    memcpy(&own, q.scales, sizeof own);
    check_bytes("fine", "codes", q.data);
    assert_true(fabsf(own - *offset) <= 2.4e-7f * *offset);
    free(offset);
    quantized_free(&q);
}

/* Half a step of the block's absmax, and the absmax itself exactly. */
static void check_int8(struct backend *backend)
{
    enum { ROWS = 7, COLS = 75, COUNT = ROWS * COLS };
    float x[COUNT];
    struct random_stream stream = {.seed = 5};
    for (int i = 0; i < COUNT; i++)
        x[i] = i / 64 == 2 ? 0 : (float)random_normal(&stream);
    x[64] = 3e38f;
    x[COUNT - 1] = 1e-40f;
    struct quantized q = quantize(x, ROWS, COLS, STORAGE_INT8);
    float *values = dequantize(backend, &q, STORAGE_F32);
    uint16_t *narrow = dequantize(backend, &q, STORAGE_BF16);
    for (int at = 0; at < COUNT; at += 64) {
        float largest = 0;
        for (int i = at; i < COUNT && i < at + 64; i++)
            largest = fmaxf(largest, fabsf(x[i]));
        for (int i = at; i < COUNT && i < at + 64; i++) {
            if (!(fabsf(values[i] - x[i]) <= largest / 254 * 1.0001f))
                fail_msg("int8, element %d: %g for %g", i, (double)values[i], (double)x[i]);
            assert_int_equal(narrow[i], bf16_from_float(values[i]));
            if (fabsf(x[i]) == largest)
                assert_true(fabsf(values[i] - x[i]) <= 1.2e-7f * largest);
        }
    }
    free(values);
    free(narrow);
    quantized_free(&q);
}

static void int8_is_within_half_a_step(void **state)
{
    (void)state;
    assert_int_equal(storage_bytes(STORAGE_INT8, 65).data, 65);
    assert_int_equal(storage_bytes(STORAGE_INT8, 65).scales, 8);
    on_every_backend(check_int8);
}

/* Halves go to the even code: 127 is the largest, and so a code is x itself. */
static void int8_rounds_to_even(void **state)
{
    (void)state;
    const float x[] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, -127};
    const int8_t codes[] = {127, 0, 2, 2, 0, -2, -2, -127};
    struct quantized q = quantize(x, 1, 8, STORAGE_INT8);
    assert_memory_equal(q.data, codes, sizeof codes);
    quantized_free(&q);
}

/* --- 8-bit AdamW --- */

enum { COUNT = 4096 + 100, STEPS = 10, TURN = 37 };

struct steps {
    struct backend *backend;
    struct tensor p, g, m, v;
    float *gradient;
};

static void take_step(const struct steps *steps, int step)
{
    static float turned[COUNT];
    struct backend *backend = steps->backend;
    for (int i = 0; i < COUNT; i++)
        turned[i] = ldexpf(steps->gradient[(i + TURN * step) % COUNT], -((step - 1) % 4));
    backend->write(backend->self, steps->g.data, turned, sizeof turned);
    const struct step_settings settings = {.lr = 0.01f,
                                           .beta1 = 0.9f,
                                           .beta2 = 0.999f,
                                           .epsilon = 1e-8f,
                                           .weight_decay = 0.1f,
                                           .correction1 = (float)(1 - pow((double)0.9f, step)),
                                           .correction2 = (float)(1 - pow((double)0.999f, step)),
                                           .gradient_scale = 1};
    backend_run(backend, &(struct op_call){OP_ADAMW, .adamw = {.parameter = steps->p,
                                                               .m = steps->m,
                                                               .v = steps->v,
                                                               .gradient = steps->g,
                                                               .settings = settings}});
}

/* Codes may be one off where a value lies between two, which is rare. Scales are off by rounding,
 * and by that of 1 - beta2, which is 1.3e-5 for an f32 beta2. */
static void compare_moment(const struct steps *steps, const char *name, const char *data,
                           const char *scales, const struct tensor *moment)
{
    static uint8_t own[COUNT];
    static float own_scales[COUNT / DYNAMIC_BLOCK + 1];
    struct backend *backend = steps->backend;
    uint8_t *theirs = read_bytes(name, data, NULL);
    int64_t blocks;
    float *their_scales = read_floats(name, scales, &blocks);
    int differ = 0;
    assert_int_equal((size_t)blocks * 4, storage_bytes(STORAGE_DYNAMIC8, COUNT).scales);
    backend->read(backend->self, own, moment->data, sizeof own);
    backend->read(backend->self, own_scales, moment->scales, (size_t)blocks * 4);
    for (int i = 0; i < COUNT; i++) {
        if (abs(own[i] - theirs[i]) > 1)
            fail_msg("%s.%s: code %d is %d, not %d", name, data, i, own[i], theirs[i]);
        differ += own[i] != theirs[i];
    }
    if (differ > COUNT / 1000)
        fail_msg("%s.%s: %d codes differ", name, data, differ);
    for (int64_t i = 0; i < blocks; i++)
        if (!(fabsf(own_scales[i] - their_scales[i]) <= 1e-6f * their_scales[i]))
            fail_msg("%s.%s: block %d: %.9g, not %.9g", name, scales, (int)i, (double)own_scales[i],
                     (double)their_scales[i]);
    free(theirs);
    free(their_scales);
}

/* An element whose code went the other way may be a thousandth of a step off. */
static void compare_parameters(const struct steps *steps, const char *name)
{
    static float own[COUNT];
    int64_t count;
    float *theirs = read_floats(name, "p", &count);
    int differ = 0;
    steps->backend->read(steps->backend->self, own, steps->p.data, sizeof own);
    for (int i = 0; i < COUNT; i++) {
        double off = fabs((double)own[i] - (double)theirs[i]);
        if (!(off <= 2e-3))
            fail_msg("%s: parameter %d is %.9g, not %.9g", name, i, (double)own[i],
                     (double)theirs[i]);
        differ += off > 2e-6 * fmax(0.1, fabs((double)theirs[i]));
    }
    if (differ > COUNT / 1000)
        fail_msg("%s: %d parameters differ by more than rounding", name, differ);
    free(theirs);
}

static void compare_steps(const struct steps *steps, const char *name)
{
    compare_parameters(steps, name);
    compare_moment(steps, name, "m", "m_scales", &steps->m);
    compare_moment(steps, name, "v", "v_scales", &steps->v);
}

static struct place new_zeros(struct backend *backend, size_t bytes)
{
    struct place place = new_place(backend, NULL, bytes);
    backend_run(backend,
                &(struct op_call){OP_FILL_ZERO, .fill_zero = {tensor_of_bytes(place, bytes)}});
    return place;
}

static struct tensor new_moment(struct backend *backend)
{
    struct stored_bytes bytes = storage_bytes(STORAGE_DYNAMIC8, COUNT);
    struct tensor moment = tensor_at(new_zeros(backend, bytes.data), STORAGE_DYNAMIC8, 1, COUNT);
    moment.scales = new_zeros(backend, bytes.scales);
    return moment;
}

static void check_adamw(struct backend *backend)
{
    int64_t count;
    float *start = read_floats("adamw", "start", &count);
    assert_int_equal(count, COUNT);
    struct steps steps = {
        .backend = backend,
        .p = tensor_at(new_place(backend, start, COUNT * 4), STORAGE_F32, 1, COUNT),
        .g = tensor_at(new_zeros(backend, COUNT * 4), STORAGE_F32, 1, COUNT),
        .m = new_moment(backend),
        .v = new_moment(backend),
        .gradient = read_floats("adamw", "gradient", &count)};
    for (int step = 1; step <= STEPS; step++) {
        char name[24];
        take_step(&steps, step);
        snprintf(name, sizeof name, "adamw.%d", step);
        if (find(name, "p"))
            compare_steps(&steps, name);
    }
    const struct place places[] = {steps.p.data, steps.g.data,   steps.m.data,
                                   steps.v.data, steps.m.scales, steps.v.scales};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        backend->free(backend->self, places[i].buffer);
    free(steps.gradient);
    free(start);
}

static void eight_bit_adamw_is_bitsandbytes(void **state)
{
    (void)state;
    assert_non_null(find("adamw.1", "p"));
    assert_non_null(find("adamw.10", "p"));
    on_every_backend(check_adamw);
}

static void moments_take_what_their_type_says(void **state)
{
    (void)state;
    assert_int_equal(storage_bytes(STORAGE_F32, 5000).data, 20000);
    assert_int_equal(storage_bytes(STORAGE_BF16, 5000).data, 10000);
    assert_int_equal(storage_bytes(STORAGE_BF16, 5000).scales, 0);
    assert_int_equal(storage_bytes(STORAGE_DYNAMIC8, 5000).data, 5000);
    assert_int_equal(storage_bytes(STORAGE_DYNAMIC8, 5000).scales, 80);
}

static int open_oracle(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "compute/quantizers.safetensors", NULL);
    int status = checkpoint_open(&oracle, path, &err);
    if (status != 0)
        fprintf(stderr, "%s\n", err.text);
    free(path);
    return status;
}

static int close_oracle(void **state)
{
    (void)state;
    checkpoint_close(oracle);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_bitsandbytes),
        cmocka_unit_test(the_nearest_code_is_found),
        cmocka_unit_test(odd_numbers_have_some_code),
        cmocka_unit_test(blocks_are_bitsandbytes),
        cmocka_unit_test(nf4_codes_and_scales_are_bitsandbytes),
        cmocka_unit_test(nf4_values_are_bitsandbytes),
        cmocka_unit_test(offset_is_the_mean),
        cmocka_unit_test(int8_is_within_half_a_step),
        cmocka_unit_test(int8_rounds_to_even),
        cmocka_unit_test(eight_bit_adamw_is_bitsandbytes),
        cmocka_unit_test(moments_take_what_their_type_says),
    };
    return cmocka_run_group_tests(tests, open_oracle, close_oracle);
}
