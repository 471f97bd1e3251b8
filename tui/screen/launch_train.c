#include "tui/screen/launch_train.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/added_tokens.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "plan/plan_file.h"
#include "tui/app/session_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beside the demonstration's model lie its texts: what it has not seen yet, else what it has. */
static void find_demo_data(struct session *session, char *out)
{
    static const char *const names[] = {"problems.jsonl", "shakespeare.txt"};
    char path[SETTING_VALUE_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names && !out[0]; i++) {
        int length = snprintf(path, sizeof path, "%s/../text/%s", session->source, names[i]);
        bool fits = length > 0 && (size_t)length < sizeof path;
        char *whole = fits ? sys.realpath(path, NULL) : NULL;
        if (whole && strlen(whole) < SETTING_VALUE_MAX)
            snprintf(out, SETTING_VALUE_MAX, "%s", whole);
        free(whole);
    }
}

/* A tiny model and a tiny text: a minute of steps in which one can see it learn. What was typed
 * stays. */
static void set_demo_defaults(struct settings *settings)
{
    static const struct {
        enum setting setting;
        const char *value;
    } demo[] = {
        {SETTING_STEPS, "60"},     {SETTING_SEQ_LEN, "256"}, {SETTING_BATCH, "4"},
        {SETTING_ACCUMULATE, "1"}, {SETTING_LR, "5e-4"},     {SETTING_EVAL_EVERY, "20"},
    };
    for (size_t i = 0; i < sizeof demo / sizeof *demo; i++)
        if (settings_is(settings, demo[i].setting, setting_info(demo[i].setting)->preset))
            snprintf(settings->values[demo[i].setting], SETTING_VALUE_MAX, "%s", demo[i].value);
}

/* runs/<model>-1, or the first number that is free. */
static void find_run(const struct session *session, char *out)
{
    const char *slash = strrchr(session->title, '/'), *name = slash ? slash + 1 : session->title;
    for (int i = 1; i < 10000; i++) {
        snprintf(out, SETTING_VALUE_MAX, "runs/%.200s-%d", name, i);
        if (sys.access(out, F_OK) != 0)
            return;
    }
}

/* Another screen may have taken the name that was proposed here: the next number is as good. */
static void renew_proposal(const struct session *session, char *run)
{
    char first[SETTING_VALUE_MAX];
    const char *slash = strrchr(session->title, '/'), *name = slash ? slash + 1 : session->title;
    int length = snprintf(first, sizeof first, "runs/%.200s-", name);
    bool proposed = strncmp(run, first, (size_t)length) == 0 && run[length] &&
                    !run[length + (int)strspn(run + length, "0123456789")];
    if (proposed && !folder_is_empty(run))
        find_run(session, run);
}

/* A sequence is no longer than what the model was made for. */
static void limit_sequence(const struct session *session, char *out)
{
    int64_t most = session->model->architecture ? session->model->config.max_positions : 0;
    if (most > 0 && settings_integer(&session->settings, SETTING_SEQ_LEN) > most)
        snprintf(out, SETTING_VALUE_MAX, "%lld", (long long)most);
}

void launch_train_defaults(struct session *session)
{
    char(*values)[SETTING_VALUE_MAX] = session->settings.values;
    if (!values[SETTING_DATA][0]) {
        find_demo_data(session, values[SETTING_DATA]);
        if (values[SETTING_DATA][0])
            set_demo_defaults(&session->settings);
    }
    if (!values[SETTING_RUN][0] || job_dir_has(values[SETTING_RUN], "job.json"))
        find_run(session, values[SETTING_RUN]);
    limit_sequence(session, values[SETTING_SEQ_LEN]);
}

/* What is empty or of another method's is not passed on; steps count more than epochs. */
static bool is_passed(const struct settings *settings, enum setting setting)
{
    if (!settings_uses(settings, setting))
        return false;
    if (setting == SETTING_EPOCHS)
        return !settings->values[SETTING_STEPS][0];
    if (setting == SETTING_ADD_TOKENS)
        return settings_is(settings, setting, "yes");
    if (setting == SETTING_TEMPLATE)
        return !settings_is(settings, setting, "auto");
    return settings->values[setting][0] != '\0';
}

static bool takes_value(enum setting setting)
{
    return setting != SETTING_ADD_TOKENS;
}

enum { MARKS_SHOWN = 200, OPTION_MAX = 32, ARGUMENTS_MAX = 4 + 2 * SETTING_COUNT + 3 };
struct arguments {
    char options[SETTING_COUNT][OPTION_MAX]; /* "--seq-len" */
    char *list[ARGUMENTS_MAX];
    size_t count;
};

static void fill_arguments(struct arguments *out, struct session *session, char *model, char *plan)
{
    struct settings *settings = &session->settings;
    out->list[out->count++] = "train";
    out->list[out->count++] = model;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!is_passed(settings, (enum setting)i))
            continue;
        snprintf(out->options[i], OPTION_MAX, "--%s", setting_info((enum setting)i)->option);
        out->list[out->count++] = out->options[i];
        if (takes_value((enum setting)i))
            out->list[out->count++] = settings->values[i];
    }
    if (method_info(settings_method(settings))->plan) {
        out->list[out->count++] = "--plan";
        out->list[out->count++] = plan;
    }
}

static int save_plan(const struct session *session, const char *path, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    session_put_plan(session, PLAN_YAML, &text);
    int status = buffer_check(&text, err);
    if (status == 0)
        status = file_save(path, text.data, text.length, err);
    buffer_free(&text);
    return status;
}

/* A job is resumed from anywhere: its arguments name files by their whole paths. */
static int make_absolute(char *value, struct error *err)
{
    char *absolute = value[0] ? sys.realpath(value, NULL) : string_copy("", err);
    if (!absolute)
        return error_set_errno(err, errno, "cannot find %s", value);
    bool fits = strlen(absolute) < SETTING_VALUE_MAX;
    if (fits)
        memcpy(value, absolute, strlen(absolute) + 1);
    free(absolute);
    return fits ? 0 : error_set(err, "the path of %.200s is too long", value);
}

/* Where it is a file. */
static int make_template_absolute(struct settings *settings, struct error *err)
{
    char *value = settings->values[SETTING_TEMPLATE];
    return setting_choice(SETTING_TEMPLATE, value) >= 0 ? 0 : make_absolute(value, err);
}

bool launch_train_check_marks(const struct session *session, char *why, size_t size)
{
    const struct settings *settings = &session->settings;
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    char marks[MARKS_SHOWN] = "";
    if (settings_is(settings, SETTING_TEMPLATE, "auto") ||
        settings_is(settings, SETTING_ADD_TOKENS, "yes"))
        return true;
    if (tokenizer_for_checkpoint(&tokenizer, session->model->checkpoint, &err) == 0)
        added_tokens_look(tokenizer, settings->values[SETTING_TEMPLATE], false, marks, sizeof marks,
                          &err);
    tokenizer_close(tokenizer);
    bool uses = settings_uses(settings, SETTING_ADD_TOKENS);
    snprintf(why, size, "no token%s of this tokenizer: %s of the chat template; %s",
             strstr(marks, " and ") ? "s" : "", marks,
             uses ? "\"added tokens: yes\" makes them tokens, or take another template"
                  : "take another template, or method full or spectrum and \"added tokens: yes\"");
    return !marks[0];
}

int launch_train(struct session *session, struct error *unlisted, struct error *err)
{
    struct arguments arguments = {.count = 0};
    char *run = session->settings.values[SETTING_RUN];
    renew_proposal(session, run);
    if (job_dir_create(run, err) != 0 || make_absolute(run, err) != 0 ||
        make_absolute(session->settings.values[SETTING_DATA], err) != 0 ||
        make_absolute(session->settings.values[SETTING_EVAL_DATA], err) != 0 ||
        make_template_absolute(&session->settings, err) != 0)
        return -1;
    job_index_add(run, unlisted);
    bool by_plan = method_info(settings_method(&session->settings))->plan;
    char *plan = path_join(run, "plan.yaml", err);
    char *model = sys.realpath(session->scan->model, NULL); /* as the checkpoint resolved it */
    int status = plan ? 0 : -1;
    if (status == 0 && by_plan)
        status = save_plan(session, plan, err);
    if (status == 0) {
        fill_arguments(&arguments, session, model ? model : session->scan->model, plan);
        status = job_launch(run, "/proc/self/exe", arguments.list, err);
    }
    if (status == 0) {
        session->plan_changed = session->plan_changed && !by_plan; /* the run has kept it */
        status = session_watch(session, run, err);
    }
    free(plan);
    free(model);
    return status;
}

/* As a shell reads it back as one word. */
static void put_word(struct buffer *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./,=+:@-";
    if (word[0] && !word[strspn(word, plain)]) {
        buffer_text(out, word);
        return;
    }
    buffer_byte(out, '\'');
    for (; *word; word++)
        if (*word == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_byte(out, *word);
    buffer_byte(out, '\'');
}

void launch_train_command(const struct session *session, struct buffer *out)
{
    const struct settings *settings = &session->settings;
    buffer_text(out, "spectrum train ");
    put_word(out, session->source);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info((enum setting)i);
        if (!is_passed(settings, (enum setting)i) ||
            settings_is(settings, (enum setting)i, info->preset))
            continue;
        buffer_format(out, " --%s", info->option);
        if (!takes_value((enum setting)i))
            continue;
        buffer_byte(out, ' ');
        put_word(out, settings->values[i]);
    }
    if (method_info(settings_method(settings))->plan)
        buffer_text(out, " --plan PLAN");
}
