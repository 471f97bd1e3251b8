/* Products of bf16 where the processor has none: oneDNN is told to use AVX2 at most, which leaves
 * it without them, and the panels that take their place are compared with sums in double. */
#include "test.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/cpu/products.h"

#include <math.h>
#include <string.h>

/* An operand of bf16 numbers, rows x cols, with some columns of its memory unused. */
struct numbers {
    uint16_t *data;
    struct operand as;
};

static struct numbers numbers_new(int64_t rows, int64_t cols, bool transposed, int seed)
{
    struct random_stream stream = {(uint64_t)seed, 0};
    int64_t stride = (transposed ? rows : cols) + 3, lines = transposed ? cols : rows;
    struct numbers out = {malloc((size_t)(lines * stride) * sizeof(uint16_t)), {0}};
    for (int64_t i = 0; i < lines * stride; i++)
        out.data[i] = bf16_from_float((float)random_normal(&stream));
    out.as =
        (struct operand){out.data, STORAGE_BF16, transposed ? 1 : stride, transposed ? stride : 1};
    return out;
}

static double at(const struct operand *operand, int64_t row, int64_t col)
{
    const uint16_t *data = operand->data;
    return (double)bf16_to_float(data[row * operand->row_stride + col * operand->col_stride]);
}

static double c_at(const struct matmul *matmul, const void *c, int64_t i)
{
    return matmul->c_storage == STORAGE_F32 ? (double)((const float *)c)[i]
                                            : (double)bf16_to_float(((const uint16_t *)c)[i]);
}

static double expected(const struct matmul *matmul, const void *before, int64_t i, int64_t j)
{
    double sum = matmul->accumulate == ADD ? c_at(matmul, before, i * matmul->n + j) : 0;
    if (matmul->bias)
        sum += (double)bf16_to_float(((const uint16_t *)matmul->bias)[j]);
    for (int64_t l = 0; l < matmul->k; l++)
        sum += at(&matmul->a, i, l) * at(&matmul->b, l, j);
    return sum;
}

/* fp32 sums of k products, and one rounding to bf16. */
static void check(const struct matmul *matmul, const void *before)
{
    double narrow = matmul->c_storage == STORAGE_BF16 ? 0x1p-8 : 0;
    double bound = 1e-5 * sqrt((double)matmul->k) + 1e-6;
    for (int64_t i = 0; i < matmul->m; i++)
        for (int64_t j = 0; j < matmul->n; j++) {
            double is = c_at(matmul, matmul->c, i * matmul->n + j);
            double should = expected(matmul, before, i, j);
            if (!(fabs(is - should) <= bound + narrow * fabs(should)))
                fail_msg("%lld x %lld x %lld: (%lld, %lld) is %g and should be %g",
                         (long long)matmul->m, (long long)matmul->n, (long long)matmul->k,
                         (long long)i, (long long)j, is, should);
        }
}

struct form {
    bool a_transposed, b_transposed, bias;
    enum storage c_storage;
    enum accumulate accumulate;
};

static void run(struct products *products, const struct form *form, const int64_t size[3])
{
    int64_t m = size[0], n = size[1], k = size[2];
    size_t bytes = (size_t)(m * n) * storage_size(form->c_storage);
    struct numbers a = numbers_new(m, k, form->a_transposed, 1);
    struct numbers b = numbers_new(k, n, form->b_transposed, 2);
    struct numbers bias = numbers_new(1, n, false, 3);
    void *c = malloc(bytes), *before = malloc(bytes);
    struct random_stream stream = {4, 0};
    for (int64_t i = 0; i < m * n; i++) {
        float value = (float)random_normal(&stream);
        if (form->c_storage == STORAGE_F32)
            ((float *)c)[i] = value;
        else
            ((uint16_t *)c)[i] = bf16_from_float(value);
    }
    memcpy(before, c, bytes);
    const struct matmul matmul = {.c = c,
                                  .c_storage = form->c_storage,
                                  .c_stride = n,
                                  .accumulate = form->accumulate,
                                  .a = a.as,
                                  .b = b.as,
                                  .bias = form->bias ? bias.data : NULL,
                                  .m = m,
                                  .n = n,
                                  .k = k};
    assert_true(products_have(products, &matmul));
    assert_memory_equal(c, before, bytes);
    assert_true(products_run(products, &matmul));
    check(&matmul, before);
    free(a.data);
    free(b.data);
    free(bias.data);
    free(c);
    free(before);
}

/* What layers and the head ask for, at sizes on both sides of every panel's edge. */
static void bf16_products_are_everywhere(void **state)
{
    (void)state;
    static const struct form forms[] = {
        {false, true, true, STORAGE_BF16, REPLACE},   /* a layer */
        {false, true, false, STORAGE_F32, REPLACE},   /* logits */
        {false, false, false, STORAGE_BF16, REPLACE}, /* an input gradient */
        {false, false, false, STORAGE_BF16, ADD},     /* ..., added */
        {true, false, false, STORAGE_F32, ADD},       /* a weight gradient */
    };
    static const int64_t sizes[][3] = {{1, 1, 1},    {37, 65, 96},   {520, 20, 30}, {4, 1030, 9},
                                       {5, 7, 1050}, {1, 1025, 513}, {513, 1, 1025}};
    struct error err = ERROR_INIT;
    struct products *products = products_new(&err);
    assert_non_null(products);
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            run(products, &forms[f], sizes[s]);
    products_free(products);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bf16_products_are_everywhere)};
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1); /* read when oneDNN is first used */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
