/* `spectrum attach`: who watches a job, or a run of another tool by its log.
 *
 * On a terminal the full screen does it; else lines are printed as they come, and with --json how the
 * job stands. What follows a log is a job (job/attached.h), and this command its worker, too.
 */
#include "base/decimal.h"
#include "base/memory.h"
#include "base/text.h"
#include "job/attached.h"
#include "job/job_dir.h"
#include "tui/canvas/canvas.h"
#include "tui/cli/command.h"
#include "tui/cli/job_view.h"
#include "tui/cli/metrics_line.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct request {
    const char *run;
    bool list, json;
};
#define AT(member) offsetof(struct request, member)

/* --- which runs there are --- */

/* "2026-11-30 14:03:22"; "n/a" */
static void put_time(double seconds, char *out, size_t size)
{
    time_t at = (time_t)seconds;
    struct tm local;
    if (seconds <= 0 || !localtime_r(&at, &local) ||
        strftime(out, size, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(out, size, "n/a");
}

static void put_cell(struct buffer *out, const char *text, int width)
{
    buffer_format(out, "%s%*s", text, width > text_columns(text) ? width - text_columns(text) : 0,
                  "");
}

/* A line each; a name is as wide as the widest, and what is shown of a further log of the same run is
 * in front of the name. */
static void put_lines(struct buffer *out, const struct tracker_list *list)
{
    int wide = (int)strlen("RUN");
    char name[256], written[32], step[32];
    for (size_t i = 0; i < list->count; i++) {
        utf8_copy(name, sizeof name, list->logs[i].name);
        wide = text_columns(name) > wide ? text_columns(name) : wide;
    }
    wide = wide < 48 ? wide : 48;
    put_cell(out, "  RUN", wide + 4);
    buffer_format(out, "%-20s  %8s  %s\n", "TOOL", "STEP", "WRITTEN");
    for (size_t i = 0; i < list->count; i++) {
        const struct tracker_log *log = &list->logs[i];
        int64_t last = tracker_last_step(log);
        utf8_copy(name, sizeof name, log->name);
        put_time(log->written, written, sizeof written);
        snprintf(step, sizeof step, "%s", last < 0 ? "n/a" : decimal_text(last).text);
        buffer_text(out, log->beside ? "+ " : "  ");
        put_cell(out, name, wide + 2);
        buffer_format(out, "%-20s  %8s  %s\n", tracker_tool(log), step, written);
    }
}

static void put_json(struct json_writer *json, const char *path, const struct tracker_list *list)
{
    json_begin(json, "spectrum.attachable");
    job_view_put_path(json, "path", path);
    json_list(json, "runs");
    json_layout(json, JSON_ROWS_BESIDE);
    for (size_t i = 0; i < list->count; i++) {
        const struct tracker_log *log = &list->logs[i];
        int64_t last = tracker_last_step(log);
        json_object(json, NULL);
        job_view_put_path(json, "run", log->name);
        json_text(json, "tool", tracker_tool(log));
        job_view_put_path(json, "log", tracker_place(log));
        if (last >= 0)
            json_integer(json, "step", last);
        else
            json_null(json, "step");
        json_real(json, "written", log->written);
        json_flag(json, "beside", log->beside);
        json_end(json);
    }
    json_end(json);
    json_count(json, "left_out", list->left_out);
    json_end(json);
}

static int list_runs(const char *path, bool as_json, struct error *err)
{
    struct tracker_list list;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int found = attached_list(&list, path, err);
    if (found == 0)
        error_set_kind(err, ERROR_USAGE, "%s is a job: --list shows the runs of other tools' logs",
                       path);
    if (found <= 0)
        return -1;
    if (as_json)
        put_json(&json, path, &list);
    else
        put_lines(&out, &list);
    if (!as_json && list.runs < list.count)
        message_print("+: a further log of a run above it, which is preferred");
    if (!as_json && list.left_out > 0)
        message_print("%zu older ones are not shown", list.left_out);
    tracker_list_free(&list);
    return as_json ? output_json(&json, err) : output_text(&out, err);
}

/* --- watching --- */

/* A job by its name, or the one that follows the log of another tool's run, which is said. */
static char *find_to_attach(const char *name, const char *run, struct error *err)
{
    struct attached_run found;
    char *path = attached_find(name, run, "/proc/self/exe", &found, err);
    const struct tracker_log *log = &found.log;
    if (!path || !log->format)
        return path;
    bool several = found.others > 0 || log->run;
    message_print("%s: a log of %s%s%s", tracker_place(log), tracker_tool(log),
                  several ? ", run " : "", several ? log->name : "");
    attached_wait(path);
    if (found.others > 0 && !run)
        message_print("%zu other run%s there: --list shows %s, --run NAME follows one",
                      found.others, found.others == 1 ? " is" : "s are",
                      found.others == 1 ? "it" : "them");
    attached_run_free(&found);
    return path;
}

/* How it stands now, with what it said last of training and of evaluation: one object, no lines. */
static int print_status(struct job_follow *job, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_object(&json, NULL);
    job_view_put_members(&json, job);
    json_tree(&json, "metrics", job_metrics_last(&job->metrics, "loss"));
    json_tree(&json, "evaluation", job_metrics_last(&job->metrics, "eval_loss"));
    json_end(&json);
    return output_json(&json, err);
}

static int watch(const char *name, const struct request *request, struct error *err)
{
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct job_follow *job = NULL;
    char *path = find_to_attach(name, request->run, err);
    char *screen[] = {"attach", path, NULL};
    int status = path ? 0 : -1;
    if (status == 0 && terminal && !request->json) {
        status = command_screen.run(2, screen, err);
        free(path);
        return status;
    }
    if (status == 0)
        status = job_follow_open(&job, path, err);
    free(path);
    if (status == 0)
        status = (request->json ? print_status : metrics_line_follow)(job, err);
    job_follow_close(job);
    return status;
}

/* --- the command --- */

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON_OF("how it stands, or the list, as strict JSON on standard output", AT(json)),
    {.name = "run", .kind = OPTION_TEXT, .at = AT(run), .argument = "NAME",
     .help = "of another tool's logs: which run (default: the newest)"},
    {.name = "list", .kind = OPTION_FLAG, .at = AT(list),
     .help = "which runs of other tools are there: tool, last step, when it was written"},
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static void say_line(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static int attach(int argc, char **argv, struct error *err)
{
    struct request request = {.run = NULL};
    const char *job = getenv("SPECTRUM_JOB"), *name = NULL;
    int status =
        options_parse_one(&command_attach, &request, NULL,
                          "name one JOB, its folder, or the log or folder of another tool's "
                          "run; `spectrum jobs` lists jobs",
                          argc, argv, &name, err);
    if (status != 0)
        return status > 0 ? 0 : status;
    if (request.list && request.run)
        return error_set_kind(err, ERROR_USAGE, "--list shows all runs: leave out --run");
    if (job && job[0])
        return attached_work(job, name, request.run, argc, argv, interrupt_watch(NULL), say_line,
                             err);
    return request.list ? list_runs(name, request.json, err) : watch(name, &request, err);
}

const struct command command_attach = {
    .name = "attach",
    .summary = "watch a job, or a run of another tool by its log: on a terminal the full screen",
    .usage = "spectrum attach JOB|LOG|FOLDER [--run NAME] [--json]\n"
             "       spectrum attach LOG|FOLDER --list [--json]",
    .options = &table,
    .run = attach,
};
