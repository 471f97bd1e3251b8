/* How long the run of the form would take, measured: a job, `train ... --dry-run --probe`, which
 * takes a few steps of the very run in a folder of its own and says what they cost; the screen
 * follows it as any other job, and computes nothing.
 *
 *     none --probe_begin()--> running --its job ended--> known, or failed with a reason
 *       ^                        |
 *       `------- probe_stop() ---'          the job is asked to stop
 *
 * What was measured holds for one set of fields. Whoever starts a probe gives it a key, a text of
 * all that it depends on; with another key the result is said to be of other values. The job is not
 * in the list of jobs. Its folder lies where this user's temporary files do, and goes when it has
 * been read; of one that was stopped the next probe removes it. */
#ifndef SPECTRUM_TUI_SESSION_PROBE_H
#define SPECTRUM_TUI_SESSION_PROBE_H

#include "tui/session/job_follow.h"

struct probe {
    struct job_follow *follow; /* its job while that runs; NULL: none does */
    char *key;
    bool known;                /* there is a result: */
    double steps, tokens;      /* of the whole run */
    double seconds, low, high; /* what it would take, and the quartiles' bounds */
    char why[ERROR_TEXT_MAX];  /* it failed; "": it did not */
};

/* Makes the folder in which the job is to run; newly allocated. A probe that runs is stopped. */
char *probe_folder(struct probe *probe, struct error *err);
/* The job was started there: it is followed. `key` is copied. */
int probe_begin(struct probe *probe, const char *folder, const char *key, struct error *err);
/* Also where there is none; what is known is forgotten. */
void probe_stop(struct probe *probe);

/* Takes in what the job wrote; true: something changed. */
bool probe_update(struct probe *probe);
bool probe_runs(const struct probe *probe);
/* Is there a result for these fields? */
bool probe_is_of(const struct probe *probe, const char *key);

/* "probing: tokenizing 40 %", "about 12 min (10 to 14)", or what stands in its place. */
void probe_put(const struct probe *probe, const char *key, char *out, size_t size);

#endif
