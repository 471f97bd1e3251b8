/* Other runs over the loss of the one that is watched: their curves, and the table of them.
 *
 *       runs: o chooses     last step  smoothed loss  evaluation  to the baseline
 *     ● model-2 (watched)          31         2.8119      2.9404    -0.1307 at 31
 *     1 model-1                    60         2.6120      2.7001         baseline
 *
 * Every run has a sign, which stands at the end of its curve, too, so no colour is needed to tell
 * them apart; without colours its whole curve is made of it. At a cross-hair all numbers are those of
 * its step, and the first column says "at step" for "last step"; else of each run's last one, and
 * the difference of the last that both have. */
#include "base/folder.h"
#include "base/memory.h"
#include "tui/screen/screens.h"
#include "tui/screen/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its number in the list, and six colours that every theme keeps apart; the memory, which has them, too, is another graph. */
static const struct {
    const char *sign;
    enum theme_role role;
} looks[RUNS_MAX] = {
    {"1", THEME_ACTIVATIONS}, {"2", THEME_OPTIMIZER}, {"3", THEME_MASTERS},
    {"4", THEME_WORKSPACE},   {"5", THEME_GRADIENTS}, {"6", THEME_WEIGHTS},
};

/* --- curves --- */

/* The run's smoothed losses into x and y, which have room for window->columns. */
static size_t take_curve(const struct run *run, const struct job_window *window, double *x,
                         double *y, struct job_point *room)
{
    size_t count = job_series_curve(run->series, JOB_KEY_LOSS, window, room);
    for (size_t i = 0; i < count; i++) {
        x[i] = room[i].x;
        y[i] = room[i].smooth;
    }
    return count;
}

size_t watch_runs_curves(const struct watch_view *view, int cells, struct plot_series *out,
                         double **values)
{
    const struct runs *runs = view->runs;
    struct job_window window = watch_job_window(view, 2 * cells);
    size_t most = cells > 0 ? (size_t)window.columns : 0, made = 0;
    struct job_point *room = array_alloc(most, sizeof *room, NULL);
    *values = array_alloc(most * (size_t)runs->count, 2 * sizeof **values, NULL);
    for (int i = 0; room && *values && most > 0 && i < runs->count; i++) {
        double *x = *values + 2 * most * (size_t)i, *y = x + most;
        size_t count = take_curve(&runs->list[i], &window, x, y, room);
        const struct plot_look look = {
            .role = looks[i].role, .sign = looks[i].sign, .ascii = looks[i].sign, .alone = true};
        out[made++] =
            (struct plot_series){.shape = PLOT_LINE, .look = look, .count = count, .x = x, .y = y};
        if (count > 0)
            out[made++] = (struct plot_series){.shape = PLOT_SIGNS,
                                               .look = look,
                                               .count = 1,
                                               .x = x + count - 1,
                                               .y = y + count - 1};
    }
    free(room);
    return made;
}

/* --- the table --- */

/* One of those that are drawn; the watched one is RUNS_WATCHED. */
struct drawn {
    const char *name;
    const struct job_series *series;
    const struct job_follow *job;
    int64_t last;
};

static struct drawn drawn_at(const struct watch_view *view, int at)
{
    const struct run *run = at == RUNS_WATCHED ? NULL : &view->runs->list[at];
    const struct job_follow *job = run ? run->job : view->job;
    return (struct drawn){run ? run->name : path_last(view->job->path),
                          run ? run->series : view->series, job,
                          job_metrics_last_step(&job->metrics)};
}

static double loss_at(const struct watch_view *view, const struct drawn *run, int64_t step)
{
    bool there = run->series && step >= 0 && step <= run->last;
    return there ? job_series_smoothed(run->series, step, watch_job_window(view, 1).weight) : NAN;
}

static double evaluation_at(const struct drawn *run, int64_t step)
{
    size_t count = 0;
    const struct job_evaluation *list =
        run->series && step <= run->last ? job_series_evaluations(run->series, &count) : NULL;
    while (count > 0 && list[count - 1].step > (double)step)
        count--;
    return count > 0 ? list[count - 1].loss : NAN;
}

/* "-0.1307 at 31", "baseline", "n/a"; "" where no baseline is pinned. */
static void put_difference(const struct watch_view *view, int at, char *out, size_t size)
{
    int baseline = view->runs->baseline;
    out[0] = '\0';
    if (baseline == RUNS_NONE)
        return;
    struct drawn run = drawn_at(view, at), base = drawn_at(view, baseline);
    int64_t common = run.last < base.last ? run.last : base.last;
    int64_t step = view->window.crossed ? view->window.cross : common;
    double difference = loss_at(view, &run, step) - loss_at(view, &base, step);
    if (at == baseline)
        snprintf(out, size, "baseline");
    else if (isnan(difference))
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, "%+.4f at %lld", difference, (long long)step);
}

static void put_loss(double loss, char *out, size_t size)
{
    if (isnan(loss))
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, "%.4f", loss);
}

enum { CELLS = 4, NAMES = 24, GAP = 2 };

/* A line of the table: the sign of a curve, the run's name, and the step of which the rest is, loss,
 * evaluation and difference. */
struct table_row {
    char name[96], cells[CELLS][48];
};

/* How wide each column is, from what all rows have in it; 0: it has no room. What goes first where a
 * row is narrow is the step, then the evaluation; names are cut down to NAMES columns before
 * that. Returns how wide the table is: numbers stand near their names in a wide window, too. */
static int fit_columns(const struct table_row *rows, int count, int room, int widths[CELLS])
{
    static const int order[] = {0, 2};
    int names = 0, used = 0;
    for (int i = 0; i < CELLS; i++)
        widths[i] = 0;
    for (int row = 0; row < count; row++) {
        int name = text_columns(rows[row].name);
        names = name > names ? name : names;
        for (int i = 0; i < CELLS; i++) {
            int columns = text_columns(rows[row].cells[i]);
            widths[i] = columns > widths[i] ? columns : widths[i];
        }
    }
    int least = 2 + (names < NAMES ? names : NAMES);
    for (int i = 0; i < CELLS; i++)
        used += widths[i] > 0 ? GAP + widths[i] : 0;
    for (size_t i = 0; i < sizeof order / sizeof *order && least + used > room; i++) {
        used -= widths[order[i]] > 0 ? GAP + widths[order[i]] : 0;
        widths[order[i]] = 0;
    }
    return 2 + names + used < room ? 2 + names + used : room;
}

static void draw_row(struct area line, struct style style, const struct table_row *row,
                     const int widths[CELLS])
{
    int x = line.width;
    for (int i = CELLS - 1; i >= 0; i--) {
        if (widths[i] == 0)
            continue;
        area_put(line, x - text_columns(row->cells[i]), 0, style, row->cells[i]);
        x -= widths[i] + GAP;
    }
    area_label(line, 2, 0, x - 2, style, row->name);
}

static void put_run(const struct watch_view *view, int at, struct table_row *row)
{
    struct drawn run = drawn_at(view, at);
    int64_t step = view->window.crossed ? view->window.cross : run.last;
    enum { SIZE = sizeof *row->cells };
    snprintf(row->name, sizeof row->name, "%.64s%s", run.name,
             at == RUNS_WATCHED ? " (watched)" : "");
    snprintf(row->cells[0], SIZE, "%lld", (long long)step);
    put_loss(loss_at(view, &run, step), row->cells[1], SIZE);
    put_loss(evaluation_at(&run, step), row->cells[2], SIZE);
    put_difference(view, at, row->cells[3], SIZE);
}

/* The losses are smoothed, unless that was taken off (`:smooth 0`). */
static void put_head(const struct watch_view *view, int columns, struct table_row *row)
{
    bool pinned = view->runs->baseline != RUNS_NONE;
    *row = (struct table_row){.cells = {"", "", "evaluation", ""}};
    snprintf(row->cells[0], sizeof row->cells[0], "%s",
             view->window.crossed ? "at step" : "last step");
    snprintf(row->name, sizeof row->name, "%s",
             columns < 76 ? "o chooses, b pins" : "runs: o chooses, b pins a baseline");
    snprintf(row->cells[1], sizeof row->cells[1], "%s",
             view->half_life == 0 ? "loss" : "smoothed loss");
    if (pinned)
        snprintf(row->cells[3], sizeof row->cells[3], "to the baseline");
}

void watch_draw_runs(struct app *app, const struct watch_view *view, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    struct table_row rows[RUNS_MAX + 2];
    int count = view->runs->count + 2, room = area.height, widths[CELLS], width;
    put_head(view, area.width, &rows[0]);
    for (int i = 1; i < count; i++)
        put_run(view, i - 2, &rows[i]);
    width = fit_columns(rows, count, area.width, widths);
    for (int i = 0; i < count && i < room; i++) {
        struct area line = area_part(area, 0, i, width, 1);
        int at = i - 2;
        bool watched = at == RUNS_WATCHED;
        struct style sign =
            theme_style(&app->theme, watched || i == 0 ? THEME_SERIES : looks[at].role);
        sign.attributes |= ATTRIBUTE_BOLD;
        if (i > 0)
            area_put(line, 0, 0, sign, watched ? "●" : looks[at].sign);
        draw_row(line, i == 0 ? dim : theme_style(&app->theme, THEME_TEXT), &rows[i], widths);
    }
    if (count > room && room > 0)
        area_put_right(area, 0, 0, dim, "more below");
}

/* --- requests --- */

bool watch_runs_request(struct app *app, struct watch_view *view, enum request request,
                        const char *argument)
{
    struct error err = ERROR_INIT;
    if (request == REQUEST_OVERLAY) {
        screen_open_runs(app);
        return true;
    }
    if (request == REQUEST_ADD_RUN) {
        if (file_is_same(argument, view->job->path))
            app_message(app, "%s is the run that is watched", argument);
        else if (runs_add(view->runs, argument, &err) != 0)
            app_error(app, &err);
        return true;
    }
    if (request != REQUEST_BASELINE)
        return false;
    if (view->runs->count == 0) {
        app_message(app, "no other run is drawn: o chooses some");
        return true;
    }
    runs_pin_next(view->runs);
    int baseline = view->runs->baseline;
    if (baseline == RUNS_NONE)
        app_message(app, "no baseline");
    else
        app_message(app, "the baseline is %s", drawn_at(view, baseline).name);
    return true;
}
