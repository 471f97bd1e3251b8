/* `spectrum jobs`: the list of jobs, once or as it changes, and what is done to several of them.
 *
 * A first word is what to do; without one the list is printed. So a job of any name is reachable:
 * `spectrum jobs delete delete` deletes the job "delete". Pausing and its like are the commands of
 * these names (command_job.c), for one job after another.
 */
#include "base/memory.h"
#include "job/job_index.h"
#include "tui/cli/command.h"
#include "tui/cli/job_view.h"
#include "tui/cli/jobs_delete.h"
#include "tui/cli/jobs_watch.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/session/job_best.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    bool watch;
    struct jobs_deletion deletion; /* of which `json` is for the list, too */
};

/* --- the list --- */

/* Of the metrics only the end is read, and the evaluations in all of it. */
static void put_job(struct buffer *out, struct json_writer *json, const struct job_follow *job)
{
    struct job_best best = {0};
    job_best_read(&best, job->path, UINT64_MAX);
    if (json) {
        json_object(json, NULL);
        job_view_put_all(json, job, &best);
        json_end(json);
    } else {
        job_view_put_lines(out, job, &best);
    }
    job_best_free(&best);
}

/* All that the list of jobs has, and that can be read. */
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
        put_job(&out, as_json ? &json : NULL, job);
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

/* --- what is done to several --- */

static const struct command *const verbs[] = {&command_pause, &command_checkpoint, &command_stop,
                                              &command_resume};

/* One after another; what cannot be done of one is said, and the others are done. */
static int do_to_all(const struct command *verb, const char *const *names, size_t count,
                     struct error *err)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        struct error why = ERROR_INIT;
        char *name = string_copy(names[i], err);
        char *arguments[] = {(char *)verb->name, "--", name, NULL};
        if (!name)
            return -1;
        if (verb->run(3, arguments, &why) != 0) {
            failed++;
            message_print("%s", why.text);
        }
        free(name);
    }
    return failed == 0 ? 0
                       : error_set(err, "%zu of %zu jobs could not %s", failed, count, verb->name);
}

/* What goes together, before anything is done. */
static int check(const struct request *r, const char *verb, size_t count, struct error *err)
{
    bool deletes = verb && strcmp(verb, "delete") == 0;
    if (r->watch && (verb || !r->deletion.json))
        return error_set_kind(err, ERROR_USAGE, "--watch goes with --json, and the list alone");
    if ((r->deletion.dry || r->deletion.sure) && !deletes)
        return error_set_kind(err, ERROR_USAGE, "--dry-run and --yes go with `jobs delete`");
    if (verb && !deletes && r->deletion.json)
        return error_set_kind(err, ERROR_USAGE, "--json goes with the list and `jobs delete`");
    if (verb && count == 0)
        return error_set_kind(err, ERROR_USAGE,
                              "jobs %s: name one JOB or more; `spectrum jobs` lists them", verb);
    return 0;
}

/* The first word, if there is one, says what to do. */
static int act(const struct request *r, const char *const *words, size_t count, struct error *err)
{
    const char *verb = count > 0 ? words[0] : NULL;
    if (check(r, verb, count > 0 ? count - 1 : 0, err) != 0)
        return -1;
    if (!verb)
        return r->watch ? jobs_watch(err) : list_jobs(r->deletion.json, err);
    if (strcmp(verb, "delete") == 0)
        return jobs_delete(words + 1, count - 1, &r->deletion, err);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i]->name, verb) == 0)
            return do_to_all(verbs[i], words + 1, count - 1, err);
    return error_set_kind(err, ERROR_USAGE,
                          "\"%.40s\" is nothing that is done to jobs: delete, pause, checkpoint, "
                          "stop or resume",
                          verb);
}

/* --- the command --- */

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON_OF("the list, or what was deleted, as strict JSON on standard output",
                AT(deletion.json)),
    {.name = "watch", .kind = OPTION_FLAG, .at = AT(watch),
     .help = "with --json: a line for each job, and then for each change, until you leave"},
    {.name = "dry-run", .kind = OPTION_FLAG, .at = AT(deletion.dry),
     .help = "of delete: list what would go, and delete nothing"},
    {.name = "yes", .kind = OPTION_FLAG, .at = AT(deletion.sure),
     .help = "of delete: without a question"},
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.watch = false};
    const char **words = array_alloc((size_t)argc, sizeof *words, err);
    size_t count;
    if (!words)
        return -1;
    int status = options_parse(&command_jobs, &r, NULL, argc, argv, words, &count, err);
    if (status == 0)
        status = act(&r, words, count, err);
    free(words);
    return status > 0 ? 0 : status;
}

const struct command command_jobs = {
    .name = "jobs",
    .summary = "scans and runs: how they stand; steer or delete several",
    .usage =
        "spectrum jobs [--json [--watch]]\n"
        "       spectrum jobs pause | checkpoint | stop | resume JOB...\n"
        "       spectrum jobs delete [--dry-run] [--yes] JOB...\n\n"
        "Without a word it lists all jobs of this user. delete takes away the folder of a job\n"
        "that does not run, and its entry in the list, where all in the folder is what spectrum\n"
        "wrote there: a file of anybody's stops it. A model is never deleted. A JOB is named by\n"
        "its folder, or by the last part of its path.",
    .options = &table,
    .words = OPTION_NAMES("pause", "checkpoint", "stop", "resume", "delete"),
    .run = run,
};
