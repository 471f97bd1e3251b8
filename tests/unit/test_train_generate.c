/* Text from the model stays within the positions that its rotary table has, and data within its
 * embedding. */
#include "test.h"

#include "base/folder.h"
#include "compute/devices/devices.h"
#include "train/generate.h"

#include <string.h>

enum { POSITIONS = 6 };

struct bench {
    struct model *model;
    struct backend *backend;
    struct transformer *transformer;
};

/* Room for four rows of a batch, each of POSITIONS. */
static void bench_open(struct bench *bench, const char *shared)
{
    struct error err = ERROR_INIT;
    const struct transformer_options options = {.tokens = 4 * POSITIONS,
                                                .max_positions = POSITIONS,
                                                .storage = STORAGE_F32,
                                                .generation = true};
    char *path = path_join(shared, "models/stories260K-hf-f32", NULL);
    if (model_open(&bench->model, path, &err) != 0 ||
        backend_open(&bench->backend, "cpu", 2, &err) != 0 ||
        transformer_new(&bench->transformer, bench->backend, bench->model, &options, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
}

static void bench_close(struct bench *bench)
{
    transformer_free(bench->transformer);
    backend_close(bench->backend);
    model_close(bench->model);
}

static void more_tokens_than_positions_are_refused(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    struct bench bench;
    struct error err = ERROR_INIT;
    const int32_t ids[POSITIONS + 1] = {1, 3, 5, 7, 9, 11, 13};
    bench_open(&bench, shared);
    float *logits = malloc((size_t)bench.model->config.vocab * sizeof *logits);
    assert_int_equal(transformer_logits(bench.transformer, ids, POSITIONS, logits, &err), 0);
    assert_int_equal(transformer_logits(bench.transformer, ids, POSITIONS + 1, logits, &err), -1);
    assert_non_null(strstr(err.text, "takes 1 to 6"));
    assert_int_equal(transformer_logits(bench.transformer, ids, 0, logits, NULL), -1);
    free(logits);
    bench_close(&bench);
}

static void text_ends_where_positions_do(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    struct bench bench;
    struct error err = ERROR_INIT;
    static const struct sampling likeliest = {0};
    int32_t ids[4 * POSITIONS] = {1, 3};
    int64_t count = 2;
    bench_open(&bench, shared);
    assert_int_equal(
        generate(bench.transformer, ids, &count, 4 * POSITIONS, 100, NULL, &likeliest, NULL, &err),
        0);
    assert_int_equal(count, POSITIONS);
    bench_close(&bench);
}

static void ids_without_a_row_are_refused(void **state)
{
    (void)state;
    struct model model = {.config = {.vocab = 7}};
    int32_t ids[] = {0, 6, 3};
    const struct dataset data = {.ids = ids, .tokens = 3};
    struct error err = ERROR_INIT;
    assert_int_equal(transformer_check_ids(&model, &data, NULL, &err), 0);
    ids[2] = 7;
    assert_int_equal(transformer_check_ids(&model, &data, NULL, &err), -1);
    assert_non_null(strstr(err.text, "token 7, but the model has 7"));
    ids[2] = -1;
    assert_int_equal(transformer_check_ids(&model, &data, NULL, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_tokens_than_positions_are_refused),
        cmocka_unit_test(text_ends_where_positions_do),
        cmocka_unit_test(ids_without_a_row_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
