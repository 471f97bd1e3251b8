/* Other runs over the loss of the one that is watched: their curves, and the table of them.
 *
 *       runs                    step      loss  evaluation  to the baseline
 *     • model-2 (watched)     31/60    2.8119      2.9404  -0.1307 at 31
 *     1 model-1               60/60    2.6120      2.7001  baseline
 *
 * Every run has a sign, which stands at the end of its curve, too, so no colour is needed to tell
 * them apart; without colours its whole curve is made of it. At a cross-hair all numbers are those of
 * its step; else of each run's last one, and the difference of the last that both have. */
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
        run->series ? job_series_evaluations(run->series, &count) : NULL;
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

enum { STEP = 15, LOSS = 9, EVALUATION = 12, DIFFERENCE = 20 }; /* columns, from the right */

/* Narrow windows have no room for steps and evaluations. */
static void draw_row(struct area row, struct style style, const char *name,
                     const char *const cells[4])
{
    static const int widths[] = {STEP, LOSS, EVALUATION, DIFFERENCE};
    bool wide = row.width >= 30 + STEP + LOSS + EVALUATION + DIFFERENCE;
    int x = row.width;
    for (int i = 3; i >= 0; i--) {
        if (!wide && (i == 0 || i == 2))
            continue;
        x -= widths[i];
        area_put(row, x + widths[i] - text_columns(cells[i]), 0, style, cells[i]);
    }
    area_label(row, 2, 0, x - 3, style, name);
}

static void draw_run(struct app *app, const struct watch_view *view, int at, struct area row)
{
    struct drawn run = drawn_at(view, at);
    bool watched = at == RUNS_WATCHED;
    int64_t step = view->window.crossed ? view->window.cross : run.last;
    char name[96], steps[32], loss[24], evaluation[24], difference[48];
    enum theme_role role = watched ? THEME_SERIES : looks[at].role;
    struct style sign = theme_style(&app->theme, role);
    snprintf(name, sizeof name, "%.64s%s", run.name, watched ? " (watched)" : "");
    snprintf(steps, sizeof steps, "%lld", (long long)run.last);
    put_loss(loss_at(view, &run, step), loss, sizeof loss);
    put_loss(evaluation_at(&run, step), evaluation, sizeof evaluation);
    put_difference(view, at, difference, sizeof difference);
    sign.attributes |= ATTRIBUTE_BOLD;
    area_put(row, 0, 0, sign, watched ? "•" : looks[at].sign);
    draw_row(row, theme_style(&app->theme, THEME_TEXT), name,
             (const char *const[]){steps, loss, evaluation, difference});
}

void watch_draw_runs(struct app *app, const struct watch_view *view, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int count = view->runs->count + 1, room = area.height - 1;
    bool pinned = view->runs->baseline != RUNS_NONE;
    draw_row(
        area_part(area, 0, 0, area.width, 1), dim,
        area.width < 76 ? "o chooses, b pins" : "runs: o chooses, b pins a baseline",
        (const char *const[]){"last step", "loss", "evaluation", pinned ? "to the baseline" : ""});
    for (int i = 0; i < count && i < room; i++)
        draw_run(app, view, i - 1, area_part(area, 0, 1 + i, area.width, 1));
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
