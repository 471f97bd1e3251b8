/* A job's directory (docs/formats.md): all that a job and those who watch it share.
 *
 * Who writes what: the worker (the sub-command that computes) writes job.json, plan.yaml,
 * proof.json, metrics.jsonl and checkpoints; the supervisor (launch.h) holds the lock and writes
 * result.json; screens and sub-commands only read, and put requests (requests.h). Every file is
 * whole or absent, except the append-only metrics.jsonl and log.txt.
 *
 *     starting --lock_take--> running <--requests.h--> paused           (or, too late, died)
 *     running or paused --job_result_write, lock_release--> ended      (or, without them, died)
 */
#ifndef SPECTRUM_JOB_JOB_DIR_H
#define SPECTRUM_JOB_JOB_DIR_H

#include "base/buffer.h"
#include "base/json.h"
#include "base/json_writer.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a training run keeps the file that --template named. */
#define JOB_TEMPLATE "chat_template.jinja"

/* Every function of core/job that is given a job's folder calls this first, and so does whoever
 * opens a file of one without them: from then on what is opened in it is opened beneath it, without
 * following links (base/confine.h). Not for a folder of which it is yet to be found out whether it
 * is a job's. */
int job_dir_confine(const char *path, struct error *err);

/* Writes a file of the directory, all or nothing. */
int job_dir_save(const char *path, const char *name, const struct buffer *text, struct error *err);

/* Reads one of its JSON objects (job.json, proof.json, result.json), confined. Free with
 * cJSON_Delete(). */
cJSON *job_dir_read(const char *path, const char *name, struct error *err);

bool job_dir_has(const char *path, const char *name);

/* Removes what a writer of such a file left that was killed, for whoever begins a sitting: not every
 * sitting writes each of them again. */
void job_dir_remove_left(const char *path);

/* The job's folder that a path is or lies in, whether or not anything is there yet: whole, newly
 * allocated, "" where there is none. NULL and an error when memory runs out. */
char *job_dir_around(const char *path, struct error *err);

/* Adds "folder" and "arguments", which job.json must have for `spectrum resume`: where the command
 * ran, and what stood behind the program's name. */
void job_put_arguments(struct json_writer *json, int argc, char *const argv[]);

struct job_result {
    const char *status; /* "completed", "stopped", "failed" or "killed" */
    int signal;         /* 0: none */
    const char *message;
    int64_t last_step; /* -1: none */
};
int job_result_write(const char *path, const struct job_result *result, struct error *err);

/* The index: absolute paths of the jobs that this user made, newest first; directories that are
 * gone are left out. Free with job_index_free(). A job that cannot be entered is a job all the
 * same: the error of job_index_add() is a line to say. */
int job_index_add(const char *path, struct error *err);
/* Leaves out a job of which nothing is left to see or to do. */
void job_index_remove(const char *path);
int job_index_list(char ***paths, size_t *count, struct error *err);
/* A job by its folder, or by the last part of an indexed folder's path; absolute, newly allocated.
 */
char *job_find(const char *name, struct error *err);
void job_index_free(char **paths, size_t count);

#endif
