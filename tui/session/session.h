/* What is open: a model or a scan file, what is known of it, the plan over it, and the training job
 * that is watched. One struct, which the screens show and change through the functions below and
 * those of session_open.h; nothing in this folder draws, and nothing in it knows a screen.
 *
 * Its life: session_init() leaves it empty, session_open() fills it (and empties it first, so a
 * screen goes from model to model with one struct), session_tick() lets what jobs wrote come in,
 * session_free() closes all. The process computes nothing: a scan is a job whose lines scan_feed.h
 * takes in, a training run one that job_follow.h follows.
 *
 * What changes a plan goes through session_plan_changed(), which brings everything that follows
 * from it up to date: the ranks, the training's cost, and the copy that is kept.
 *
 * How the plan is kept between two openings is in plan_keep.h.
 */
#ifndef SPECTRUM_TUI_SESSION_SESSION_H
#define SPECTRUM_TUI_SESSION_SESSION_H

#include "job/training/estimate.h"
#include "plan/plan_shelf.h"
#include "plan/plan_write.h"
#include "tui/session/data_look.h"
#include "tui/session/form_keep.h"
#include "tui/session/grid.h"
#include "tui/session/job_follow.h"
#include "tui/session/probe.h"
#include "tui/session/runs.h"
#include "tui/session/scan_feed.h"
#include "tui/session/settings.h"

/* What a plan that nobody has touched selects, as `spectrum plan` does. */
#define PLAN_FIRST_PERCENT 25.0

/* The open plan as it is kept between two openings of its model: one of several (plan_shelf.h). */
struct plan_keep {
    struct plan_shelf shelf;   /* of the model; not open: its content is not known yet */
    char name[PLAN_NAME_SIZE]; /* of the open plan */
    struct plan_version seen;  /* what of it lies in its file, as this session knows it */
    bool looked;               /* for what was kept before */
    bool touched;              /* the plan was changed by hand since it was opened */
    bool failed, told;         /* it could not be written last; that was said (once a session) */
    double changed_at; /* clock_seconds() of the first change that is not written; 0: all is */
    char message[ERROR_TEXT_MAX]; /* for the screen to show once; "": nothing */
};

/* Either nothing is open (source, scan and plan are NULL), or a scan file (model is NULL), or a
 * model. Whichever it is, a job may be watched beside it. */
struct session {
    char *title;           /* what is open, in short */
    char *source;          /* model or scan file, for plans and jobs; NULL: nothing is open */
    struct model *model;   /* NULL: only a scan file */
    struct scan *scan;     /* NULL: nothing is open */
    struct grid grid;      /* where the scan's rows lie in the heat map */
    struct scan_feed feed; /* of a model's scan */
    char device[16];       /* what is to compute scans: "auto", or what was chosen */
    struct plan *plan;
    bool plan_changed; /* by hand, and not saved since */
    bool scan_held;    /* the model was opened by its scan, which is started on request alone */
    struct plan_keep keep;
    char plan_path[4096];          /* the file that it was last read from or written to; "": none */
    struct training_estimate cost; /* of a run by this plan with the form's other fields */
    struct training_estimate form_cost; /* of the form's run: it may name another plan, or none */
    struct settings settings;           /* the training form's fields */
    struct form_keep form;              /* where they are kept */
    struct data_lengths lengths;        /* of their data, when it was looked at */
    struct probe probe;                 /* how long their run would take */
    struct job_follow *run;             /* NULL: no job is watched */
    struct runs runs;                   /* what is drawn over its loss */
};

/* The plan that nobody has touched, settled; what a plan begins as. */
int session_fresh_plan(const struct session *session, struct plan **out, struct error *err);

/* Nothing is open. (session_open.h opens, lets time pass, and frees.) */
void session_init(struct session *session);

/* Ranks by what is known now; brings the cost up to date after the plan or the settings changed.
 * `by_hand`: by the user, so that the plan is kept, and not given up without a question. */
void session_plan_changed(struct session *session, bool by_hand);
void session_cost_changed(struct session *session);
/* How a run by the map's plan trains it: by the form's method, or where that goes by no plan as
 * "spectrum" does; and what such a run would take, by this or another plan of the open model. */
enum training_method session_plan_method(const struct session *session);
void session_plan_cost(const struct session *session, const struct plan *plan,
                       struct training_estimate *cost);
/* A field of the form has another value: it is kept, and the cost is reckoned again. */
void session_form_changed(struct session *session);

/* Matrices without a score yet; and those that matter to the plan: 0 where scores chose nothing of
 * its base. */
size_t session_scores_missing(const struct session *session);
size_t session_scores_lacked(const struct session *session);
/* Is it not known yet whether the matrix trains? A percentage decides, and its score is to come. */
bool session_is_undecided(const struct session *session, size_t row);

/* An error where the path is a file of what is open: that is never written to. */
int session_check_output(const struct session *session, const char *path, struct error *err);

/* The plan as a file; YAML that is still provisional says so. */
void session_put_plan(const struct session *session, enum plan_format format, struct buffer *out);

/* What is open, or else the job that is watched; never NULL. */
const char *session_title(const struct session *session);

#endif
