/* Steering a job: the one place that knows what may be asked of one, when, and in which words. Rows
 * of the library, the watch screen, the keys of a scan and the sub-commands all go through here.
 *
 * Nothing is done but to put a request into the job's folder (job/requests.h), which its worker
 * takes between two steps, or to start the job again (job/launch.h); what comes of it is seen where
 * the job is followed. Nothing waits.
 *
 *     steer_check()  ->  steer_question(), steer_trust()  ->  steer()
 *     may it be?         does the user have to say yes?       does it
 *
 * What its kind can do, the table of kinds says (job/job_kind.h).
 */
#ifndef SPECTRUM_TUI_SESSION_STEER_H
#define SPECTRUM_TUI_SESSION_STEER_H

#include "base/buffer.h"
#include "base/hash.h"
#include "tui/session/job_follow.h"

enum steering {
    STEER_PAUSE,
    STEER_CONTINUE, /* ends a pause */
    STEER_CHECKPOINT,
    STEER_STOP,
    STEER_RESUME, /* ends a pause, or starts again what has ended or died */
};

/* How to resume. NULL stands for {0}. */
struct steer_how {
    int64_t step;         /* from the checkpoint of this step; 0: the last */
    int64_t more;         /* a run that has ended: so many steps beyond it; 0: to the run's end */
    double rate;          /* of those steps; 0: the last one before them */
    const char *schedule; /* of those steps; NULL: constant */
    const char *trusted;  /* the key of what the user was shown and trusts; NULL: nothing */
};

/* May this be asked of the job as it was last looked at? An error says in one line why not, without
 * the job's name. */
int steer_check(const struct job_follow *job, enum steering what, const struct steer_how *how,
                struct error *err);

/* Where a run with so many steps more (how->more) would end. They count from the checkpoint that it
 * goes on from, not from its end: of a run that was stopped early fewer than it lacked end it before
 * that, which whoever asks should see. */
struct steer_more {
    int64_t from, to; /* steps; from -1: it has no checkpoint */
    int64_t planned;  /* where it would end without them; -1: not known */
    bool early;       /* to < planned */
};
struct steer_more steer_more(const struct job_follow *job, const struct steer_how *how);
/* "after step 300, to step 400 and not to its planned 800" */
void steer_put_more(const struct steer_more *more, char *out, size_t size);

/* What to ask before: "stop the scan? the same key again stops it, ...". Empty for what needs no
 * question. */
void steer_question(const struct job_follow *job, enum steering what, char *out, size_t size);

/* Would a resume read what this user has not approved (job/trust.h)? Then `text` gets what that is,
 * in one line, and `key` is what `how` is to name once the user has seen it and said yes. */
bool steer_trust(const struct job_follow *job, char key[DIGEST_TEXT_SIZE], struct buffer *text);

/* Checks it, does it, and says in `said` what follows: "the scan pauses after the current
 * matrices". The job is looked at again at its next update. */
int steer(struct job_follow *job, enum steering what, const struct steer_how *how, char *said,
          size_t size, struct error *err);

/* What becomes of a job that lives when its screen is left: "the training run model-1 goes on", or
 * that it is paused, and how it goes on. */
void steer_put_left(const struct job_follow *job, char *out, size_t size);

/* The key that pauses: it also ends a pause. */
enum steering steer_pause_key(const struct job_follow *job);

#endif
