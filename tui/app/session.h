/* What is open: a model or a scan file, what is known of it, the plan over it, and the training job
 * that is watched. Screens show a session and change it through these functions. */
#ifndef SPECTRUM_TUI_APP_SESSION_H
#define SPECTRUM_TUI_APP_SESSION_H

#include "plan/plan_write.h"
#include "tui/app/cost.h"
#include "tui/app/grid.h"
#include "tui/app/job_follow.h"
#include "tui/app/scan_feed.h"
#include "tui/app/settings.h"

enum target_kind { TARGET_LIBRARY, TARGET_MODEL, TARGET_SCAN, TARGET_JOB };

/* What a plan that nobody has touched selects, as `spectrum plan` does. */
#define PLAN_FIRST_PERCENT 25.0

/* The plan as it is kept between two openings of its model (session_keep.c). */
struct plan_keep {
    char *path;        /* its file; NULL: the model's content is not known yet */
    bool looked;       /* for what was kept before */
    bool touched;      /* the plan was changed by hand since it was opened */
    bool aside;        /* what lies at `path` is not this plan's, and is not written over */
    bool failed, told; /* it could not be written last; that was said (once a session) */
    double changed_at; /* clock_seconds() of the first change that is not written; 0: all is */
    char message[ERROR_TEXT_MAX]; /* for the screen to show once; "": nothing */
};

struct session {
    char *title;         /* what is open, in short */
    char *source;        /* model or scan file, for plans and jobs; NULL: nothing is open */
    struct model *model; /* NULL: only a scan file */
    struct scan *scan;   /* NULL: nothing is open */
    struct grid grid;
    struct scan_feed feed; /* of a model's scan */
    char device[16];       /* what is to compute scans: "auto", or what was chosen */
    struct plan *plan;
    bool plan_changed; /* by hand, and not saved since */
    bool plan_read;    /* from a file, with no percentage, undo or redo since */
    bool scan_held;    /* the model was opened by its scan, which is started on request alone */
    struct plan_keep keep;
    char plan_path[4096]; /* the file that it was last read from or written to; "": none */
    enum plan_scope scope;
    struct cost cost;
    struct settings settings;
    struct job_follow *run; /* NULL: no job is watched */
};

void session_init(struct session *session);
void session_free(struct session *session);

/* What a command line's target is. */
enum target_kind session_target(const char *path);

/* Opens a model (headers only; its scan starts at the next tick) or a scan file. What was open is
 * closed first, but for the watched job. */
int session_open(struct session *session, const char *path, struct error *err);
int session_watch(struct session *session, const char *job, struct error *err);

/* The model that a job scans, newly allocated; NULL: the job is no scan. Opened by its scan, a
 * model shows that as it is: one that was stopped or failed is not started before it is asked to.
 */
char *session_scanned_model(const char *job, struct error *err);
int session_open_scan(struct session *session, const char *model, struct error *err);

/* Takes in what jobs wrote; true: something changed. Milliseconds until that is worth a look, -1:
 * nothing is under way. */
bool session_tick(struct session *session);
int session_tick_ms(const struct session *session);

/* What computes this scan from now on, and those that are opened later. A name that no device can
 * have is an error; whether one is there, and free, its job finds out. */
int session_choose_device(struct session *session, const char *name, struct error *err);

/* Ranks by what is known now; brings the cost up to date after the plan or the settings changed. */
void session_plan_changed(struct session *session, bool by_hand);
void session_cost_changed(struct session *session);

/* Keeping the plan: when a model was opened, its plan changed, time has passed (true: there is a
 * message), and before it is closed. session_keep_now() writes what is not written yet; false: it
 * cannot be kept. */
void session_keep_open(struct session *session);
void session_keep_changed(struct session *session);
bool session_keep_tick(struct session *session);
bool session_keep_now(struct session *session);
void session_keep_close(struct session *session);
int session_keep_ms(const struct session *session); /* until a change is written; -1: all is */

/* Matrices without a score yet; and those that matter to the plan: 0 where scores chose nothing of
 * it, by hand, by a file, nothing or all. */
size_t session_scores_missing(const struct session *session);
size_t session_scores_lacked(const struct session *session);

/* An error where the path is a file of what is open: that is never written to. */
int session_check_output(const struct session *session, const char *path, struct error *err);

/* The plan as a file; YAML that is still provisional says so. */
void session_put_plan(const struct session *session, enum plan_format format, struct buffer *out);

/* Lines for the frame: what is under way, and what trains at what cost, in brief for windows that
 * the other does not fit. */
void session_progress(const struct session *session, char *out, size_t size);
void session_status(const struct session *session, bool brief, char *out, size_t size);
/* What is open, or else the job that is watched; never NULL. */
const char *session_title(const struct session *session);

#endif
