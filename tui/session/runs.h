/* Runs that are drawn over the one that is watched, and which of all of them the others are compared
 * with: its losses are the baseline.
 *
 *     runs_add(), runs_remove(), runs_pin() -> runs_update() with each tick -> runs_close()
 *
 * A run is a job's folder, whoever wrote it and wherever it works: living, ended or dead, of this
 * machine or another. Of each there are the bins of its losses (job_series.h), so a drawing costs
 * the same whatever their lengths are, and at most RUNS_MAX of them.
 *
 * All are smoothed with one weight, and a difference is that of smoothed losses at the same step:
 *
 *     difference = smoothed_run(step) - smoothed_baseline(step)      step <= both runs' last ones
 *
 * which is not known (NaN) where either has no loss there. */
#ifndef SPECTRUM_TUI_SESSION_RUNS_H
#define SPECTRUM_TUI_SESSION_RUNS_H

#include "tui/session/job_series.h"

enum { RUNS_MAX = 6 };

struct job_follow;

struct run {
    struct job_follow *job;
    struct job_series *series;
    char name[64]; /* the last part of its path; printable */
};

/* Born as {.baseline = RUNS_NONE}. */
enum { RUNS_NONE = -2, RUNS_WATCHED = -1 };
struct runs {
    struct run list[RUNS_MAX];
    int count;
    int baseline; /* in the list, or RUNS_WATCHED: the run that is watched, or RUNS_NONE */
};

/* Reads the run's losses; of a log of another tool, those of the job that follows it, which is begun
 * (job/attached.h). An error where it has none, is there already, or has no place. */
int runs_add(struct runs *runs, const char *path, struct error *err);
void runs_remove(struct runs *runs, int at);
void runs_close(struct runs *runs);

/* Its place; -1: it is none of them. By what the path leads to. */
int runs_find(const struct runs *runs, const char *path);

/* The next of: none, the run that is watched, each of the list. */
void runs_pin_next(struct runs *runs);

/* Takes in what they wrote, and the steps that will be drawn; true: something came. */
bool runs_update(struct runs *runs, int64_t from, int64_t to);

/* Do any of them live, so that it is worth looking again? */
bool runs_live(const struct runs *runs);

int64_t runs_last_step(const struct run *run); /* -1: none */

#endif
