/* `spectrum train MODEL --data FILE...`: the selective trainer.
 *
 * One function runs it (job/training.h), whoever asked: from a terminal the process is the job
 * itself and shows lines on standard error; with --detach it starts the same command again as a job
 * of its own (job/launch.h) and prints that job's folder; started by a supervisor it finds its
 * folder in $SPECTRUM_JOB, and job_restart_read() says whether it resumes, and from where.
 */
#include "base/decimal.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "job/engines/engine_launch.h"
#include "job/job_create.h"
#include "job/job_delete.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"
#include "job/run_config.h"
#include "job/training/training.h"
#include "tui/cli/command.h"
#include "tui/cli/dry_run_view.h"
#include "tui/cli/metrics_line.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/cli/source_view.h"
#include "tui/cli/train_config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- a run as lines on standard error, and how it ended on standard output --- */

struct train_view {
    const char *run;
    bool json;
    int64_t steps;
    struct buffer data;       /* the run's, as JSON; freed at its end */
    bool adapters;            /* it has some: they are what is exported */
    double shown_at;          /* seconds; a line a second at most, but for the last step */
    struct train_report last; /* loss NaN: no step was taken in this sitting */
    double eval_loss;         /* NaN: none */
};

/* What the run makes of its data: documents, the rows that they are packed into, the steps over
 * those, and what is left out. */
static void tell_data(const struct training_data_plan *data, int64_t steps)
{
    fprintf(stderr,
            "data: %s document%s, %s token%s; in an epoch %s supervised token%s in %s row%s of %s; "
            "%s document%s for evaluation\n",
            decimal_text((int64_t)data->documents).text, text_s(data->documents),
            decimal_text((int64_t)data->tokens).text, text_s(data->tokens),
            decimal_text((int64_t)data->epoch_targets).text, text_s(data->epoch_targets),
            decimal_text((int64_t)data->epoch_rows).text, text_s(data->epoch_rows),
            decimal_text(data->seq_len).text, decimal_text((int64_t)data->eval_pieces).text,
            text_s(data->eval_pieces));
    /* a step of one row is never cut short */
    bool whole = data->step_rows == 1;
    fprintf(stderr, "steps: %s of %s%s row%s; %s an epoch%s\n", decimal_text(steps).text,
            whole ? "" : "up to ", decimal_text(data->step_rows).text,
            text_s((uint64_t)data->step_rows), decimal_text(data->epoch_steps).text,
            whole ? "" : ", whose last one has what is left");
    source_view_counts("data", &data->counts, data->too_short, data->undesired);
    if (data->eval_own)
        source_view_counts("evaluation", &data->eval_counts, data->eval_too_short,
                           data->eval_undesired);
    if (data->weighted)
        fprintf(stderr, "data: losses count as much as the records' and turns' weights say\n");
}

/* The method's name and how a step is taken. Where a run goes on beyond its end, the learning rate is
 * another one, which its own line says. */
static void tell_step(const struct training_request *request)
{
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "method: %s; optimizer: ", method_names[request->method]);
    if (request->more.steps > 0)
        buffer_text(&line, optimizer_names[request->optimizer]);
    else
        training_step_put(&line, request);
    fprintf(stderr, "%s\n", buffer_string(&line));
    buffer_free(&line);
}

/* Once, when the run knows all that it will do: what trains, on what, in how much memory. The
 * data's plan is kept as JSON for the summary, as its structures do not outlive the start. */
static void on_start(void *context, const struct training_start *start)
{
    struct train_view *view = context;
    view->last.progress = start->progress;
    view->adapters = start->adapters;
    view->steps = start->steps;
    buffer_clear(&view->data);
    struct json_writer data = {.out = &view->data};
    json_object(&data, NULL);
    training_put_data_plan(&data, &start->data);
    json_end(&data);
    double share = 100.0 * (double)start->trained_parameters / (double)start->parameters;
    if (start->adapters)
        message_print("%s: trains %s tensor%s, adapters among them, of %s parameters beside the "
                      "model's %s (%.2f %%), %s",
                      view->run, decimal_text((int64_t)start->trained_tensors).text,
                      text_s(start->trained_tensors), decimal_text(start->trained_parameters).text,
                      decimal_text(start->parameters).text, share, start->precision);
    else
        message_print("%s: trains %s of %s tensors, %s of %s parameters (%.2f %%), %s", view->run,
                      decimal_text((int64_t)start->trained_tensors).text,
                      decimal_text((int64_t)start->tensors).text,
                      decimal_text(start->trained_parameters).text,
                      decimal_text(start->parameters).text, share, start->precision);
    tell_step(start->request);
    tell_data(&start->data, start->steps);
    fprintf(stderr, "memory: %s planned (", bytes_text((double)start->memory->total).text);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        fprintf(stderr, "%s%s %s", i ? ", " : "", memory_category_name((enum memory_category)i),
                bytes_text((double)start->memory->bytes[i]).text);
    fprintf(stderr, ")\n");
    if (start->resumed)
        fprintf(stderr, "resumed after step %" PRId64 " of %" PRId64 "%s\n", start->progress.step,
                start->steps, start->exact ? ", exactly" : "");
}

/* A line a second is enough for eyes; the first and the last step have one whatever the time. */
static void on_step(void *context, const struct train_report *report, int64_t steps)
{
    struct train_view *view = context;
    double now = clock_seconds();
    int64_t step = report->progress.step;
    view->last = *report;
    if (now - view->shown_at < 1 && step != steps && step != 1)
        return;
    view->shown_at = now;
    struct buffer line = BUFFER_INIT;
    metrics_line_step(&line,
                      &(struct step_line){step, steps, report->loss, report->norm, report->rate,
                                          (double)report->step_tokens / report->step_seconds});
    fputs(buffer_string(&line), stderr);
    buffer_free(&line);
}

/* Kept for the summary, too. */
static void on_evaluation(void *context, int64_t step, const struct evaluation *evaluation)
{
    struct train_view *view = context;
    view->eval_loss = evaluation->loss;
    struct buffer line = BUFFER_INIT;
    metrics_line_evaluation(&line, step, evaluation->loss, (double)evaluation->tokens);
    fputs(buffer_string(&line), stderr);
    buffer_free(&line);
}

static void on_sample(void *context, int64_t step, const char *text)
{
    (void)context;
    struct buffer lines = BUFFER_INIT;
    metrics_line_sample(&lines, step, text);
    fputs(buffer_string(&lines), stderr);
    buffer_free(&lines);
}

/* loss and eval_loss are NaN until there is one; -10: the first line comes at once. */
static struct training_view train_view_make(struct train_view *view, const char *run, bool json)
{
    *view = (struct train_view){
        .run = run, .json = json, .shown_at = -10, .last.loss = NAN, .eval_loss = NAN};
    return (struct training_view){.context = view,
                                  .on_message = message_say,
                                  .on_start = on_start,
                                  .on_step = on_step,
                                  .on_evaluation = on_evaluation,
                                  .on_sample = on_sample};
}

/* The summary of a run that completed. */
static void train_view_end(const struct train_view *view)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    const struct progress *progress = &view->last.progress;
    if (!view->json) {
        message_print("done: `spectrum export %s -o DIR` writes the %s", view->run,
                      view->adapters ? "adapters, with --merge the model" : "model");
        return;
    }
    json_begin(&json, "spectrum.train-summary");
    json_text(&json, "run", view->run);
    json_integer(&json, "steps", progress->step);
    json_count(&json, "tokens", progress->tokens);
    json_count(&json, "supervised_tokens", progress->supervised);
    json_integer(&json, "planned_steps", view->steps);
    json_raw(&json, "data", view->data.length > 0 ? buffer_string(&view->data) : "{}");
    if (!isnan(view->last.loss)) /* what is not known is absent */
        json_real(&json, "loss", view->last.loss);
    if (!isnan(view->eval_loss))
        json_real(&json, "eval_loss", view->eval_loss);
    if (!isnan(progress->seconds))
        json_real(&json, "seconds", progress->seconds);
    json_end(&json);
    output_json(&json, NULL);
}

/* --- the command --- */

/* "runs/<the model's last name>-20261124-150000"; nothing is made. */
static char *default_run(const char *model, struct error *err)
{
    char stamp[32];
    time_t now = sys.time(NULL);
    struct tm local;
    struct buffer path = BUFFER_INIT;
    size_t length = strlen(model);
    while (length > 1 && model[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && model[begin - 1] != '/')
        begin--;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    buffer_format(&path, "runs/%.*s-%s", (int)(length - begin), model + begin, stamp);
    if (buffer_check(&path, err) == 0)
        return path.data;
    buffer_free(&path);
    return NULL;
}

/* --detach: which folder it is, for a script to go on with. */
static int print_run(const char *run, bool as_json, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int status = 0;
    if (as_json) {
        json_begin(&json, "spectrum.train-started");
        json_text(&json, "run", run);
        json_end(&json);
        status = json_finish(&json, err);
    } else {
        buffer_format(&out, "%s\n", run);
        status = buffer_check(&out, err);
    }
    fputs(buffer_string(&out), stdout);
    buffer_free(&out);
    return status;
}

/* The same command without --detach, as a job of its own in that folder. */
static int detach(const struct training_request *r, const char *job, struct error *err)
{
    char **arguments = array_alloc((size_t)r->argc + 1, sizeof *arguments, err);
    int count = 0;
    if (!arguments)
        return -1;
    for (int i = 0; i < r->argc; i++)
        if (strcmp(r->argv[i], "--detach") != 0)
            arguments[count++] = r->argv[i];
    int status = job_launch(job, "/proc/self/exe", arguments, err);
    free(arguments);
    if (status == 0 && !r->dry_run)
        status = job_wait_for_data(job, err);
    return status == 0 ? print_run(job, r->json, err) : -1;
}

static void enter_in_index(const char *job)
{
    struct error unlisted = ERROR_INIT;
    if (job_index_add(job, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
}

/* A probe's folder is not the run's, which is to be free for it: "probe" in this user's state, or
 * "probe-2", ... */
static int detach_probe(const struct training_request *r, struct error *err)
{
    char *folder = xdg_state_folder("probes", err);
    char *name = folder ? path_join(folder, "probe", err) : NULL;
    char *job = name ? job_dir_create_new(name, err) : NULL;
    if (job)
        enter_in_index(job);
    int status = job ? detach(r, job, err) : -1;
    free(folder);
    free(name);
    free(job);
    return status;
}

/* The folder that --run names, or one of its own; in *made what is to be freed. */
static int make_run(struct training_request *r, char **made, struct error *err)
{
    char *name = r->run ? NULL : default_run(r->model, err);
    if (r->run ? job_dir_create(r->run, err) != 0
               : !name || !(*made = job_dir_create_new(name, err))) {
        free(name);
        return -1;
    }
    free(name);
    r->run = *made ? *made : r->run;
    enter_in_index(r->run);
    return 0;
}

/* What a resume was asked for, which is not among the arguments of the run. */
static int take_restart(struct training_request *r, bool *resumes, struct error *err)
{
    struct job_restart restart;
    *resumes = job_restart_read(&restart);
    r->from_step = restart.step;
    r->more.steps = restart.more;
    r->more.rate = restart.rate;
    return schedule_by_name(&r->more.schedule, restart.schedule ? restart.schedule : "constant",
                            err);
}

/* --- on another engine --- */

/* What its processes wrote since the last look, as lines. The folder is a job's once the worker has
 * begun. */
struct launch_view {
    const char *run;
    struct job_follow *job;
    struct job_metrics_place place;
};

static void on_look(void *context)
{
    struct launch_view *view = context;
    if (!view->job && job_follow_open(&view->job, view->run, NULL) != 0)
        return;
    job_follow_update(view->job);
    metrics_line_catch_up(view->job, &view->place, stderr, NULL);
}

/* With --json: what there is now. */
static int print_launched(const struct training_request *r, const char *status, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    if (!r->json)
        return 0;
    json_begin(&json, "spectrum.launch-summary");
    json_text(&json, "run", r->run);
    json_text(&json, "engine", engine_names[r->engine]);
    json_integer(&json, "processes", r->processes);
    json_integer(&json, "nodes", r->nodes);
    json_text(&json, "status", status);
    json_end(&json);
    return output_json(&json, err);
}

static int launch(const struct training_request *r, bool resumes, struct error *err)
{
    struct launch_view view = {.run = r->run, .place.offset = job_metrics_size(r->run)};
    const struct training_view shown = {
        .context = &view,
        .on_message = message_say,
        .interrupted = interrupt_watch("the step in hand is finished and a checkpoint written")};
    int status = engine_launch(r, resumes, &shown, on_look, err);
    if (status == 0)
        message_print("done: `spectrum export %s -o DIR` writes the model", r->run);
    if (status == 0)
        status = print_launched(r, "completed", err);
    job_follow_close(view.job);
    if (status < 0 && r->dry_run && err->kind == ERROR_NOT_STARTED) { /* as it was asked to */
        message_print("%s", err->text);
        return print_launched(r, "not started", err);
    }
    return status;
}

/* Where it runs: in the folder that a supervisor named, or in one that is made now; a dry run makes
 * none, but says what it would be called. What was asked for is checked before a folder is made; a
 * supervised run was checked by who started it, and finds out by itself what is wrong since. */
static int train(struct training_request *r, struct error *err)
{
    const char *job = getenv("SPECTRUM_JOB");
    bool launched = r->engine != ENGINE_HERE;
    bool supervised = job && job[0] && (!r->dry_run || r->probe || launched), resumes = false;
    bool dry = r->dry_run && !launched; /* a dry run of an engine writes its folder */
    char *run = NULL;
    if (!supervised && training_check(r, TRAINING_ASKED, err) != 0)
        return -1;
    if (supervised && !dry && take_restart(r, &resumes, err) != 0)
        return -1;
    if (supervised && !dry)
        r->run = job;
    else if (dry && !r->run && !(r->run = run = default_run(r->model, err)))
        return -1;
    bool makes = !dry && !supervised, there = r->run && sys.access(r->run, F_OK) == 0;
    int status = makes ? make_run(r, &run, err) : 0;
    if (status != 0) {
        free(run);
        return -1;
    }
    if (dry && r->detach && !supervised) {
        status = detach_probe(r, err);
    } else if (dry) {
        status = dry_run_print(r, supervised ? job : NULL, err); /* no run's folder is made */
    } else if (r->detach && !supervised) {
        status = detach(r, r->run, err);
    } else if (launched) {
        status = launch(r, resumes, err);
    } else {
        struct train_view view;
        struct training_view shown = train_view_make(&view, r->run, r->json);
        shown.interrupted =
            interrupt_watch("the step in hand is finished and a checkpoint written");
        status = training_run(r, resumes, &shown, err);
        if (status == 0)
            train_view_end(&view);
        buffer_free(&view.data);
    }
    /* The terminal has said why; a detached start keeps its log, and can be resumed. Others may wait
     * for one that waited in vain itself (job_after.h). */
    if (status < 0 && makes && !r->detach && err->kind != ERROR_INTERRUPTED &&
        err->kind != ERROR_NOT_STARTED)
        job_delete_refused(r->run, there);
    free(run);
    return status;
}

/* The one MODEL, from here or from the file of --config. *made: the arguments that file and command
 * line make together, from which the request is then, and which must outlive it. */
static int parse(struct training_request *r, int argc, char **argv, char ***made, struct error *err)
{
    bool launches = strcmp(argv[0], command_launch.name) == 0;
    const struct command *command = launches ? &command_launch : &command_train;
    const char *needs = launches ? "launch takes one MODEL, --engine ENGINE and --data FILE"
                                 : "train takes one MODEL, and --data FILE";
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    size_t count = 0;
    if (!rest)
        return -1;
    int status = options_parse(command, r, &r->given, argc, argv, rest, &count, err);
    if (status == 0 && count > 1)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    r->model = status == 0 && count == 1 ? rest[0] : NULL;
    free(rest);
    if (status != 0)
        return status;
    if (r->config) {
        *made = train_config_expand(r, argc, argv, &argc, err);
        argv = *made;
        training_request_free(r);
        training_request_init(r);
        status = *made ? options_parse_one(command, r, &r->given, needs, argc, argv, &r->model, err)
                       : -1;
    } else if (!r->model) {
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    }
    if (status == 0 && launches && r->engine == ENGINE_HERE)
        status = error_set_kind(err, ERROR_USAGE,
                                "launch needs --engine fsdp2, deepspeed, trl or axolotl; `spectrum "
                                "train` trains here");
    r->program = SPECTRUM_VERSION;
    r->argc = argc;
    r->argv = argv;
    return status;
}

/* What job.json has of a launched run, for its resume: the command's own name, whichever it was called
 * by, and no --dry-run, which is of the folder's making alone. Newly allocated, of the same texts. */
static char **launched_arguments(struct training_request *r, struct error *err)
{
    static char name[] = "launch";
    char **kept = array_alloc((size_t)r->argc + 1, sizeof *kept, err);
    int count = 0;
    for (int i = 0; kept && i < r->argc; i++)
        if (strcmp(r->argv[i], "--dry-run") != 0 && strcmp(r->argv[i], "-dry-run") != 0)
            kept[count++] = i == 0 ? name : r->argv[i];
    r->argc = count;
    r->argv = kept;
    return kept;
}

/* What does not go together is refused before anything is opened; of --steps and --epochs the first
 * counts, which is said, as a user who gives both may think otherwise. */
static int run(int argc, char **argv, struct error *err)
{
    struct training_request r;
    char **made = NULL, **kept = NULL;
    training_request_init(&r);
    int status = parse(&r, argc, argv, &made, err);
    if (status == 0 && r.engine != ENGINE_HERE && !(kept = launched_arguments(&r, err)))
        status = -1;
    if (status == 0)
        status = training_check_together(&r, err);
    if (status == 0 && option_is_given(&r.given, TRAINING_ROW(steps)) &&
        option_is_given(&r.given, TRAINING_ROW(epochs)))
        fprintf(stderr, "--steps goes before --epochs, as max_steps does in transformers\n");
    training_request_fill(&r);
    if (status == 0)
        status = train(&r, err);
    training_request_free(&r);
    run_config_free_arguments(made);
    free(kept);
    return status > 0 ? 0 : status;
}

const struct command command_train = {
    .name = "train",
    .summary = "train what the plan names, freeze the rest",
    .usage = "spectrum train MODEL|RUN --data FILE [--plan PLAN] [--config FILE]",
    .options = &training_options,
    .run = run,
    .computes = true,
};

const struct command command_launch = {
    .name = "launch",
    .summary = "train on another engine: several processes, GPUs, machines",
    .usage = "spectrum launch MODEL|RUN --engine ENGINE --processes N --data FILE [--plan PLAN] "
             "[--slurm]",
    .options = &training_options,
    .run = run,
    .computes = true,
};
