/* The watch screen's state, and its parts: watch.c has what keys do, watch_look.c what the state
 * takes from the job, watch_layout.h where what lies, watch_draw.c and watch_plots.c how it looks.
 *
 *     the job's folder --watch_look()--> struct watch_view --watch_draw()--> cells
 *     keys             --watch_request()->
 */
#ifndef SPECTRUM_TUI_SCREEN_WATCH_H
#define SPECTRUM_TUI_SCREEN_WATCH_H

#include "base/hash.h"
#include "tui/app/app.h"
#include "tui/screen/watch_layout.h"
#include "tui/screen/watch_window.h"
#include "tui/session/finish.h"
#include "tui/session/job_log.h"
#include "tui/session/job_series.h"
#include "tui/session/made.h"
#include "tui/session/runs.h"
#include "tui/widget/plot.h"

/* What the rows at the bottom show: the last sample, or what is read there, all of the log,
 * samples over time or the list of what was made of the run. */
enum watch_text { WATCH_TEXT_LAST, WATCH_TEXT_LOG, WATCH_TEXT_SAMPLES, WATCH_TEXT_MADE };

/* A step's numbers: the last ones, or those at the cross-hair. NaN: not known. */
struct watch_numbers {
    int64_t step;          /* of the line of training; -1: there is none */
    double loss, smoothed; /* of the step itself; by the half-life that the graph has */
    double evaluation, evaluation_step, rate, norm, speed, seconds, tokens;
    double planned[MEMORY_CATEGORIES], resident[MEMORY_CATEGORIES], process;
    double device, device_total, use; /* bytes, bytes, from 0 to 1 */
};

/* What --best would take now. */
struct watch_best {
    bool known, kept; /* kept: its checkpoint is there */
    int64_t step;     /* 0: no evaluation yet */
    double loss;
    char why[ERROR_TEXT_MAX]; /* not known: why */
};

struct watch_view {
    const struct job_follow *job; /* whose all of this is: the session's run */
    struct runs *runs;            /* over it: the session's */
    struct job_series *series;    /* NULL: there was no memory for it */
    struct watch_window window;
    double half_life; /* of the smoothing, in steps; negative: by what is shown */
    bool memory;      /* the large graph is the memory, not the loss */

    struct watch_numbers numbers;
    bool has_device, has_use; /* any line has the memory, the utilisation of a device */
    struct watch_best best;
    size_t best_events; /* how many events there were when it was looked for, and 1 more */

    enum watch_text text;
    struct job_log log; /* path NULL: not open */
    size_t log_back;    /* lines from the end of the log to what is shown last */
    char *sample;       /* NULL: none yet; may be anything (flow_put() sees to that) */
    int64_t sample_step;
    bool sample_held;     /* an earlier one, which stays while others come */
    struct finish finish; /* what was made of the run last, in the place of the last sample */
    int finish_top;       /* the line of its result that is shown first */
    bool finish_listed;   /* it was opened from the list, to which Esc goes back */
    struct made made;     /* all that was made of it, as far as that list was opened */
    int made_cursor;

    char trust_asked[DIGEST_TEXT_SIZE]; /* resuming what may be somebody else's is asked twice: the
                                           key of what was shown, or "" */
};

/* --- watch_look.c --- */

/* For the session's run, which may be another one than before. */
void watch_begin(struct app *app, struct watch_view *view);
void watch_end(struct watch_view *view);

/* Takes in what is new, reading for about so many seconds at most; true: something is. */
bool watch_look(struct watch_view *view, double seconds);

/* An earlier or a later sample than the one that is shown; false: there is none. */
bool watch_sample(struct watch_view *view, bool earlier);

struct watch_extent watch_extent(const struct watch_view *view);
/* The part of a curve that the window shows, in so many columns of dots. */
struct job_window watch_job_window(const struct watch_view *view, int columns);

/* --- watch_finish.c --- */

/* More steps, an export, an evaluation, a text. */
bool watch_finish_request(struct app *app, struct watch_view *view, enum request request,
                          const char *argument);
/* What the prompt for more steps says above what is typed: which step they lead to. */
void watch_more_hint(const struct app *app, const char *typed, char *out, size_t size);
/* Is there a pane of the last one, which can be closed? */
bool watch_finish_is_open(const struct watch_view *view);
void watch_finish_scroll(struct app *app, struct watch_view *view, int by);
/* The list of what was made of it: its cursor, and the one under it into the pane. */
void watch_made_move(struct watch_view *view, int by);
void watch_made_open(struct app *app, struct watch_view *view);
void watch_draw_made(struct app *app, const struct watch_view *view, struct area area);
void watch_draw_finish(struct app *app, const struct watch_view *view, struct area area);

/* --- watch_runs.c: other runs over its loss --- */

/* Their smoothed losses as curves of a plot with so many columns of cells, into out, which has room
 * for 2 RUNS_MAX; returns how many. They point into *values, which is to be freed. */
size_t watch_runs_curves(const struct watch_view *view, int cells, struct plot_series *out,
                         double **values);
void watch_draw_runs(struct app *app, const struct watch_view *view, struct area area);
bool watch_runs_request(struct app *app, struct watch_view *view, enum request request,
                        const char *argument);

/* --- watch_draw.c, watch_plots.c --- */

void watch_draw(struct app *app, void *state, struct area area);
void watch_draw_loss(struct app *app, const struct watch_view *view, struct area area);
/* Of learning rate, norm, speed or utilisation. */
void watch_draw_panel(struct app *app, const struct watch_view *view, enum watch_part part,
                      struct area area);

/* Points of one curve as a plot takes them. */
struct watch_points {
    size_t count;
    double *x, *low, *high, *smooth; /* in one allocation, x's */
};

/* Of a key in so many columns of cells, each value times `scale`; without memory there is none. */
struct watch_points watch_points_of(const struct watch_view *view, enum job_key key, int cells,
                                    double scale);
/* From the lowest to the highest of each column; it points into the points. */
struct plot_series watch_band_of(const struct watch_points *points);
/* The axes that all graphs have. */
struct plot watch_plot_of(const struct watch_view *view);

/* --- watch_memory.c --- */

/* large: in the loss's place, with an axis of steps; else a panel. */
void watch_draw_memory(struct app *app, const struct watch_view *view, struct area area,
                       bool large);
void watch_draw_device(struct app *app, const struct watch_view *view, struct area area);
void watch_draw_table(struct app *app, const struct watch_view *view, struct area area);

#endif
