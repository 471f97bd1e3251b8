#include "tui/screen/launch_train.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/added_tokens.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"
#include "text/tokenizer/tokenizer.h"
#include "tui/session/form_defaults.h"
#include "tui/session/session_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the sub-command --- */

/* What is empty or of another method's is not passed on; steps count more than epochs. */
static bool is_passed(const struct settings *settings, const bool used[SETTINGS_MAX], size_t field)
{
    if (!used[field] || settings_is_empty(settings, field))
        return false;
    return field != SETTING(epochs) || settings_is_empty(settings, SETTING(steps));
}

/* A flag is given by its name alone. */
static bool takes_value(size_t field)
{
    return training_options.rows[field].kind != OPTION_FLAG;
}

/* The values of a field, each of which is an option by itself, up to a NULL: of a list the items
 * that are not empty, of weights one for each of the data where any is said. Borrowed. */
static void values_of(const struct settings *settings, size_t field,
                      const char *out[SETTING_ITEMS_MAX + 1])
{
    bool weights = field == SETTING(data_weights);
    size_t items = settings_count(settings, weights ? SETTING(data) : field), count = 0;
    bool none = weights && settings_is_empty(settings, field);
    if (!setting_is_list(field))
        out[count++] = settings_value(settings, field);
    for (size_t i = 0; setting_is_list(field) && !none && i < items; i++) {
        const char *text = settings_item(settings, field, i);
        if (weights ? settings_item(settings, SETTING(data), i)[0] : text[0])
            out[count++] = text[0] ? text : "1";
    }
    out[count] = NULL;
}

/* The most that a form can ask for: every field as two arguments, lists with all their items, and
 * those around them. */
enum {
    MARKS_SHOWN = 200,
    OPTION_MAX = 32,
    LISTS_MAX = 8,
    ARGUMENTS_MAX = 8 + 2 * SETTINGS_MAX + 2 * LISTS_MAX * SETTING_ITEMS_MAX
};
struct arguments {
    char options[SETTINGS_MAX][OPTION_MAX]; /* "--seq-len" */
    const char *list[ARGUMENTS_MAX];
    size_t count;
};

static void add_argument(struct arguments *out, const char *text)
{
    if (out->count < ARGUMENTS_MAX - 1)
        out->list[out->count++] = text;
}

/* "train MODEL --seq-len 256 ... --plan FILE": every field that counts, in its row's order. The
 * list borrows the settings' texts. `plan`: NULL where the fields say what trains. A probe takes a
 * few steps of the run, makes none, and waits for no other. */
static void fill_arguments(struct arguments *out, const struct session *session, const char *model,
                           const char *plan, bool probe)
{
    const struct settings *settings = &session->settings;
    bool used[SETTINGS_MAX];
    settings_used(settings, used);
    add_argument(out, settings_launches(settings) ? "launch" : "train");
    add_argument(out, model);
    for (size_t i = 0; i < training_options.count; i++) {
        const char *values[SETTING_ITEMS_MAX + 1];
        if (!is_passed(settings, used, i) || (probe && i == SETTING(after)))
            continue;
        snprintf(out->options[i], OPTION_MAX, "--%s", training_options.rows[i].name);
        values_of(settings, i, values);
        for (size_t k = 0; values[k]; k++) {
            add_argument(out, out->options[i]);
            if (takes_value(i))
                add_argument(out, values[k]);
        }
    }
    if (plan) {
        add_argument(out, "--plan");
        add_argument(out, plan);
    }
    if (probe) {
        add_argument(out, "--dry-run");
        add_argument(out, "--probe");
    }
}

/* A job is resumed from anywhere: its arguments name files by their whole paths. A template may be
 * a name and no file. */
static int make_absolute(struct settings *settings, size_t field, size_t item, struct error *err)
{
    const char *value = settings_item(settings, field, item);
    if (!value[0] || setting_choice(field, value) >= 0)
        return 0;
    char *absolute = sys.realpath(value, NULL);
    if (!absolute && field == SETTING(after)) /* jobs have names, too */
        return 0;
    if (!absolute)
        return error_set_errno(err, errno, "cannot find %s", value);
    bool fits = settings_restore(settings, field, item, absolute, settings->fields[field].origin);
    free(absolute);
    return fits ? 0 : error_set(err, "the path of %.200s is too long", value);
}

static int make_all_absolute(struct settings *settings, struct error *err)
{
    bool used[SETTINGS_MAX];
    settings_used(settings, used);
    for (size_t i = 0; i < training_options.count; i++)
        for (size_t k = 0; used[i] && setting_is_path(i) && k < settings_count(settings, i); k++)
            if (make_absolute(settings, i, k, err) != 0)
                return -1;
    return 0;
}

/* --- what stands in the way --- */

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
        added_tokens_look(tokenizer, settings_value(settings, SETTING(format.template_name)), false,
                          marks, sizeof marks, &err);
    tokenizer_close(tokenizer);
    bool uses = settings_uses(settings, SETTING(add_tokens));
    snprintf(why, size, "no token%s of this tokenizer: %s of the chat template; %s",
             strstr(marks, " and ") ? "s" : "", marks,
             uses ? "\"added tokens: yes\" makes them tokens, or take another template"
                  : "take another template, or method full or spectrum and \"added tokens: yes\"");
    return !marks[0];
}

/* The run itself would refuse some of it, and be killed by the system for the rest, in the middle.
 */
bool launch_train_check_fit(const struct session *session, char *why, size_t size)
{
    const struct training_estimate *cost = &session->form_cost;
    struct buffer text = BUFFER_INIT;
    struct training_request request;
    struct training_room room;
    settings_request(&session->settings, &request);
    training_room_look(&room, cost, &request);
    if (!cost->known) {
        buffer_format(&text, "what this run would take is not known: %s", cost->why);
    } else if (!room.fits) {
        buffer_format(&text, "it does not start: it takes %s, and %s are %s%s; ",
                      bytes_text((double)room.needed).text, bytes_text((double)room.bytes).text,
                      room.within[0] ? "there within " : "free here", room.within);
        training_memory_remedy(&text, &request);
    } else if (!cost->disk.fits) {
        buffer_text(&text, "it does not start: ");
        training_disk_put(&text, &cost->disk);
        buffer_text(&text, "; fewer --keep, or a --run on another disk, need less");
    }
    settings_words(buffer_string(&text), why, size);
    training_request_free(&request);
    buffer_free(&text);
    return cost->known && room.fits && cost->disk.fits;
}

/* --- the start --- */

/* The screen's plan as plan.yaml of a job's folder, where it is what trains: its path into *out,
 * newly allocated; else NULL. */
static int write_plan(const struct session *session, const char *folder, char **out,
                      struct error *err)
{
    struct buffer text = BUFFER_INIT;
    *out = NULL;
    if (!settings_use_plan(&session->settings))
        return 0;
    session_put_plan(session, PLAN_YAML, &text);
    int status = buffer_check(&text, err);
    *out = status == 0 ? path_join(folder, "plan.yaml", err) : NULL;
    if (!*out || file_save(*out, text.data, text.length, err) != 0) {
        free(*out);
        *out = NULL;
        status = -1;
    }
    buffer_free(&text);
    return status;
}

/* `train` with the form's fields as a job in a folder. */
static int launch(const struct session *session, const char *folder, bool probe, struct error *err)
{
    struct arguments arguments = {.count = 0};
    char *plan = NULL, *model = sys.realpath(session->scan->model, NULL);
    int status = write_plan(session, folder, &plan, err);
    if (status == 0) {
        fill_arguments(&arguments, session, model ? model : session->scan->model, plan, probe);
        status = job_launch(folder, "/proc/self/exe", (char *const *)arguments.list, err);
    }
    free(plan);
    free(model);
    return status;
}

/* What was made before a step that fails stays: the folder, perhaps with its plan. A plan that is
 * written is kept with that. A probe would take the processor from the run. */
int launch_train(struct session *session, struct error *unlisted, struct error *err)
{
    struct settings *settings = &session->settings;
    char run[SETTING_VALUE_MAX];
    bool by_plan = settings_use_plan(settings);

    form_defaults_run(session);
    snprintf(run, sizeof run, "%s", settings_value(settings, SETTING(run)));
    if (job_dir_create(run, err) != 0 || make_all_absolute(settings, err) != 0)
        return -1;
    snprintf(run, sizeof run, "%s", settings_value(settings, SETTING(run)));
    job_index_add(run, unlisted);
    probe_stop(&session->probe);
    if (launch(session, run, false, err) != 0)
        return -1;
    form_history_add(settings);
    form_keep_changed(&session->form);
    session->plan_changed = session->plan_changed && !by_plan; /* the run has kept it */
    return session_watch(session, run, err);
}

/* --- a probe --- */

/* The sub-command without the run's name, and how much trains: the plan may be another one. */
void launch_train_probe_key(const struct session *session, struct buffer *out)
{
    struct buffer command = BUFFER_INIT;
    launch_train_command(session, &command);
    const char *text = buffer_string(&command), *run = strstr(text, " --run ");
    const char *rest = run ? strstr(run + 1, " --") : NULL;
    buffer_append(out, text, run ? (size_t)(run - text) : strlen(text));
    buffer_format(out, "%s %lld %lld", rest ? rest : "",
                  (long long)session->form_cost.trained_parameters,
                  (long long)session->form_cost.adapter_parameters);
    buffer_free(&command);
}

/* The key is of the form as it was started: another form's time is then known to be another's. */
int launch_train_probe(struct session *session, struct error *err)
{
    struct buffer key = BUFFER_INIT;
    char *folder = probe_folder(&session->probe, err);
    int status = folder ? launch(session, folder, true, err) : -1;
    launch_train_probe_key(session, &key);
    if (status == 0)
        status = buffer_check(&key, err);
    if (status == 0)
        status = probe_begin(&session->probe, folder, key.data, err);
    else
        probe_stop(&session->probe);
    buffer_free(&key);
    free(folder);
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
    bool used[SETTINGS_MAX];
    settings_used(settings, used);
    buffer_format(out, "spectrum %s ", settings_launches(settings) ? "launch" : "train");
    put_word(out, session->source);
    for (size_t i = 0; i < training_options.count; i++) {
        const char *values[SETTING_ITEMS_MAX + 1];
        if (!is_passed(settings, used, i) || settings_count(settings, i) == 0)
            continue;
        values_of(settings, i, values);
        for (size_t k = 0; values[k]; k++) {
            buffer_format(out, " --%s", training_options.rows[i].name);
            if (!takes_value(i))
                continue;
            buffer_byte(out, ' ');
            put_word(out, values[k]);
        }
    }
    if (settings_use_plan(settings))
        buffer_text(out, " --plan PLAN");
}
