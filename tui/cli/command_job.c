/* What is done to one job: pause, checkpoint, stop, resume; and `supervise`, by which a job is run.
 * (command_jobs.c has what is done to several, command_attach.c who watches one.)
 *
 * A job is named by its folder. A command finds it, does one thing to it, and with --json says how
 * it stands then: with_job() is that frame, and a function a command is what is done, by the rules
 * and in the words of tui/session/steer.h.
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
#include "tui/cli/job_view.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/train_config.h"
#include "tui/session/steer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line says besides the job. */
struct request {
    struct state_choice choice;
    int64_t more; /* steps beyond the checkpoint; 0: to the end that the run has */
    double rate;  /* of those; 0: the last one */
    enum schedule_kind schedule;
    struct option_given given;
    bool trusted, json;
};
#define AT(member) offsetof(struct request, member)

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
    const struct job_kind *kind = job_kind_of(job->job);
    if (kind->command[0] && !kind->checkpoints)
        return error_set_kind(err, ERROR_USAGE,
                              "%s is %s %s: --step and --best choose a training run's checkpoint",
                              job->path, text_a(kind->noun), kind->noun);
    char *folder = state_choose(job->path, choice, err);
    int64_t step = folder ? state_step_of(strrchr(folder, '/') + 1) : -1;
    free(folder);
    return step;
}

/* The key of what was said, or "". */
static void say_what_it_reads(const struct job_follow *job, char key[DIGEST_TEXT_SIZE])
{
    struct job_trust trust;
    key[0] = '\0';
    if (!job->job || job_trust_look(&trust, job->path, job->job, NULL) != 0)
        return;
    memcpy(key, trust.key, DIGEST_TEXT_SIZE);
    trust_say(&trust);
    job_trust_free(&trust);
}

/* A paused job is asked to continue. One that has ended or died is started again by its job.json,
 * which may be somebody else's: what it would read is said, and what that user has not approved
 * wants --trust (job/trust.h). Of a run it is waited until it has gone back to its checkpoint, so
 * that a failure is said here. */
static int resume_job(struct job_follow *job, const struct request *request, struct error *err)
{
    struct steer_how how = {.step = chosen_step(job, &request->choice, err),
                            .more = request->more,
                            .rate = request->rate,
                            .schedule = schedule_name(request->schedule)};
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

/* How it stands now. */
static int print_status(struct job_follow *job, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    job_follow_refresh(job);
    job_follow_update(job);
    json_object(&json, NULL);
    job_view_put_members(&json, job);
    json_end(&json);
    return output_json(&json, err);
}

/* The learning rate of a run that goes to the end that it has is the run's own. */
static int check_together(const struct command *command, const struct request *request,
                          struct error *err)
{
    static const size_t of_more[] = {AT(rate), AT(schedule)};
    for (size_t i = 0; i < sizeof of_more / sizeof *of_more; i++) {
        size_t row = option_by_place(command->options, of_more[i]);
        if (request->more == 0 && row < command->options->count &&
            option_is_given(&request->given, row))
            return error_set_kind(err, ERROR_USAGE,
                                  "--lr and --schedule belong to --more: to its own end a run "
                                  "keeps what it was begun with");
    }
    return 0;
}

/* Finds the job that the command line names, does something to it, and with --json says how it
 * stands. */
static int with_job(const struct command *command, int argc, char **argv,
                    int (*act)(struct job_follow *job, const struct request *request,
                               struct error *err),
                    struct error *err)
{
    struct request request = {.schedule = SCHEDULE_CONSTANT};
    const char *name = NULL;
    struct job_follow *job = NULL;
    int status = options_parse_one(command, &request, &request.given,
                                   "name one JOB: its folder; `spectrum jobs` "
                                   "lists them",
                                   argc, argv, &name, err);
    if (status != 0)
        return status > 0 ? 0 : status;
    if (check_together(command, &request, err) != 0)
        return -1;
    char *path = job_find(name, err);
    status = path ? job_follow_open_end(&job, path, err) : -1;
    free(path);
    if (status == 0)
        status = act(job, &request, err);
    if (status == 0 && request.json)
        status = print_status(job, err);
    job_follow_close(job);
    return status;
}

/* --- the commands --- */

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON_OF("how it stands, as strict JSON on standard output", AT(json)),
    ROW_STEP_THAT("continue from the checkpoint", AT(choice.step)),
    ROW_BEST_THAT("continue from the checkpoint", AT(choice.best)),
    {.name = "more", .kind = OPTION_INTEGER, .at = AT(more), .argument = "N", .low = 1,
     .high = 1e9,
     .help = "of a run: end N steps after that checkpoint, whatever its --steps and --epochs were"},
    {.name = "lr", .kind = OPTION_NUMBER, .at = AT(rate), .argument = "X", .low = 1e-30,
     .high = 10, .help = "with --more: the learning rate of those steps (that of the last step)"},
    {.name = "schedule", .kind = OPTION_CHOICE, .at = AT(schedule), .argument = "NAME",
     .choices = schedule_names, .preset = "constant",
     .help = "with --more: how it falls over those steps: {}"},
    {.name = "trust", .kind = OPTION_FLAG, .at = AT(trusted),
     .help = "resume it although another user made it, or it names files that you have not "
             "approved"},
};
/* clang-format on */
static const struct option_table table = {rows, 1}; /* all but `resume` take --json alone */
static const struct option_table resume_table = {rows, sizeof rows / sizeof *rows};

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
    .usage = "spectrum resume JOB [--step N | --best] [--more N] [--trust]",
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
