/* The one table of a training run's options: every row is sound, and what is made of a row
 * (request, form, record) follows from it alone. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "job/training_options.h"
#include "job/trust.h"
#include "train/optimizer.h"
#include "tui/cli/command.h"
#include "tui/session/settings.h"

#include <string.h>

static const struct option *rows(size_t i)
{
    return &training_options.rows[i];
}

/* Of any command: names once, places once, defaults that the row itself takes. */
static void check_table(const char *command, const struct option_table *table)
{
    assert_true(table->count <= OPTION_ROWS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        char why[64];
        if (option_by_name(table, row->name) != i || option_by_place(table, row->at) != i)
            fail_msg("%s --%s stands twice", command, row->name);
        if (row->preset && !option_takes(row, row->preset, why, sizeof why))
            fail_msg("%s --%s does not take its own default", command, row->name);
        if (row->preset && row->choices && option_choice_of(row, row->preset) < 0)
            fail_msg("%s --%s: its default is none of its names", command, row->name);
        if (!row->help || (row->kind == OPTION_FLAG) != !row->argument)
            fail_msg("%s --%s: help or argument is missing", command, row->name);
        if (row->kind == OPTION_CHOICE && !row->choices)
            fail_msg("%s --%s has no names", command, row->name);
    }
}

static void every_table_is_sound(void **state)
{
    (void)state;
    check_table("", command_screen.options);
    for (int i = 0; commands[i]; i++)
        if (commands[i]->options)
            check_table(commands[i]->name, commands[i]->options);
    assert_true(training_options.count <= SETTINGS_MAX);
    assert_non_null(rows(0)->group);
    for (size_t i = 0; i < training_options.count; i++)
        assert_true(rows(i)->label || (!rows(i)->hint && !rows(i)->needed && !rows(i)->applies));
}

/* Every option is a field of the form, but for how the command runs (the screen's runs are jobs, and
 * its form stands for a file of options), and for what begins from a run: the screen opens models. */
static void every_option_is_a_field(void **state)
{
    (void)state;
    static const char *const none[] = {"step",    "best",  "config", "trust",
                                       "dry-run", "probe", "detach", "json"};
    for (size_t i = 0; i < training_options.count; i++) {
        bool listed = false;
        for (size_t n = 0; n < sizeof none / sizeof *none; n++)
            listed = listed || strcmp(rows(i)->name, none[n]) == 0;
        if (listed == (rows(i)->label != NULL))
            fail_msg("--%s: %s", rows(i)->name,
                     listed ? "has a field, and is among those that have none"
                            : "needs a label, by which the form has a field for it");
        /* a script and `:field` find it, and no other has its label */
        if (rows(i)->label)
            assert_int_equal(setting_by_label(rows(i)->label), i);
        assert_true(rows(i)->label || !rows(i)->rare);
    }
}

/* A choice's member holds an enum, whose order the names have. */
static void names_are_in_their_enums_order(void **state)
{
    (void)state;
    struct training_request r;
    training_request_init(&r);
    static const struct {
        const char *name, *text;
    } set[] = {{"method", "spectrum+qlora"}, {"empty-noise", "one"}, {"schedule", "constant"},
               {"optimizer", "adamw-8bit"},  {"dtype", "fp32"},      {"master", "none"},
               {"frozen-dtype", "nf4"}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_int_equal(
            option_set(rows(option_by_name(&training_options, set[i].name)), &r, set[i].text, NULL),
            0);
    assert_true(r.method == METHOD_SPECTRUM_QLORA && r.empty_noise == EMPTY_NOISE_ONE);
    assert_true(r.schedule == SCHEDULE_CONSTANT && r.optimizer == OPTIMIZER_ADAMW_8BIT);
    assert_true(r.dtype == WEIGHTS_FP32 && r.master == MASTERS_NONE && r.frozen == FROZEN_NF4);
    training_request_free(&r);
}

static void what_follows_from_the_method_is_filled_in(void **state)
{
    (void)state;
    for (int method = 0; method < METHOD_COUNT; method++) {
        const struct method_info *info = method_info((enum training_method)method);
        struct training_request r;
        training_request_init(&r);
        r.method = (enum training_method)method;
        training_request_fill(&r);
        assert_true(r.rate == (info->adapters ? 2e-4 : 2e-5) && r.alpha == 32);
        assert_int_equal(r.frozen, info->quantized ? FROZEN_NF4 : FROZEN_AS_READ);
        training_request_init(&r);
        r.method = (enum training_method)method;
        option_set(TRAINING_OPTION(rate), &r, "0", NULL);
        option_give(&r.given, TRAINING_ROW(rate));
        option_set(TRAINING_OPTION(alpha), &r, "3", NULL);
        training_request_fill(&r);
        assert_true(r.rate == 0 && r.alpha == 3); /* --lr 0 is refused, not replaced */
        struct error err = ERROR_INIT;
        assert_int_equal(training_check(&r, TRAINING_STARTS, &err), -1);
        assert_non_null(strstr(err.text, "--lr 0 trains nothing"));
        training_request_free(&r);
    }
}

/* The form takes what the command line takes, and refuses what it refuses: number for number. */
/* Options as they would be typed, up to a NULL, and what is said of them: "" where they go. */
static void together(const char *const typed[], const char *says)
{
    struct training_request r;
    struct error err = ERROR_INIT;
    training_request_init(&r);
    r.model = SPECTRUM_SOURCE_DIR "/demo/model";
    for (int i = 0; typed[i]; i += 2) {
        size_t row = option_by_name(&training_options, typed[i]);
        assert_true(row < training_options.count);
        assert_int_equal(option_set(rows(row), &r, typed[i + 1], &err), 0);
        option_give(&r.given, row);
    }
    training_request_fill(&r);
    int status = training_check_together(&r, &err);
    if (status == 0)
        status = training_check(&r, TRAINING_STARTS, &err);
    if (says[0] ? status == 0 || !strstr(err.text, says) || err.kind != ERROR_USAGE : status != 0)
        fail_msg("--%s %s: it says \"%s\"", typed[2], typed[3], err.text);
    training_request_free(&r);
}
#define TOGETHER(says, ...)                                                                        \
    together((const char *const[]){"data", "x.txt", __VA_ARGS__, NULL}, says)

/* Each optimiser has some of the constants, and takes no other. */
static void constants_are_the_optimisers(void **state)
{
    (void)state;
    static const double usual[OPTIMIZER_KINDS][3] = {[OPTIMIZER_ADAMW] = {0.9, 0.999, 1e-8},
                                                     [OPTIMIZER_ADAMW_BF16] = {0.9, 0.999, 1e-8},
                                                     [OPTIMIZER_ADAMW_8BIT] = {0.9, 0.999, 1e-8},
                                                     [OPTIMIZER_LION] = {0.9, 0.99, 0},
                                                     [OPTIMIZER_MUON] = {0.9, 0.999, 1e-8}};
    for (int kind = 0; kind < OPTIMIZER_KINDS; kind++) {
        struct training_request r;
        training_request_init(&r);
        r.optimizer = (enum optimizer_kind)kind;
        option_give(&r.given, TRAINING_ROW(constants.beta2));
        r.constants.beta2 = 0.5;
        training_request_fill(&r);
        assert_true(r.constants.beta1 == usual[kind][0] && r.constants.beta2 == 0.5);
        assert_true(r.constants.epsilon == usual[kind][2]);
        assert_int_equal(TRAINING_OPTION(constants.epsilon)->applies(&r), usual[kind][2] > 0);
        assert_int_equal(TRAINING_OPTION(constants.epsilon)->recorded(&r), usual[kind][2] > 0);
        training_request_free(&r);
    }
    TOGETHER("", "beta1", "0", "beta2", "0.95", "epsilon", "1e-6");
    TOGETHER("", "optimizer", "lion", "beta1", "0.95");
    TOGETHER("", "optimizer", "muon", "epsilon", "1e-6");
    TOGETHER("--epsilon belongs to AdamW: --optimizer lion", "optimizer", "lion", "epsilon",
             "1e-6");
}

static void a_lowest_rate_is_below_the_highest(void **state)
{
    (void)state;
    TOGETHER("", "lr", "1e-3", "min-lr", "1e-4");
    TOGETHER("", "lr", "1e-3", "min-lr", "1e-3", "schedule", "linear");
    TOGETHER("--min-lr 0.002 is above --lr 0.001", "lr", "1e-3", "min-lr", "2e-3");
    TOGETHER("--min-lr 0.001 is above --lr 2e-05", "min-lr", "1e-3", "method", "full");
    TOGETHER("belongs to the schedules that fall", "min-lr", "1e-6", "schedule", "constant");
}

static void form_and_command_line_agree(void **state)
{
    (void)state;
    static const char *const texts[] = {"-1",   "0",   "0.5", "1",   "2",    "10",  "10.5",
                                        "1e3",  "x",   "1M",  "8G",  "nan",  "512", "1048577",
                                        "1e10", "1.0", " 1",  "25%", "25 %", "%"};
    struct settings settings;
    size_t fields = 0;
    for (size_t i = 0; i < training_options.count; i++) {
        const struct option *row = rows(i);
        bool number = row->kind == OPTION_INTEGER || row->kind == OPTION_NUMBER ||
                      row->kind == OPTION_PERCENT || row->kind == OPTION_BYTES;
        for (size_t t = 0; row->label && number && t < sizeof texts / sizeof *texts; t++) {
            struct training_request r;
            struct error err = ERROR_INIT;
            char why[ERROR_TEXT_MAX];
            settings_init(&settings);
            training_request_init(&r);
            assert_true(settings_type(&settings, i, texts[t]));
            bool taken = option_set(row, &r, texts[t], &err) == 0;
            option_give(&r.given, i);
            training_request_fill(&r);
            taken = taken && (!row->check || row->check(&r, TRAINING_ASKED, &err) == 0);
            if (settings_check(&settings, i, 0, why, sizeof why) != taken)
                fail_msg("--%s %s: the command line %s it, the form does not: %s%s", row->name,
                         texts[t], taken ? "takes" : "refuses", why, err.text);
            training_request_free(&r);
            settings_free(&settings);
        }
        fields += row->label && number;
    }
    assert_true(fields > 15);
}

static bool form_takes(size_t field, const char *path)
{
    struct settings settings;
    char why[ERROR_TEXT_MAX];
    settings_init(&settings);
    assert_true(settings_type(&settings, field, path));
    bool taken = settings_check(&settings, field, 0, why, sizeof why);
    settings_free(&settings);
    return taken;
}

/* Data may be a file or a folder of files, in the form as on the command line. */
static void form_takes_folders_of_data(void **state)
{
    (void)state;
    char *path = path_join(folder, "a.txt", NULL), *none = path_join(folder, "none", NULL);
    assert_false(form_takes(SETTING(data), folder)); /* empty */
    assert_int_equal(file_save(path, "Once there was.", 15, NULL), 0);
    const size_t fields[] = {SETTING(data), SETTING(eval_data)};
    for (int i = 0; i < 2; i++) {
        assert_true(form_takes(fields[i], path));
        assert_true(form_takes(fields[i], folder));
        assert_false(form_takes(fields[i], none));
        assert_false(form_takes(fields[i], "/dev/null"));
    }
    assert_false(form_takes(SETTING(data), ""));
    assert_true(form_takes(SETTING(eval_data), ""));
    free(path);
    free(none);
}

/* What a job of these arguments would read is named by the option, or is the MODEL behind a flag;
 * another value is not. */
static void check_trust(const char *command, const struct option *row)
{
    struct job_trust trust;
    struct error err = ERROR_INIT;
    char option[64];
    snprintf(option, sizeof option, "%s%s", row->name[1] ? "--" : "-", row->name);
    const char *const words[] = {command, option, "a.txt"};
    cJSON *job = cJSON_CreateObject();
    cJSON_AddStringToObject(job, "command", command);
    cJSON_AddStringToObject(job, "folder", folder);
    cJSON_AddItemToObject(job, "arguments", cJSON_CreateStringArray(words, 3));
    if (job_trust_look(&trust, folder, job, &err) != 0)
        fail_msg("%s", err.text);
    bool flag = row->kind == OPTION_FLAG;
    bool file = (row->kind == OPTION_PATH || row->kind == OPTION_PATHS) &&
                strcmp(row->name, "run") != 0 && strcmp(row->name, "template") != 0;
    const char *name = flag ? "model" : row->name;
    if (trust.count != (size_t)(flag || file) ||
        (trust.count && (strlen(name) != (size_t)trust.files[0].length ||
                         strncmp(name, trust.files[0].option, strlen(name)) != 0)))
        fail_msg("%s %s: what it would read is not known", command, option);
    job_trust_free(&trust);
    cJSON_Delete(job);
}

/* A row is enough for resume to ask about the files that it names. */
static void resume_knows_every_file(void **state)
{
    (void)state;
    char *job = path_join(folder, "job.json", NULL), *text = path_join(folder, "a.txt", NULL);
    assert_int_equal(file_save(job, "{}", 2, NULL), 0);
    assert_int_equal(file_save(text, "a", 1, NULL), 0);
    for (size_t i = 0; i < training_options.count; i++)
        check_trust("train", rows(i));
    for (size_t i = 0; i < command_scan.options->count; i++)
        check_trust("scan", &command_scan.options->rows[i]);
    free(job);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_sound),
        cmocka_unit_test(every_option_is_a_field),
        cmocka_unit_test(names_are_in_their_enums_order),
        cmocka_unit_test(what_follows_from_the_method_is_filled_in),
        cmocka_unit_test(constants_are_the_optimisers),
        cmocka_unit_test(a_lowest_rate_is_below_the_highest),
        cmocka_unit_test(form_and_command_line_agree),
        cmocka_unit_test_setup_teardown(resume_knows_every_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(form_takes_folders_of_data, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
