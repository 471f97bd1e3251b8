/* The form's estimate is what a run with its settings takes, to the byte. */
#include "test_folder.h"

#include "base/file.h"
#include "job/job_dir.h"
#include "job/training.h"
#include "tui/app/session.h"

#include <string.h>

static void estimate(struct cost *cost, const char *model, const char *dtype)
{
    struct session session;
    struct error err = ERROR_INIT;
    session_init(&session);
    if (session_open(&session, model, &err) != 0)
        fail_msg("%s", err.text);
    snprintf(session.settings.values[SETTING_METHOD], SETTING_VALUE_MAX, "full");
    snprintf(session.settings.values[SETTING_SEQ_LEN], SETTING_VALUE_MAX, "4");
    snprintf(session.settings.values[SETTING_BATCH], SETTING_VALUE_MAX, "3");
    snprintf(session.settings.values[SETTING_DTYPE], SETTING_VALUE_MAX, "%s", dtype);
    snprintf(session.settings.values[SETTING_DEVICE], SETTING_VALUE_MAX, "cpu");
    session_cost_changed(&session);
    *cost = session.cost;
    session_free(&session);
}

static void keep_bytes(void *context, const struct training_start *start)
{
    memcpy(context, start->memory->bytes, sizeof start->memory->bytes);
}

static void run(uint64_t bytes[MEMORY_CATEGORIES], const char *model, const char *dtype)
{
    char *const arguments[] = {(char *)"train"};
    char *text = path_join(folder, "text.txt", NULL), *run = path_join(folder, dtype, NULL);
    const char *data[] = {text};
    const struct training_request request = {
        .model = model,
        .run = run,
        .method = METHOD_FULL,
        .data = data,
        .data_count = 1,
        .device = "cpu",
        .threads = 2,
        .dtype = dtype,
        .master = "fp32",
        .sample_tokens = 48, /* as the sub-command has it */
        .is = {.steps = 1,
               .rate = 1e-5,
               .seq_len = 4,
               .batch = 3,
               .accumulate = 1,
               .keep = 1,
               .optimizer = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}},
        .argc = 1,
        .argv = arguments};
    const struct training_view view = {.context = bytes, .on_start = keep_bytes};
    struct error err = ERROR_INIT;
    static const char words[] = "Once there was a little boat, and it loved the sea.";
    assert_int_equal(file_save(text, words, sizeof words - 1, NULL), 0);
    assert_int_equal(job_dir_create(run, &err), 0);
    if (training_run(&request, false, &view, &err) != 0)
        fail_msg("%s", err.text);
    free(text);
    free(run);
}

static void estimate_is_the_run(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    static const char *const dtypes[] = {"fp32", "bf16"};
    char *model = path_join(shared, "models/stories260K-gguf/stories260K-F16.gguf", NULL);
    for (int i = 0; i < 2; i++) {
        struct cost cost;
        uint64_t bytes[MEMORY_CATEGORIES] = {0}, total = 0;
        estimate(&cost, model, dtypes[i]);
        run(bytes, model, dtypes[i]);
        assert_true(cost.known);
        for (int c = 0; c < MEMORY_CATEGORIES; c++) {
            assert_int_equal(cost.bytes[c], bytes[c]);
            total += bytes[c];
        }
        assert_int_equal(cost.total, total);
    }
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(estimate_is_the_run, make_folder, remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
