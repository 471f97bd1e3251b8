/* A job's directory: all that a job and those who watch it share. Jobs are what job_kind.h lists:
 * training runs, scans, and what is made of runs.
 *
 *     file               written                             by
 *     requests/          when the folder is made             job_dir_create(), the starting command
 *     checkpoints/       likewise; then one folder a state   state_save(), the worker
 *     log.txt            from the start on, appended to      job_launch() opens it for the supervisor
 *     lock               when somebody runs the job          job_lock_take(), the supervisor or, in a
 *                                                            terminal, the worker
 *     job.json           when the worker starts, and as      run_record_write() for a run, the scan
 *                        more becomes known                  command for a scan
 *     plan.yaml          when it is known what trains        run_choice_write_plan()
 *     chat_template.jinja, base/   at a run's first start    run_base_keep_template(), run_base_open()
 *     metrics.jsonl      a line a step, appended             job_metrics_append(), the worker
 *     progress.json      while the worker works             job_progress.h
 *     proof.json         after the first steps and at saves  run_proof_step(), run_proof_saved()
 *     requests/NAME      whenever somebody asks              job_request_put(), screens and commands
 *     output.json        at the end, of an export, an   made_job_put(), the worker
 *                        evaluation or a text
 *     result.json        at the end                          job_result_write(), the worker; the
 *                                                            supervisor where that said nothing
 *
 * The worker is the sub-command that computes, the supervisor (launch.h) outlives windows and waits
 * for it; screens and other sub-commands only read, and put requests. Every file is whole or
 * absent, except the two that are appended to.
 *
 *              job_dir_create()
 *                     |
 *                 starting ------- nobody came for JOB_START_SECONDS ---------> died
 *                     | job_lock_take()                                          |
 *                     v                                                          |
 *                  running <------------ job_lock_take(): a resume --------------+
 *       job_pause() ^ | | the process of the lock is gone, no result.json ------> died
 *                   v | |
 *                paused | job_result_write(), job_lock_release()
 *                       v
 *                     ended ----- job_lock_take(): a resume -----> running
 *
 * Nothing stores the state: job_state() (lock.h) reads it from lock, result.json and
 * requests/paused. A lock of another host says only that: "elsewhere". A running job that has not
 * begun, as others are to complete first (job_after.h), has requests/waiting: "waiting".
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

/* All that a job writes directly in its folder, files and folders; NULL ends them. */
extern const char *const job_dir_names[];

/* Every function of core/job that is given a job's folder calls this first, and so does whoever
 * opens a file of one without them: from then on what is opened in it is opened beneath it, without
 * following links (base/confine.h). Not for a folder of which it is yet to be found out whether it
 * is a job's. */
int job_dir_confine(const char *path, struct error *err);

/* Writes a file of the directory, all or nothing. */
int job_dir_save(const char *path, const char *name, const struct buffer *text, struct error *err);

/* The same of JSON whose last json_end() was called. Its buffer is freed. */
int job_dir_save_json(const char *path, const char *name, struct json_writer *json,
                      struct error *err);

/* Reads one of its JSON objects (job.json, proof.json, result.json), confined; a job.json of another
 * version is refused. Free with cJSON_Delete(). */
cJSON *job_dir_read(const char *path, const char *name, struct error *err);

/* The same check of a job.json that was read by another way, as `file`. */
int job_check_version(const char *file, const cJSON *job, struct error *err);

/* file_find() of it: where something else is done without it. */
int job_dir_find(const char *path, const char *name, struct error *err);

/* The same for what is read if it is there: what cannot be looked at is, so that reading says why. */
bool job_dir_has(const char *path, const char *name);

/* Removes what a killed writer of such a file left, for whoever begins a sitting: not every sitting
 * writes each of them, and would replace it. */
void job_dir_remove_left(const char *path);

/* The job's folder that a path is or lies in, whether or not anything is there yet: whole, newly
 * allocated, "" where there is none. NULL and an error when memory runs out. */
char *job_dir_around(const char *path, struct error *err);

/* 0; -1 and an error where an output lies in a job's folder, whose file it would be taken for. `what`
 * is what -o takes: "file", "folder". */
int job_dir_check_outside(const char *out, const char *what, struct error *err);

/* A path that job.json names, as the job means it: one that is not whole is from "folder", where
 * the command ran. Newly allocated. */
char *job_dir_named(const cJSON *job, const char *path, struct error *err);

/* Adds "folder" and "arguments", which job.json must have for `spectrum resume`: where the command
 * ran, and what stood after the program's name. */
void job_put_arguments(struct json_writer *json, int argc, char *const argv[]);

struct job_result {
    const char
        *status; /* "completed", "stopped", "failed", "killed", "not started" or "stale" (of a
                           run of another tool: its log is no longer written) */
    int signal;  /* 0: none */
    const char *message;
    int64_t last_step; /* -1: none */
};
int job_result_write(const char *path, const struct job_result *result, struct error *err);

#endif
