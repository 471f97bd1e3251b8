/* The form's estimate is what a run with its settings takes, to the byte, and what it trains. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/training/training.h"
#include "tui/session/session_open.h"

#include <string.h>

static const char plan_name[] = "plan.yaml";

/* What a run is asked for, in the form's words and in the sub-command's. */
struct asked {
    const char *dtype, *method, *rank, *optimizer, *frozen, *clip;
    enum frozen_type frozen_type;
    enum optimizer_kind kind;
    const char *limit; /* of memory; NULL: none */
};

static void set(struct session *session, size_t field, const char *value)
{
    assert_true(settings_type(&session->settings, field, value));
}

/* One block and the embeddings, by hand: no scan is needed. */
static void choose_plan(struct session *session)
{
    size_t matched;
    struct buffer text = BUFFER_INIT;
    char *path = path_join(folder, plan_name, NULL);
    assert_int_equal(plan_set_matching(session->plan, "layers\\.1\\.|embed", true, &matched, NULL),
                     0);
    session_put_plan(session, PLAN_YAML, &text);
    assert_int_equal(file_save(path, text.data, text.length, NULL), 0);
    buffer_free(&text);
    free(path);
}

static struct training_room room; /* of what estimate() was asked for last */

static void estimate(struct training_estimate *cost, const char *model, const struct asked *asked)
{
    struct training_request request;
    struct session session;
    struct error err = ERROR_INIT;
    session_init(&session);
    if (session_open(&session, model, &err) != 0)
        fail_msg("%s", err.text);
    settings_free(&session.settings); /* what is proposed beside the demonstration's model */
    settings_init(&session.settings);
    choose_plan(&session);
    set(&session, SETTING(run), folder);
    set(&session, SETTING(method), asked->method);
    set(&session, SETTING(rank), asked->rank);
    set(&session, SETTING(optimizer), asked->optimizer);
    set(&session, SETTING(frozen), asked->frozen);
    set(&session, SETTING(clip), asked->clip);
    set(&session, SETTING(accumulate), "1");
    set(&session, SETTING(seq_len), "4");
    set(&session, SETTING(batch), "3");
    set(&session, SETTING(dtype), asked->dtype);
    set(&session, SETTING(device), "cpu");
    set(&session, SETTING(memory_limit), asked->limit ? asked->limit : "");
    session_cost_changed(&session);
    *cost = session.form_cost;
    settings_request(&session.settings, &request);
    training_room_look(&room, cost, &request);
    training_request_free(&request);
    session_free(&session);
}

struct started {
    uint64_t bytes[MEMORY_CATEGORIES];
    int64_t trained_parameters, parameters;
    struct training_disk disk;
    char says[ERROR_TEXT_MAX]; /* of the memory limit */
};

static void keep_start(void *context, const struct training_start *start)
{
    struct started *started = context;
    memcpy(started->bytes, start->memory->bytes, sizeof started->bytes);
    started->trained_parameters = start->trained_parameters;
    started->parameters = start->parameters;
    started->disk = start->disk;
}

static void keep_message(void *context, const char *line)
{
    struct started *started = context;
    if (strstr(line, "recomputes"))
        snprintf(started->says, sizeof started->says, "%s", line);
}

static void run(struct started *started, const char *model, const struct asked *asked)
{
    char *const arguments[] = {(char *)"train"};
    char name[64];
    snprintf(name, sizeof name, "%s-%s-%s-%s", asked->method, asked->dtype, asked->rank,
             asked->limit ? asked->limit : "any");
    char *text = path_join(folder, "text.txt", NULL), *run = path_join(folder, name, NULL);
    char *plan = path_join(folder, plan_name, NULL);
    const char *data[] = {text};
    enum training_method method = method_by_name(asked->method);
    int64_t rank = strtol(asked->rank, NULL, 10);
    const struct training_request request = {
        .model = model,
        .run = run,
        .method = method,
        .plan = method_info(method)->plan ? plan : NULL,
        .rank = rank,
        .alpha = 2 * (double)rank,
        .frozen = asked->frozen_type,
        .optimizer = asked->kind,
        .data = {data, 1},
        .device = "cpu",
        .threads = 2,
        .dtype = strcmp(asked->dtype, "bf16") == 0 ? WEIGHTS_BF16 : WEIGHTS_FP32,
        .memory_limit = asked->limit ? strtoull(asked->limit, NULL, 10) : 0,
        .sample_tokens = 48, /* as the sub-command has it */
        .steps = 1,
        .rate = 1e-5,
        .seq_len = 4,
        .batch = 3,
        .accumulate = 1,
        .keep = 1,
        .clip = strtod(asked->clip, NULL),
        .argc = 1,
        .argv = arguments};
    const struct training_view view = {
        .context = started, .on_start = keep_start, .on_message = keep_message};
    struct error err = ERROR_INIT;
    static const char words[] = "Once there was a little boat, and it loved the sea.";
    assert_int_equal(file_save(text, words, sizeof words - 1, NULL), 0);
    assert_int_equal(job_dir_create(run, &err), 0);
    if (training_run(&request, false, &view, &err) != 0)
        fail_msg("%s", err.text);
    free(text);
    free(run);
    free(plan);
}

static void compare(const char *model, const struct asked *asked)
{
    struct training_estimate cost;
    struct started started = {.says = ""};
    uint64_t total = 0;
    char recomputes[32];
    estimate(&cost, model, asked);
    snprintf(recomputes, sizeof recomputes, "recomputes %lld of ", (long long)cost.recomputed);
    run(&started, model, asked);
    if (!cost.known)
        fail_msg("%s: %s", asked->method, cost.why);
    for (int c = 0; c < MEMORY_CATEGORIES; c++) {
        assert_int_equal(cost.bytes[c], started.bytes[c]);
        total += started.bytes[c];
    }
    assert_int_equal(cost.total, total);
    assert_int_equal(cost.recomputed > 0, strstr(started.says, recomputes) != NULL);
    assert_int_equal(cost.recomputed > 0, asked->limit != NULL);
    assert_int_equal(cost.trained_parameters + cost.adapter_parameters, started.trained_parameters);
    assert_int_equal(cost.parameters, started.parameters);
    assert_true(cost.disk.known && cost.disk.fits);
    assert_int_equal(cost.disk.state, started.disk.state);
    assert_int_equal(cost.adapter_parameters > 0,
                     method_info(method_by_name(asked->method))->adapters);
}

static void estimate_is_the_run(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    static const char *const dtypes[] = {"fp32", "bf16"};
    char *model = path_join(shared, "models/stories260K-gguf/stories260K-F16.gguf", NULL);
    for (int i = 0; i < 2; i++)
        compare(model, &(struct asked){dtypes[i], "full", "16", "adamw", "auto", "1",
                                       FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL});
    free(model);
}

/* Rank and frozen dtype are set where the method makes nothing of them, too. Without clipping
 * gradients do not live together. */
static void estimate_is_the_run_of_every_method(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    static const struct asked asked[] = {
        {"bf16", "full", "8", "adamw-8bit", "int8", "0", FROZEN_AS_READ, OPTIMIZER_ADAMW_8BIT,
         NULL},
        {"fp32", "spectrum", "8", "adamw", "auto", "1", FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL},
        {"bf16", "spectrum", "8", "adamw-bf16", "int8", "1", FROZEN_INT8, OPTIMIZER_ADAMW_BF16,
         NULL},
        {"fp32", "lora", "8", "adamw", "auto", "0", FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL},
        {"bf16", "qlora", "4", "adamw-8bit", "auto", "1", FROZEN_NF4, OPTIMIZER_ADAMW_8BIT, NULL},
        {"fp32", "qlora", "4", "adamw", "none", "1", FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL},
        {"fp32", "spectrum+lora", "16", "adamw-8bit", "auto", "1", FROZEN_AS_READ,
         OPTIMIZER_ADAMW_8BIT, NULL},
        {"bf16", "spectrum+qlora", "16", "adamw", "auto", "1", FROZEN_NF4, OPTIMIZER_ADAMW, NULL},
    };
    char *model = path_join(data, "../../demo/model", NULL);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        compare(model, &asked[i]);
    free(model);
}

/* A limit a little below what the run would take has blocks computed anew, as many as the run does;
 * one that nothing fits is said to be one. */
static void estimate_keeps_to_the_limit(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct asked asked = {"fp32",         "spectrum",      "8", "adamw", "auto", "1",
                          FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL};
    char limit[32];
    struct training_estimate cost;
    char *model = path_join(data, "../../demo/model", NULL);
    estimate(&cost, model, &asked);
    assert_true(cost.known && cost.recomputed == 0 && room.fits && !room.asked);
    uint64_t whole = cost.total;
    snprintf(limit, sizeof limit, "%llu", (unsigned long long)whole - 4096);
    asked.limit = limit;
    compare(model, &asked);
    estimate(&cost, model, &asked);
    assert_true(cost.recomputed > 0 && cost.total < whole);
    assert_true(room.fits && room.asked && room.bytes == whole - 4096);
    asked.limit = "1M";
    estimate(&cost, model, &asked);
    assert_true(cost.known && cost.total > 1 << 20);
    assert_true(room.asked && room.bytes == 1 << 20 && !room.fits);
    free(model);
}

/* What follows from the method is shown, and passed on as nothing. */
static uint64_t disk_free;

static int made_up_disk(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_blocks = 1 << 20, .f_frsize = 1, .f_bavail = disk_free};
    return 0;
}

/* A run by epochs of the form's defaults: three checkpoints in a row, and the best. What `train`
 * refuses is said before, by the same sum. */
static void a_small_disk_is_said_before(void **state)
{
    struct sys_table real = sys;
    struct buffer text = BUFFER_INIT;
    struct training_estimate cost;
    struct training_request defaults;
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    char *path = path_join(data, "../../demo/model", NULL);
    const struct asked asked = {"fp32",         "lora",          "8", "adamw", "auto", "0",
                                FROZEN_AS_READ, OPTIMIZER_ADAMW, NULL};
    sys.fstatvfs = made_up_disk;
    disk_free = 1 << 30;
    estimate(&cost, path, &asked);
    assert_true(cost.known && cost.disk.known && cost.disk.fits);
    training_request_init(&defaults);
    assert_int_equal(cost.disk.states, defaults.keep + 2);
    assert_int_equal(cost.disk.total, cost.disk.state * cost.disk.states);
    disk_free = cost.disk.total;
    estimate(&cost, path, &asked);
    assert_true(cost.disk.fits);
    disk_free--;
    estimate(&cost, path, &asked);
    assert_false(cost.disk.fits);
    training_disk_put(&text, &cost.disk);
    assert_non_null(strstr(buffer_string(&text), " do not fit: "));
    buffer_free(&text);
    free(path);
    sys = real;
}

static void empty_fields_follow_the_method(void **state)
{
    (void)state;
    struct settings settings;
    char shown[64];
    settings_init(&settings);
    assert_string_equal(settings_value(&settings, SETTING(rate)), "");
    settings_show(&settings, SETTING(rate), 0, shown, sizeof shown);
    assert_string_equal(shown, "auto (2e-5)");
    assert_false(settings_uses(&settings, SETTING(rank)));
    for (int method = 0; method < METHOD_COUNT; method++) {
        const struct method_info *info;
        settings_turn(&settings, SETTING(method), 1);
        info = method_info(settings_method(&settings));
        settings_show(&settings, SETTING(rate), 0, shown, sizeof shown);
        assert_string_equal(shown, info->adapters ? "auto (2e-4)" : "auto (2e-5)");
        assert_int_equal(settings_uses(&settings, SETTING(rank)), info->adapters);
        assert_int_equal(settings_uses(&settings, SETTING(alpha)), info->adapters);
        settings_show(&settings, SETTING(frozen), 0, shown, sizeof shown);
        assert_string_equal(shown, info->quantized ? "auto (nf4)" : "auto (none)");
    }
    settings_type(&settings, SETTING(rank), "6");
    settings_show(&settings, SETTING(alpha), 0, shown, sizeof shown);
    assert_string_equal(shown, "auto (12)");
    settings_type(&settings, SETTING(alpha), "1.5");
    settings_show(&settings, SETTING(alpha), 0, shown, sizeof shown);
    assert_string_equal(shown, "1.5");
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(estimate_is_the_run, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(estimate_is_the_run_of_every_method, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(estimate_keeps_to_the_limit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_small_disk_is_said_before, make_folder, remove_folder),
        cmocka_unit_test(empty_fields_follow_the_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
