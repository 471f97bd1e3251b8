/* `spectrum jobs`, and what is done to one: attach, pause, checkpoint, stop, resume; and
 * `supervise`, by which a job is run.
 *
 * A job is named by its folder. All commands but `jobs` find it, do one thing to it, and with
 * --json say how it stands then: with_job() is that frame, and a function a command is what is
 * done, by the rules and in the words of tui/session/steer.h.
 */
#include "base/memory.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/job_kind.h"
#include "job/launch.h"
#include "job/trust.h"
#include "train/state.h"
#include "tui/cli/command.h"
#include "tui/cli/metrics_line.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/session/steer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the command line says besides the job. */
struct request {
    struct state_choice choice;
    bool trusted, json;
};

/* A path need not be UTF-8; JSON must. */
static void put_text(struct json_writer *json, const char *key, const char *text)
{
    struct buffer plain = BUFFER_INIT;
    buffer_text(&plain, text);
    if (plain.data && !utf8_valid(plain.data, plain.length))
        utf8_sanitize(plain.data);
    json_text(json, key, buffer_string(&plain));
    buffer_free(&plain);
}

/* Text of a folder that may be anyone's, for a terminal. */
static void put_plain(struct buffer *out, int width, const char *text)
{
    struct buffer plain = BUFFER_INIT;
    buffer_text(&plain, text);
    if (plain.data)
        utf8_sanitize(plain.data);
    buffer_format(out, "%-*s", width, buffer_string(&plain));
    buffer_free(&plain);
}

/* "running   train /home/u/runs/first\n          running at step 31": two lines, so that neither a
 * long path nor a long state is cut. A scan's folder does not say whose it is, so its model
 * follows. */
static void put_line(struct buffer *out, const struct job_follow *job)
{
    int64_t step = job_metrics_last_step(&job->metrics), done, total;
    const char *model = "", *command = "";
    char state[ERROR_TEXT_MAX];
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    buffer_format(out, "%-9s ", job_state_name(job->state));
    put_plain(out, 6, command);
    buffer_byte(out, ' ');
    put_plain(out, 0, job->path);
    buffer_format(out, "\n          %s", state);
    if (step >= 0 && job_follow_lives(job))
        buffer_format(out, " at step %" PRId64, step);
    else if (job_follow_lives(job) && job_follow_rows(job, &done, &total))
        buffer_format(out, " at %" PRId64 " of %" PRId64 " matrices", done, total);
    if (job_follow_is_scan(job) && json_get_string(job->job, "model", &model)) {
        buffer_text(out, ", ");
        put_plain(out, 0, model);
    }
    buffer_byte(out, '\n');
}

/* How a job stands: the members of an object that is begun, the same in the list, and of one job.
 */
static void put_members(struct json_writer *json, const struct job_follow *job)
{
    const char *model = NULL, *command = NULL;
    char state[ERROR_TEXT_MAX];
    int64_t step = job_metrics_last_step(&job->metrics), done, total;
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    json_get_string(job->job, "model", &model);
    put_text(json, "job", job->path);
    json_text(json, "state", job_state_name(job->state));
    put_text(json, "text", state);
    json_text(json, "command", command);
    json_text(json, "model", model);
    if (step >= 0)
        json_integer(json, "step", step);
    else
        json_null(json, "step");
    if (job_follow_rows(job, &done, &total)) {
        json_integer(json, "matrices", done);
        json_integer(json, "matrices_total", total);
    }
}

/* All that the list of jobs has, and that can be read. Of the metrics only the end is read: a list
 * is to come at once, however long the runs are. */
static int list_jobs(bool as_json, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    char **paths;
    size_t count;
    struct error unread = ERROR_INIT;
    if (job_index_list(&paths, &count, &unread) != 0)
        fprintf(stderr, "the list of jobs cannot be read: %s\n", unread.text);
    if (as_json) {
        json_begin(&json, "spectrum.jobs");
        json_list(&json, "jobs");
        json_layout(&json, JSON_ROWS_BESIDE);
    }
    for (size_t i = 0; i < count; i++) {
        struct job_follow *job = NULL;
        if (job_follow_open_end(&job, paths[i], NULL) != 0)
            continue;
        if (as_json) {
            json_object(&json, NULL);
            put_members(&json, job);
            json_end(&json);
        } else {
            put_line(&out, job);
        }
        job_follow_close(job);
    }
    if (count == 0 && unread.kind == ERROR_NONE)
        fprintf(stderr, "no jobs yet\n");
    job_index_free(paths, count);
    if (!as_json)
        return output_text(&out, err);
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

#define AT(member) offsetof(struct request, member)

static const struct option list_rows[] = {ROW_JSON(AT(json))};
static const struct option_table list_table = {list_rows, sizeof list_rows / sizeof *list_rows};

/* Without a job's name; all others are with_job()'s. */
static int run_jobs(int argc, char **argv, struct error *err)
{
    struct request r = {.json = false};
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    size_t count;
    if (!rest)
        return -1;
    int status = options_parse(&command_jobs, &r, NULL, argc, argv, rest, &count, err);
    if (status == 0 && count > 0)
        status = error_set_kind(err, ERROR_USAGE, "jobs takes no arguments");
    free(rest);
    if (status == 0)
        status = list_jobs(r.json, err);
    return status > 0 ? 0 : status;
}

const struct command command_jobs = {
    .name = "jobs",
    .summary = "scans and runs, and how they stand",
    .usage = "spectrum jobs [--json]",
    .options = &list_table,
    .run = run_jobs,
};

/* --- one job --- */

/* One thing asked of it (tui/session/steer.h); an error names the job. */
static int ask(struct job_follow *job, enum steering what, struct error *err)
{
    char said[ERROR_TEXT_MAX];
    if (steer(job, what, NULL, said, sizeof said, err) != 0)
        return error_prefix(err, "%s", job->path);
    message_print("%s", said);
    return 0;
}

/* --- what is done, a function a command --- */

/* Without a terminal; on one the full screen does it (attach()). */
static int follow_job(struct job_follow *job, const struct request *request, struct error *err)
{
    (void)request;
    return metrics_line_follow(job, err);
}

static int pause_job(struct job_follow *job, const struct request *request, struct error *err)
{
    (void)request;
    return ask(job, STEER_PAUSE, err);
}

static int checkpoint_job(struct job_follow *job, const struct request *request, struct error *err)
{
    (void)request;
    return ask(job, STEER_CHECKPOINT, err);
}

static int stop_job(struct job_follow *job, const struct request *request, struct error *err)
{
    (void)request;
    return ask(job, STEER_STOP, err);
}

/* The step of the checkpoint that is asked for; 0: the last, -1: an error. */
static int64_t chosen_step(const struct job_follow *job, const struct state_choice *choice,
                           struct error *err)
{
    if (choice->step == 0 && !choice->best)
        return 0;
    if (!job_kind_of(job->job)->checkpoints)
        return error_set_kind(err, ERROR_USAGE,
                              "%s is a %s: --step and --best choose a training run's checkpoint",
                              job->path, job_kind_of(job->job)->noun);
    char *folder = state_choose(job->path, choice, err);
    int64_t step = folder ? state_step_of(strrchr(folder, '/') + 1) : -1;
    free(folder);
    return step;
}

/* What it reads, in full, one file a line: an error's line may not have room for all. The key of
 * what was said, or "". */
static void say_what_it_reads(const struct job_follow *job, char key[DIGEST_TEXT_SIZE])
{
    struct job_trust trust;
    key[0] = '\0';
    if (!job->job || job_trust_look(&trust, job->path, job->job, NULL) != 0)
        return;
    memcpy(key, trust.key, DIGEST_TEXT_SIZE);
    for (size_t i = 0; trust.asks && i < trust.count; i++) {
        const struct job_named *file = &trust.files[i];
        struct buffer line = BUFFER_INIT;
        buffer_format(&line, "it would read %.*s: %s%s", file->length, file->option, file->path,
                      file->inside ? ", in its folder" : "");
        if (line.data)
            utf8_sanitize(line.data);
        fprintf(stderr, "%s\n", buffer_string(&line));
        buffer_free(&line);
    }
    job_trust_free(&trust);
}

/* A paused job is asked to continue. One that has ended or died is started again by its job.json,
 * which may be somebody else's: what it would read is said, and what that user has not approved
 * wants --trust (job/trust.h). Of a run it is waited until it has gone back to its checkpoint, so
 * that a failure is said here. */
static int resume_job(struct job_follow *job, const struct request *request, struct error *err)
{
    struct steer_how how = {.step = chosen_step(job, &request->choice, err)};
    char said[ERROR_TEXT_MAX], key[DIGEST_TEXT_SIZE];
    if (how.step < 0)
        return -1;
    bool again = !job_follow_lives(job);
    uint64_t taken = job_metrics_size(job->path);
    if (steer_check(job, STEER_RESUME, &how, err) != 0)
        return error_prefix(err, "%s", job->path);
    if (again)
        say_what_it_reads(job, key);
    if (again && request->trusted)
        how.trusted = key;
    if (steer(job, STEER_RESUME, &how, said, sizeof said, err) != 0 ||
        (again && job_kind_of(job->job)->checkpoints &&
         job_wait_for_resume(job->path, taken, err) != 0))
        return -1;
    message_print("%s; `spectrum attach %s` watches it", said, job->path);
    return 0;
}

/* How it stands now, with what it said last of training and of evaluation. */
static int print_status(struct job_follow *job, bool metrics, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    job_follow_refresh(job);
    job_follow_update(job);
    json_object(&json, NULL);
    put_members(&json, job);
    if (metrics) {
        json_tree(&json, "metrics", job_metrics_last(&job->metrics, "loss"));
        json_tree(&json, "evaluation", job_metrics_last(&job->metrics, "eval_loss"));
    }
    json_end(&json);
    return output_json(&json, err);
}

/* Finds the job that the command line names, does something to it, and with --json says how it
 * stands. */
static int with_job(const struct command *command, int argc, char **argv,
                    int (*act)(struct job_follow *job, const struct request *request,
                               struct error *err),
                    struct error *err)
{
    struct request request = {.json = false};
    bool attach = act == follow_job;
    const char *name = NULL;
    struct job_follow *job = NULL;
    int status = options_parse_one(command, &request, NULL,
                                   "name one JOB: its folder; `spectrum jobs` "
                                   "lists them",
                                   argc, argv, &name, err);
    if (status != 0)
        return status > 0 ? 0 : status;
    char *path = job_find(name, err);
    status = path ? (attach ? job_follow_open : job_follow_open_end)(&job, path, err) : -1;
    free(path);
    if (status == 0 && !(attach && request.json)) /* one object, not lines and an object */
        status = act(job, &request, err);
    if (status == 0 && request.json)
        status = print_status(job, attach, err);
    job_follow_close(job);
    return status;
}

/* --- the commands --- */

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON_OF("how it stands, as strict JSON on standard output", AT(json)),
    ROW_STEP_THAT("continue from the checkpoint", AT(choice.step)),
    ROW_BEST_THAT("continue from the checkpoint", AT(choice.best)),
    {.name = "trust", .kind = OPTION_FLAG, .at = AT(trusted),
     .help = "resume it although another user made it, or it names files that you have not "
             "approved"},
};
/* clang-format on */
static const struct option_table table = {rows, 1}; /* all but `resume` take --json alone */
static const struct option_table resume_table = {rows, sizeof rows / sizeof *rows};

static int attach(int argc, char **argv, struct error *err)
{
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (terminal && argc == 2 && argv[1][0] != '-') {
        char *path = job_find(argv[1], err);
        char *screen[] = {argv[0], path, NULL};
        int status = path ? command_screen.run(2, screen, err) : -1;
        free(path);
        return status;
    }
    return with_job(&command_attach, argc, argv, follow_job, err);
}

static int pause_it(int argc, char **argv, struct error *err)
{
    return with_job(&command_pause, argc, argv, pause_job, err);
}

static int checkpoint(int argc, char **argv, struct error *err)
{
    return with_job(&command_checkpoint, argc, argv, checkpoint_job, err);
}

static int stop(int argc, char **argv, struct error *err)
{
    return with_job(&command_stop, argc, argv, stop_job, err);
}

static int resume(int argc, char **argv, struct error *err)
{
    return with_job(&command_resume, argc, argv, resume_job, err);
}

const struct command command_attach = {
    .name = "attach",
    .summary = "watch a job: on a terminal the full screen, else its lines",
    .usage = "spectrum attach JOB [--json]",
    .options = &table,
    .run = attach,
};
const struct command command_pause = {
    .name = "pause",
    .summary = "let a job wait after the step, or the matrices, in hand",
    .usage = "spectrum pause JOB",
    .options = &table,
    .run = pause_it,
};
const struct command command_checkpoint = {
    .name = "checkpoint",
    .summary = "let a job write a checkpoint now",
    .usage = "spectrum checkpoint JOB",
    .options = &table,
    .run = checkpoint,
};
const struct command command_stop = {
    .name = "stop",
    .summary = "let a job keep what it has, a run in a checkpoint, and end",
    .usage = "spectrum stop JOB",
    .options = &table,
    .run = stop,
};
const struct command command_resume = {
    .name = "resume",
    .summary = "go on: a paused job, or one that ended or died",
    .usage = "spectrum resume JOB [--step N | --best] [--trust]",
    .options = &resume_table,
    .run = resume,
};

/* --- supervise: what job_launch() starts; not for people, so not listed --- */

/* `spectrum supervise JOB -- COMMAND...` runs the command in a job's folder, and writes down how it
 * ended (job/launch.h). */
static int supervise(int argc, char **argv, struct error *err)
{
    if (argc < 4 || strcmp(argv[2], "--") != 0)
        return error_set_kind(err, ERROR_USAGE, "supervise takes JOB -- COMMAND ARGUMENTS...");
    return job_supervise(argv[1], "/proc/self/exe", argv + 3, err);
}

const struct command command_supervise = {.name = "supervise", .run = supervise};
