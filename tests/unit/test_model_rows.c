/* Rows behind a table's own: how many, what stands in them, and what else becomes larger. */
#include "test.h"

#include "model/model.h"

#include <math.h>
#include <string.h>

static struct model *open_tiny(const char *name)
{
    char path[1200];
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/train/%s", getenv("SPECTRUM_TEST_DATA"), name);
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    return model;
}

static float *read_table(const struct model *model, enum parameter_role role, int64_t *rows,
                         int64_t *cols)
{
    const struct parameter *parameter = model_role(model, role, -1, false);
    assert_non_null(parameter);
    float *values = malloc((size_t)parameter->numel * sizeof *values);
    assert_int_equal(model_read_f32(model, parameter, values, NULL), 0);
    *rows = parameter->rows;
    *cols = parameter->cols;
    return values;
}

/* The table's own rows stay; each new one is their mean, to the last bit of an fp32. */
static void check_table(const float *before, const float *after, int64_t own, int64_t rows,
                        int64_t cols)
{
    assert_memory_equal(before, after, (size_t)(own * cols) * sizeof *before);
    for (int64_t j = 0; j < cols; j++) {
        double mean = 0;
        for (int64_t i = 0; i < own; i++)
            mean += (double)before[i * cols + j] / (double)own;
        for (int64_t i = own; i < rows; i++)
            assert_true(fabs((double)after[i * cols + j] - mean) <= 1e-7 * (1 + fabs(mean)));
    }
}

static void add_to(const char *name, enum parameter_role role, int64_t more)
{
    struct model *model = open_tiny(name);
    int64_t own, rows, cols;
    char before_text[HASH_TEXT_SIZE], after_text[HASH_TEXT_SIZE];
    float *before = read_table(model, role, &own, &cols);
    assert_int_equal(model_fingerprint_config(model, before_text, NULL), 0);
    assert_int_equal(model_add_rows(model, own + more, NULL), 0);
    float *after = read_table(model, role, &rows, &cols);
    assert_int_equal(model_fingerprint_config(model, after_text, NULL), 0);
    assert_int_equal(rows, own + more);
    assert_int_equal(model->config.vocab, own + more);
    assert_int_equal(model_check_trainable(model, NULL), 0);
    assert_true((strcmp(before_text, after_text) == 0) == (more == 0));
    check_table(before, after, own, rows, cols);
    free(before);
    free(after);
    model_close(model);
}

static void rows_are_the_mean(void **state)
{
    (void)state;
    add_to("llama_tied", ROLE_EMBEDDING, 3);
    add_to("llama_untied", ROLE_EMBEDDING, 2);
    add_to("llama_untied", ROLE_HEAD, 2);
    add_to("llama_untied", ROLE_HEAD, 0);
}

/* Rows that are there are enough; tables of any size are not made. */
static void bounds(void **state)
{
    (void)state;
    struct model *model = open_tiny("llama_tied");
    int64_t vocab = model->config.vocab, parameters = model_numel(model);
    struct error err = ERROR_INIT;
    assert_int_equal(model_add_rows(model, 1, NULL), 0);
    assert_int_equal(model->config.vocab, vocab);
    assert_int_equal(model_numel(model), parameters);
    assert_int_equal(model_add_rows(model, INT64_MAX, &err), -1);
    assert_int_equal(model_add_rows(model, -1, &err), -1);
    assert_int_equal(model->config.vocab, vocab);
    assert_int_equal(model_add_rows(model, vocab + 1, NULL), 0);
    assert_int_equal(model_add_rows(model, vocab + 2, NULL), 0); /* once more */
    assert_int_equal(model_numel(model), parameters + 2 * model->config.hidden);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_mean),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
