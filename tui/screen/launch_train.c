#include "tui/screen/launch_train.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/added_tokens.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"
#include "text/tokenizer/tokenizer.h"
#include "tui/session/session_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "runs/<model>-", to which a number is added. */
static int put_run_prefix(const struct session *session, char out[SETTING_VALUE_MAX])
{
    const char *slash = strrchr(session->title, '/'), *name = slash ? slash + 1 : session->title;
    return snprintf(out, SETTING_VALUE_MAX, "runs/%.200s-", name);
}

/* runs/<model>-1, or the first number that is free. */
static void find_run(const struct session *session, char *out)
{
    int length = put_run_prefix(session, out);
    for (int i = 1; i < 10000; i++) {
        snprintf(out + length, SETTING_VALUE_MAX - (size_t)length, "%d", i);
        if (sys.access(out, F_OK) != 0)
            return;
    }
}

/* Beside the demonstration's model lie its texts: what it has not seen yet, else what it has. A
 * tiny model and a tiny text get a minute of steps in which one can see it learn; what was typed
 * stays. */
void launch_train_defaults(struct session *session)
{
    static const char *const texts[] = {"problems.jsonl", "shakespeare.txt"};
    const struct {
        size_t field;
        const char *value;
    } demo[] = {
        {SETTING(steps), "60"},     {SETTING(seq_len), "256"}, {SETTING(batch), "4"},
        {SETTING(accumulate), "1"}, {SETTING(rate), "5e-4"},   {SETTING(eval_every), "20"},
    };
    char(*values)[SETTING_VALUE_MAX] = session->settings.values;
    char *data = values[SETTING(data)], path[SETTING_VALUE_MAX];
    bool was_empty = !data[0];
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !data[0]; i++) {
        int length = snprintf(path, sizeof path, "%s/../text/%s", session->source, texts[i]);
        bool fits = length > 0 && (size_t)length < sizeof path;
        char *whole = fits ? sys.realpath(path, NULL) : NULL;
        if (whole && strlen(whole) < SETTING_VALUE_MAX)
            snprintf(data, SETTING_VALUE_MAX, "%s", whole);
        free(whole);
    }
    for (size_t i = 0; was_empty && data[0] && i < sizeof demo / sizeof *demo; i++)
        if (strcmp(values[demo[i].field], setting_preset(demo[i].field)) == 0)
            snprintf(values[demo[i].field], SETTING_VALUE_MAX, "%s", demo[i].value);
    if (!values[SETTING(run)][0] || job_dir_has(values[SETTING(run)], "job.json"))
        find_run(session, values[SETTING(run)]);
    /* A sequence is at most what the model was made for. */
    int64_t most = session->model->architecture ? session->model->config.max_positions : 0;
    struct training_request request;
    settings_request(&session->settings, &request);
    if (most > 0 && request.seq_len > most)
        snprintf(values[SETTING(seq_len)], SETTING_VALUE_MAX, "%lld", (long long)most);
    training_request_free(&request);
}

/* What is empty or of another method's is not passed on; steps count more than epochs. */
static bool is_passed(const struct settings *settings, size_t field)
{
    if (!settings_uses(settings, field) || settings_is_empty(settings, field))
        return false;
    return field != SETTING(epochs) || settings_is_empty(settings, SETTING(steps));
}

/* A flag is given by its name alone. */
static bool takes_value(size_t field)
{
    return training_options.rows[field].kind != OPTION_FLAG;
}

/* The most that a form can ask for: every field as two arguments, and those around them. */
enum { MARKS_SHOWN = 200, OPTION_MAX = 32, ARGUMENTS_MAX = 4 + 2 * SETTINGS_MAX + 3 };
struct arguments {
    char options[SETTINGS_MAX][OPTION_MAX]; /* "--seq-len" */
    char *list[ARGUMENTS_MAX];
    size_t count;
};

/* "train MODEL --seq-len 256 ... --plan FILE": every field that counts, in its row's order. The
 * list borrows the settings' texts. */
static void fill_arguments(struct arguments *out, struct session *session, char *model, char *plan)
{
    struct settings *settings = &session->settings;
    out->list[out->count++] = "train";
    out->list[out->count++] = model;
    for (size_t i = 0; i < training_options.count; i++) {
        if (!is_passed(settings, i))
            continue;
        snprintf(out->options[i], OPTION_MAX, "--%s", training_options.rows[i].name);
        out->list[out->count++] = out->options[i];
        if (takes_value(i))
            out->list[out->count++] = settings->values[i];
    }
    if (method_info(settings_method(settings))->plan) {
        out->list[out->count++] = "--plan";
        out->list[out->count++] = plan;
    }
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

/* Only a template that the user chose: what the model's own writes it was trained with. */
bool launch_train_check_marks(const struct session *session, char *why, size_t size)
{
    const struct settings *settings = &session->settings;
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    char marks[MARKS_SHOWN] = "";
    if (settings_is_empty(settings, SETTING(format.template_name)) ||
        !settings_is_empty(settings, SETTING(add_tokens)))
        return true;
    if (tokenizer_for_checkpoint(&tokenizer, session->model->checkpoint, &err) == 0)
        added_tokens_look(tokenizer, settings->values[SETTING(format.template_name)], false, marks,
                          sizeof marks, &err);
    tokenizer_close(tokenizer);
    bool uses = settings_uses(settings, SETTING(add_tokens));
    snprintf(why, size, "no token%s of this tokenizer: %s of the chat template; %s",
             strstr(marks, " and ") ? "s" : "", marks,
             uses ? "\"added tokens: yes\" makes them tokens, or take another template"
                  : "take another template, or method full or spectrum and \"added tokens: yes\"");
    return !marks[0];
}

/* What was made before a step that fails stays: the folder, perhaps with its plan. A plan is
 * written where the method has one, and with that it is kept. */
int launch_train(struct session *session, struct error *unlisted, struct error *err)
{
    char(*values)[SETTING_VALUE_MAX] = session->settings.values;
    char *run = values[SETTING(run)], *template = values[SETTING(format.template_name)];
    char prefix[SETTING_VALUE_MAX], *plan = NULL, *model = NULL;
    struct arguments arguments = {.count = 0};
    struct buffer text = BUFFER_INIT;
    bool by_plan = method_info(settings_method(&session->settings))->plan;
    int status = -1, length = put_run_prefix(session, prefix);

    /* Another screen may have taken the name that was proposed here: the next number is as good. */
    bool proposed = strncmp(run, prefix, (size_t)length) == 0 && run[length] &&
                    !run[length + (int)strspn(run + length, "0123456789")];
    if (proposed && !folder_is_empty(run))
        find_run(session, run);
    if (job_dir_create(run, err) != 0 || make_absolute(run, err) != 0 ||
        make_absolute(values[SETTING(data)], err) != 0 ||
        make_absolute(values[SETTING(eval_data)], err) != 0)
        goto out;
    if (setting_choice(SETTING(format.template_name), template) < 0 && /* else it is not a file */
        make_absolute(template, err) != 0)
        goto out;
    job_index_add(run, unlisted);

    plan = path_join(run, "plan.yaml", err);
    if (!plan)
        goto out;
    if (by_plan) {
        session_put_plan(session, PLAN_YAML, &text);
        if (buffer_check(&text, err) != 0 || file_save(plan, text.data, text.length, err) != 0)
            goto out;
    }
    model = sys.realpath(session->scan->model, NULL); /* as the checkpoint resolved it */
    fill_arguments(&arguments, session, model ? model : session->scan->model, plan);
    if (job_launch(run, "/proc/self/exe", arguments.list, err) != 0)
        goto out;
    session->plan_changed = session->plan_changed && !by_plan; /* the run has kept it */
    status = session_watch(session, run, err);
out:
    buffer_free(&text);
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

/* What is the default anyway is left out, and so are the fields that count for nothing: what a user
 * would type. */
void launch_train_command(const struct session *session, struct buffer *out)
{
    const struct settings *settings = &session->settings;
    buffer_text(out, "spectrum train ");
    put_word(out, session->source);
    for (size_t i = 0; i < training_options.count; i++) {
        if (!is_passed(settings, i) || strcmp(settings->values[i], setting_preset(i)) == 0)
            continue;
        buffer_format(out, " --%s", training_options.rows[i].name);
        if (!takes_value(i))
            continue;
        buffer_byte(out, ' ');
        put_word(out, settings->values[i]);
    }
    if (method_info(settings_method(settings))->plan)
        buffer_text(out, " --plan PLAN");
}
