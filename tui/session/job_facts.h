/* A job in a row: what the library shows of each, and `spectrum jobs --json` says, taken from the
 * end of its metrics and its small files (job_follow_open_end()).
 *
 * Plain values without memory of their own, so that thousands can be kept. What is not known is
 * NaN, -1 or "", never 0.
 */
#ifndef SPECTRUM_TUI_SESSION_JOB_FACTS_H
#define SPECTRUM_TUI_SESSION_JOB_FACTS_H

#include "job/job_kind.h"
#include "tui/session/job_follow.h"
#include "tui/session/job_left.h"

struct job_facts {
    const struct job_kind *kind;
    enum job_state state;
    bool lives;
    char word[16];       /* "running", or how it ended: "completed", "killed" */
    char phase[32];      /* of one that runs: "tokenizing 40 %"; "": not known */
    char text[160];      /* the state in full, cut off */
    char name[80];       /* the last part of its folder's path */
    char model[80];      /* job_follow_model() */
    char method[24];     /* of a training run */
    char tool[24];       /* of another tool's run which; "": it is none */
    char log[256];       /* and where its log lies; of a longer path the end */
    char engine[48];     /* job_follow_engine() */
    int64_t done, total; /* steps or matrices */
    struct job_left left;
    double loss, evaluation, best; /* the last ones; best is set by who reads all (job_best.h) */
    unsigned actions;              /* job_actions() */
    bool pauses;                   /* job_follow_pauses() */
    int64_t began;                 /* seconds since 1970: when its last sitting wrote job.json */
};

/* All but `best`, which stays. Texts are printable. */
void job_facts_take(struct job_facts *facts, const struct job_follow *job);

/* How many of this user's jobs live now, starting, waiting, running or paused, on this machine;
 * *paused: of those. */
size_t job_facts_living(size_t *paused);

#endif
