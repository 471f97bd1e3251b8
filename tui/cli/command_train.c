/* `spectrum train MODEL --data FILE...`: the selective trainer. */
#include "base/memory.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/training/training.h"
#include "tui/cli/command.h"
#include "tui/cli/dry_run_view.h"
#include "tui/cli/interrupt.h"
#include "tui/cli/options.h"
#include "tui/cli/train_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "runs/<the model's last name>-20261124-150000"; nothing is made. */
static char *default_run(const char *model, struct error *err)
{
    char stamp[32];
    time_t now = time(NULL);
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

/* The same command without --detach, as a job of its own. */
static int detach(const struct training_request *r, struct error *err)
{
    char **arguments = array_alloc((size_t)r->argc + 1, sizeof *arguments, err);
    int count = 0;
    if (!arguments)
        return -1;
    for (int i = 0; i < r->argc; i++)
        if (strcmp(r->argv[i], "--detach") != 0)
            arguments[count++] = r->argv[i];
    int status = job_launch(r->run, "/proc/self/exe", arguments, err);
    free(arguments);
    if (status == 0)
        status = job_wait_for_data(r->run, err);
    return status == 0 ? print_run(r->run, r->json, err) : -1;
}

/* The folder that --run names, or one of its own; in *made what is to be freed. */
static int make_run(struct training_request *r, char **made, struct error *err)
{
    struct error unlisted = ERROR_INIT;
    char *name = r->run ? NULL : default_run(r->model, err);
    if (r->run ? job_dir_create(r->run, err) != 0
               : !name || !(*made = job_dir_create_new(name, err))) {
        free(name);
        return -1;
    }
    free(name);
    r->run = *made ? *made : r->run;
    if (job_index_add(r->run, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
    return 0;
}

/* Without being a job. */
static int dry_run(const struct training_request *r, struct error *err)
{
    struct dry_run_view view;
    struct training_view shown = dry_run_view_make(&view, r, r->json);
    shown.interrupted = interrupt_watch("what is in hand is finished");
    int status = training_dry_run(r, &shown, err);
    if (status == 0)
        status = dry_run_view_end(&view, err);
    dry_run_view_free(&view);
    return status;
}

static int train(struct training_request *r, struct error *err)
{
    const char *job = getenv("SPECTRUM_JOB"), *resume = getenv("SPECTRUM_JOB_RESUME");
    const char *step = getenv("SPECTRUM_JOB_STEP");
    bool supervised = job && job[0] && !r->dry_run;
    char *run = NULL;
    if (!supervised && training_check(r, TRAINING_ASKED, err) != 0)
        return -1;
    r->from_step = supervised && step ? strtoll(step, NULL, 10) : 0;
    if (supervised)
        r->run = job;
    else if (r->dry_run && !r->run && !(r->run = run = default_run(r->model, err)))
        return -1;
    int status = r->dry_run || supervised ? 0 : make_run(r, &run, err);
    if (status != 0) {
        free(run);
        return -1;
    }
    if (r->dry_run) {
        status = dry_run(r, err);
    } else if (r->detach && !supervised) {
        status = detach(r, err);
    } else {
        struct train_view view;
        struct training_view shown = train_view_make(&view, r->run, r->json);
        shown.interrupted =
            interrupt_watch("the step in hand is finished and a checkpoint written");
        status = training_run(r, resume && resume[0], &shown, err);
        if (status == 0)
            train_view_end(&view);
        train_view_free(&view);
    }
    free(run);
    return status;
}

static int run(int argc, char **argv, struct error *err)
{
    struct training_request r;
    training_request_init(&r);
    r.program = SPECTRUM_VERSION;
    r.argc = argc;
    r.argv = argv;
    int status =
        options_parse_one(&command_train, &r, &r.given, "train takes one MODEL, and --data FILE",
                          argc, argv, &r.model, err);
    if (status == 0)
        status = training_check_together(&r, err);
    if (status == 0 && option_is_given(&r.given, TRAINING_ROW(steps)) &&
        option_is_given(&r.given, TRAINING_ROW(epochs)))
        fprintf(stderr, "--steps goes before --epochs, as max_steps does in transformers\n");
    training_request_fill(&r);
    if (status == 0)
        status = train(&r, err);
    training_request_free(&r);
    return status > 0 ? 0 : status;
}

const struct command command_train = {
    .name = "train",
    .summary = "train what the plan names, freeze the rest",
    .usage = "spectrum train MODEL --data FILE [--plan PLAN]",
    .options = &training_options,
    .run = run,
    .computes = true,
};
