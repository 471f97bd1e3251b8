#include "tui/cli/jobs_delete.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_delete.h"
#include "job/job_index.h"
#include "tui/cli/job_view.h"
#include "tui/cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what would go --- */

/* A job that is named by its path is looked at by that, so that a link in it is seen; one that is
 * named by its folder's name, by the path in the list. */
static int look(struct job_deletion *out, const char *name, struct error *err)
{
    struct stat info;
    char *path = job_find(name, err);
    if (!path)
        return -1;
    int status = job_delete_look(out, sys.lstat(name, &info) == 0 ? name : path, err);
    free(path);
    return status;
}

static bool is_listed(const struct job_deletion *jobs, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(jobs[i].path, path) == 0)
            return true;
    return false;
}

/* A job that is named twice is one. */
static int look_at_all(struct job_deletion *jobs, size_t *found, const char *const *names,
                       size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct job_deletion *job = &jobs[*found];
        if (look(job, names[i], err) != 0) {
            job_deletion_free(job);
            return -1;
        }
        if (is_listed(jobs, *found, job->path))
            job_deletion_free(job);
        else
            (*found)++;
    }
    return 0;
}

/* --- what is said --- */

/* Paths as bytes of a file system, which need not be UTF-8 (job_view_put_path()). */
static void put_job(struct json_writer *json, const struct job_deletion *job, bool names)
{
    json_object(json, NULL);
    job_view_put_path(json, "job", job->path);
    json_count(json, "files", job->files);
    json_count(json, "bytes", job->bytes);
    if (names) {
        json_list(json, "paths");
        for (size_t i = 0; i < job->count; i++)
            job_view_put_path(json, NULL, job->pieces[i].path);
        job_view_put_path(json, NULL, job->path);
        json_end(json);
    }
    json_end(json);
}

/* {"deleted": true, "jobs": [{"job": .., "files": .., "bytes": ..}]}; of what would go also "paths".
 */
static int print_json(const struct job_deletion *jobs, size_t count, bool dry, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.deleted-jobs");
    json_flag(&json, "deleted", !dry);
    json_list(&json, "jobs");
    for (size_t i = 0; i < count; i++)
        put_job(&json, &jobs[i], dry);
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

/* A path a line, in the order in which they would go; the sum on standard error. */
static int print_paths(const struct job_deletion *jobs, size_t count, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    for (size_t j = 0; j < count; j++) {
        for (size_t i = 0; i < jobs[j].count; i++)
            buffer_format(&out, "%s%s\n", jobs[j].pieces[i].path,
                          jobs[j].pieces[i].folder ? "/" : "");
        buffer_format(&out, "%s/\n", jobs[j].path);
    }
    return output_text(&out, err);
}

static void put_sum(const struct job_deletion *jobs, size_t count, char *out, size_t size)
{
    size_t files = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        files += jobs[i].files;
        bytes += jobs[i].bytes;
    }
    snprintf(out, size, "%zu job%s, %s file%s, %s", count, text_s(count),
             decimal_text((int64_t)files).text, text_s(files), bytes_text((double)bytes).text);
}

/* --- yes or no --- */

/* 1: yes; 0: no; -1: nobody can be asked. */
static int asks(const struct job_deletion *jobs, size_t count, struct error *err)
{
    char sum[96], answer[16] = "";
    put_sum(jobs, count, sum, sizeof sum);
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return error_set_kind(err, ERROR_USAGE,
                              "%s would go, and there is no terminal to ask on: --yes deletes "
                              "without a question, --dry-run lists what would go",
                              sum);
    for (size_t i = 0; i < count; i++)
        message_print("%s: %s file%s, %s", jobs[i].path, decimal_text((int64_t)jobs[i].files).text,
                      text_s(jobs[i].files), bytes_text((double)jobs[i].bytes).text);
    fprintf(stderr, "delete %s? (y/n) ", sum);
    if (sys.read(STDIN_FILENO, answer, sizeof answer - 1) <= 0)
        fprintf(stderr, "\n");
    return answer[0] == 'y' || answer[0] == 'Y';
}

static int delete_all(const struct job_deletion *jobs, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (job_delete(jobs[i].path, err) != 0)
            return -1;
        message_print("deleted %s", jobs[i].path);
    }
    return 0;
}

/* All are looked at before one is asked for or deleted; a dry run stops there. */
int jobs_delete(const char *const *names, size_t count, const struct jobs_deletion *how,
                struct error *err)
{
    struct job_deletion *jobs = array_alloc(count, sizeof *jobs, err);
    size_t found = 0;
    int status = jobs ? look_at_all(jobs, &found, names, count, err) : -1;
    int yes = status != 0 || how->sure || how->dry ? 1 : asks(jobs, found, err);
    if (yes < 0)
        status = -1;
    else if (status == 0 && !yes)
        message_print("nothing was deleted");
    else if (status == 0 && !how->dry)
        status = delete_all(jobs, found, err);
    if (status == 0 && yes && how->json)
        status = print_json(jobs, found, how->dry, err);
    else if (status == 0 && how->dry)
        status = print_paths(jobs, found, err);
    if (status == 0 && how->dry) {
        char sum[96];
        put_sum(jobs, found, sum, sizeof sum);
        message_print("%s would go", sum);
    }
    for (size_t i = 0; i < found; i++)
        job_deletion_free(&jobs[i]);
    free(jobs);
    return status;
}
