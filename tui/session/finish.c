#include "tui/session/finish.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/xdg.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/method.h"
#include "text/data/data_files.h"
#include "tui/session/wording.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is run: the sub-command, the option that the argument belongs to, and one more. */
static const struct {
    const char *command, *option, *flag;
} commands[] = {
    [FINISH_EXPORT] = {"export", "-o", NULL},
    [FINISH_MERGE] = {"export", "-o", "--merge"},
    [FINISH_EVALUATE] = {"eval", "--data", NULL},
    [FINISH_PROMPT] = {"generate", "--prompt", NULL},
    [FINISH_CHAT] = {"generate", "--prompt", "--chat"},
};

/* --- starting --- */

int finish_check(const struct job_follow *run, struct error *err)
{
    const struct job_kind *kind = job_kind_of(run->job);
    char state[ERROR_TEXT_MAX];
    if (!kind->weights)
        return error_set(err, "it is %s %s, and leaves no model", text_a(kind->noun), kind->noun);
    job_follow_describe(run, state, sizeof state);
    if (job_follow_lives(run) && !job_follow_pauses(run))
        return error_set(err, "%s: it ends or pauses first", state);
    return 0;
}

bool finish_has_adapters(const struct job_follow *run)
{
    const char *name = "";
    json_get_string(run->job, "method", &name);
    enum training_method method = method_by_name(name);
    return method != METHOD_COUNT && method_info(method)->adapters;
}

/* What the sub-command would refuse at once: that a job ended before it began is found only by who
 * looks for it. */
static int check_argument(const struct job_follow *run, enum finish_what what, const char *argument,
                          struct error *err)
{
    if (what == FINISH_EVALUATE)
        return data_files_look(argument, err);
    if (what == FINISH_MERGE && !finish_has_adapters(run))
        return error_set(err, "the run has no adapters to merge: its export is a whole model");
    if ((what == FINISH_EXPORT || what == FINISH_MERGE) && !folder_is_empty(argument))
        return error_set(err, "%s is there, and not an empty folder: an export takes a new one",
                         argument);
    return 0;
}

/* A folder for the job that nobody has: "<state folder>/made/model-1-export". */
static char *make_folder(const char *run, const char *command, struct error *err)
{
    char *place = xdg_state_folder("made", err), *folder = NULL, *path = NULL;
    struct buffer name = BUFFER_INIT;
    buffer_format(&name, "%s-%s", path_last(run), command);
    if (place && buffer_check(&name, err) == 0)
        path = path_join(place, buffer_string(&name), err);
    if (path)
        folder = job_dir_create_new(path, err);
    buffer_free(&name);
    free(path);
    free(place);
    return folder;
}

/* The sub-command with --json, as a job of its own: the screen waits for nothing. */
int finish_start(struct finish *finish, const struct job_follow *run, enum finish_what what,
                 const char *argument, struct error *err)
{
    const char *command = commands[what].command, *flag = commands[what].flag;
    bool may = finish_check(run, err) == 0 && check_argument(run, what, argument, err) == 0;
    char *folder = may ? make_folder(run->path, command, err) : NULL;
    if (!folder)
        return -1;
    const char *arguments[] = {command, run->path, commands[what].option, argument, "--json",
                               flag,    NULL};
    int status = job_launch(folder, "/proc/self/exe", (char *const *)(uintptr_t)arguments, err);
    if (status == 0)
        status = finish_open(finish, folder, err);
    finish->kind = job_kind_find(command);
    free(folder);
    return status;
}

int finish_open(struct finish *finish, const char *path, struct error *err)
{
    finish_close(finish);
    return job_follow_open(&finish->job, path, err);
}

void finish_close(struct finish *finish)
{
    job_follow_close(finish->job);
    buffer_free(&finish->result);
    *finish = (struct finish){.job = NULL};
}

/* --- its result --- */

/* From `spectrum eval --json`: a number that is not there is not known. */
static void put_evaluation(const cJSON *json, struct buffer *out)
{
    double loss = NAN, perplexity = NAN, tokens = NAN;
    int64_t step = -1, row = 0;
    const char *by = "";
    json_get_double(json, "loss", &loss);
    json_get_double(json, "perplexity", &perplexity);
    json_get_double(json, "tokens", &tokens);
    json_get_int64(json, "step", &step);
    if (isnan(loss) || isnan(perplexity) || isnan(tokens)) {
        buffer_text(out, "loss n/a: output.json does not say it");
        return;
    }
    buffer_format(out, "loss %.6f, perplexity %.4f, on %.0f tokens", loss, perplexity, tokens);
    if (json_get_int64(json, "seq_len", &row) && row > 0)
        buffer_format(out, " in rows of %" PRId64, row);
    if (json_get_string(json, "seq_len_by", &by) && strcmp(by, "run") == 0)
        buffer_text(out, ", as the run has them");
    if (step >= 0)
        buffer_format(out, "; the checkpoint of step %" PRId64, step);
}

/* The prompt and what follows it; an answer begins a line. */
static void put_generation(const cJSON *json, struct buffer *out)
{
    const char *prompt = "", *text = "";
    bool chat = false;
    json_get_bool(json, "chat", &chat);
    json_get_string(json, "prompt", &prompt);
    json_get_string(json, "text", &text);
    buffer_format(out, "%s%s%s", prompt, chat ? "\n" : "", text);
}

/* From `spectrum export --json`. */
static void put_export(const cJSON *json, struct buffer *out)
{
    const char *place = "", *why = NULL;
    bool adapters = false;
    int64_t step = -1;
    double bytes = NAN, run = NAN, merged = NAN;
    char size[32] = "n/a";
    if (!json_get_string(json, "folder", &place))
        json_get_string(json, "file", &place); /* a GGUF's */
    json_get_bool(json, "adapters", &adapters);
    json_get_int64(json, "step", &step);
    if (json_get_double(json, "bytes", &bytes) && bytes >= 0)
        bytes_put(bytes, size, sizeof size);
    buffer_format(out, "%s: the %s after step %" PRId64 ", %s", place,
                  adapters ? "adapters as PEFT has them" : "model", step, size);
    if (json_get_double(json, "run_loss", &run) && json_get_double(json, "merged_loss", &merged))
        buffer_format(out, "; loss of the run %.6f, of the model %.6f", run, merged);
    if (json_get_string(json, "loss_not_measured", &why))
        buffer_format(out, "; what the merge costs was not measured: %s", why);
}

/* By the format that output.json names. */
static const struct {
    const char *format;
    void (*put)(const cJSON *json, struct buffer *out);
} formats[] = {
    {"spectrum.evaluation", put_evaluation},
    {"spectrum.generation", put_generation},
    {"spectrum.export-summary", put_export},
};

/* By the format that the file names. */
bool finish_put_result(const char *path, struct buffer *out)
{
    const char *format = "";
    cJSON *json = job_dir_has(path, "output.json") ? job_dir_read(path, "output.json", NULL) : NULL;
    bool known = false;
    json_get_string(json, "format", &format);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i].format) == 0) {
            formats[i].put(json, out);
            known = true;
        }
    cJSON_Delete(json);
    return known;
}

const char *finish_argument(const cJSON *job)
{
    static const char *const options[] = {"--data", "--prompt", "-o"};
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(job, "arguments"))
    {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            if (cJSON_IsString(item) && strcmp(item->valuestring, options[i]) == 0 && item->next &&
                cJSON_IsString(item->next))
                return item->next->valuestring;
    }
    return "";
}

/* What there is of a result, else why there is none. A loss is one on some data. */
static void read_result(struct finish *finish)
{
    char why[ERROR_TEXT_MAX];
    finish->read = true;
    finish->failed = !finish_put_result(finish->job->path, &finish->result);
    if (finish->failed) {
        job_last_message(finish->job->path, why, sizeof why);
        buffer_text(&finish->result, why);
    } else if (strcmp(job_kind_of(finish->job->job)->command, "eval") == 0 &&
               finish_argument(finish->job->job)[0]) {
        buffer_format(&finish->result, "\ndata: %s", finish_argument(finish->job->job));
    }
}

bool finish_update(struct finish *finish)
{
    if (!finish->job || finish->read)
        return false;
    bool changed = job_follow_update(finish->job);
    if (!job_follow_lives(finish->job) && (finish->job->result || finish->job->state == JOB_DIED)) {
        read_result(finish);
        changed = true;
    }
    return changed;
}

void finish_put_state(const struct finish *finish, char *out, size_t size)
{
    const char *status = "";
    const struct job_follow *job = finish->job;
    const struct job_kind *kind = job->job || !finish->kind ? job_kind_of(job->job) : finish->kind;
    char phase[64], state[ERROR_TEXT_MAX], model[128];
    job_follow_model(job, model, sizeof model);
    json_get_string(job->result, "status", &status);
    if (strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0)
        snprintf(state, sizeof state, "%s", status); /* the message is the result's */
    else
        job_follow_describe(job, state, sizeof state);
    bool says = job_follow_lives(job) && job_follow_phase(job, phase, sizeof phase);
    snprintf(out, size, "%s%s%s: %s", kind->noun, model[0] ? " of " : "", model,
             says ? phase : state);
}
