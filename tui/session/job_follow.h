/* A job, a training run or a scan, seen from outside: its metrics while they grow, its state, how
 * it ended. The screen's job view, `spectrum jobs` and `spectrum attach` all look through it.
 *
 * A job is a folder (job/job_dir.h) that its own process writes: nothing here asks that process,
 * and nothing here writes. job_follow_open() reads what there is, job_follow_update() what came
 * since; the metrics at every update, as a file that has not grown costs one stat(), the lock and
 * the small files a few times a second. job_follow_close() frees it. The folder may be anybody's: a
 * part that is there and cannot be read is said (`trouble`), and the others are shown.
 */
#ifndef SPECTRUM_TUI_SESSION_JOB_FOLLOW_H
#define SPECTRUM_TUI_SESSION_JOB_FOLLOW_H

#include "job/job_progress.h"
#include "job/lock.h"
#include "job/metrics.h"

struct job_follow {
    char *path;
    struct job_metrics metrics;
    enum job_state state;
    cJSON *job;                /* job.json; NULL: not there yet */
    cJSON *result;             /* result.json; NULL: it has not ended */
    cJSON *proof;              /* proof.json: what trains; NULL: not there yet */
    struct job_progress phase; /* what a job that lives does; phase.phase "": not known */
    unsigned asked;            /* bits of enum job_request: of one that lives, what was asked of it
                                     and is not taken yet */
    char trouble[ERROR_TEXT_MAX]; /* of a part that is there and cannot be read, in one line; "" */
    double looked_at;
    struct job_part { /* what was read of job.json, result.json and proof.json, or could not be */
        uint64_t inode, size;
        int64_t changed; /* ns */
        char trouble[ERROR_TEXT_MAX];
    } parts[3];
};

int job_follow_open(struct job_follow **out, const char *path, struct error *err);
/* For its state and its last step alone: of the metrics only the end is read. */
int job_follow_open_end(struct job_follow **out, const char *path, struct error *err);
void job_follow_close(struct job_follow *follow);

/* Takes in what is new; true: something changed. */
bool job_follow_update(struct job_follow *follow);

/* Looks at state and result at the next update, however recent the last look is. */
void job_follow_refresh(struct job_follow *follow);

/* Does it take requests: starting, running, paused, or on another machine, which only that one can
 * tell. */
bool job_follow_lives(const struct job_follow *follow);
bool job_follow_pauses(const struct job_follow *follow); /* here or there */

bool job_follow_is_scan(const struct job_follow *follow);
/* How far a scan is, in matrices; false: not known, or not a scan. */
bool job_follow_rows(const struct job_follow *follow, int64_t *done, int64_t *total);

/* The state in words: "running", "running, asked to pause", "killed by signal 9 (Killed) at step
 * 120", and after it what of the job cannot be read. */
void job_follow_describe(const struct job_follow *follow, char *out, size_t size);

/* What it works on, as people call it: the last part of its model's path; of a run that began from
 * another one, whose model is a copy in its own folder, "tale at step 400", and of one that began
 * from no weights at all "random weights". Printable; "": not known. */
void job_follow_model(const struct job_follow *follow, char *out, size_t size);

/* Of a run that another engine trains, which and on how many processes: "fsdp2 x 2", "trl x 16 on 2
 * nodes". Printable; "": this program trains. */
void job_follow_engine(const struct job_follow *follow, char *out, size_t size);

/* Where it is: its folder; of a run of another tool "LLaMA-Factory · /home/u/out/trainer_log.jsonl",
 * and of one of several in a log, or a folder, "trackio · baseline · /home/u/project.db". Printable. */
void job_follow_place(const struct job_follow *follow, char *out, size_t size);

/* What a job that lives does now, in words: "tokenizing 40 %", "evaluating 7/20"; false, and "",
 * where nothing says so, and while it is paused. */
bool job_follow_phase(const struct job_follow *follow, char *out, size_t size);

/* A number that job.json, or the "parameters" in it, has; false: not known. */
bool job_follow_number(const struct job_follow *follow, const char *key, double *out);

/* Of the last metrics line that has it; NaN: not known. */
double job_follow_last(const struct job_follow *follow, const char *key);

/* The line that explains a job's end: what the program said last of its failure in log.txt, else
 * result.json's message. Never empty. */
void job_last_message(const char *job, char *out, size_t size);

#endif
