/* The watch screen's graphs: the loss or the memory, large, and a panel for each of what else is
 * measured, its number in its title. Every curve is of the same steps. What is counted in bytes is in
 * watch_memory.c. */
#include "base/memory.h"
#include "tui/screen/watch.h"
#include "tui/session/smoothing.h"
#include "tui/session/wording.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watch_points watch_points_of(const struct watch_view *view, enum job_key key, int cells,
                                    double scale)
{
    struct watch_points points = {0};
    struct job_window window = watch_job_window(view, 2 * cells); /* dots */
    if (!view->series || cells <= 0)
        return points;
    size_t most = (size_t)window.columns;
    struct job_point *found = array_alloc(most, sizeof *found, NULL);
    points.x = array_alloc(most, 4 * sizeof *points.x, NULL);
    if (found && points.x) {
        points.low = points.x + most;
        points.high = points.low + most;
        points.smooth = points.high + most;
        points.count = job_series_curve(view->series, key, &window, found);
    }
    for (size_t i = 0; i < points.count; i++) {
        points.x[i] = found[i].x;
        points.low[i] = found[i].low * scale;
        points.high[i] = found[i].high * scale;
        points.smooth[i] = found[i].smooth * scale;
    }
    free(found);
    return points;
}

struct plot watch_plot_of(const struct watch_view *view)
{
    struct watch_steps steps = watch_window_steps(&view->window, watch_extent(view));
    return (struct plot){.log_x = view->window.log_x,
                         .x_range = {(double)steps.from, (double)steps.to},
                         .round_y = true,
                         .crossed = view->window.crossed,
                         .cross = (double)view->window.cross};
}

struct plot_series watch_band_of(const struct watch_points *points)
{
    return (struct plot_series){.shape = PLOT_BAND,
                                .look = {.role = THEME_SERIES, .sign = "", .ascii = "*"},
                                .count = points->count,
                                .x = points->x,
                                .y = points->low,
                                .top = points->high};
}

/* "12.3", or n/a. */
static const char *number(char *out, size_t size, const char *format, double value)
{
    if (isnan(value))
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, format, value); /* NOLINT(clang-diagnostic-format-nonliteral) */
    return out;
}

/* --- the loss --- */

/* What of the run the loss is drawn from, until it is: curves, and evaluations by step. */
struct losses {
    struct watch_points points;
    double *evaluations; /* [count] steps, [count] losses */
    size_t count;
    double half_life;
    char title[32], smoothed[64], evaluation[48]; /* what the graph and its curves are called */
};

/* A step's own loss, the smoothed one and the evaluation are three numbers, and none goes without
 * its name or its curve's sign: in as many words as the first row of the graph has room for, a sign
 * being two columns and as many between two names. */
static void losses_name(struct losses *losses, const struct watch_view *view, int columns)
{
    enum { SIGN = 4 };
    const struct watch_numbers *numbers = &view->numbers;
    char loss[24], smoothed[24], evaluation[24], half_life[24];
    number(loss, sizeof loss, "%.4g", numbers->loss);
    number(smoothed, sizeof smoothed, "%.4g", numbers->smoothed);
    number(evaluation, sizeof evaluation, "%.4g", numbers->evaluation);
    snprintf(half_life, sizeof half_life, "%.3g", losses->half_life);
    for (int form = 0; form < 4; form++) {
        int used = snprintf(losses->title, sizeof losses->title, "loss %s", loss) + SIGN;
        if (losses->half_life > 0) {
            used += SIGN;
            used += snprintf(losses->smoothed, sizeof losses->smoothed, "%s%s%s%s",
                             form < 3 ? "smoothed " : "", smoothed, form == 0 ? ", half-life " : "",
                             form == 0 ? half_life : "");
        }
        used += snprintf(losses->evaluation, sizeof losses->evaluation, "%s%s",
                         form < 2    ? "evaluation "
                         : form == 2 ? "eval "
                                     : "",
                         evaluation);
        if (used <= columns)
            break;
    }
}

static void losses_take(struct losses *losses, const struct watch_view *view, int cells)
{
    *losses = (struct losses){.points = watch_points_of(view, JOB_KEY_LOSS, cells, 1),
                              .half_life = view->half_life};
    const struct job_evaluation *list =
        view->series ? job_series_evaluations(view->series, &losses->count) : NULL;
    losses->evaluations = array_alloc(losses->count, 2 * sizeof *losses->evaluations, NULL);
    if (!losses->evaluations)
        losses->count = 0;
    for (size_t i = 0; i < losses->count; i++) {
        losses->evaluations[i] = list[i].step;
        losses->evaluations[losses->count + i] = list[i].loss;
    }
    if (losses->half_life < 0)
        losses->half_life = smoothing_half_life(watch_job_window(view, 1).weight);
}

static struct plot_series faint_of(const struct losses *losses)
{
    return (struct plot_series){.shape = PLOT_BAND,
                                .look = {.role = THEME_SERIES_FAINT, .sign = "", .ascii = "."},
                                .count = losses->points.count,
                                .x = losses->points.x,
                                .y = losses->points.low,
                                .top = losses->points.high};
}

static struct plot_series smoothed_of(const struct losses *losses)
{
    bool is = losses->half_life > 0;
    return (struct plot_series){.name = is ? losses->smoothed : NULL,
                                .shape = PLOT_LINE,
                                .look = {.role = THEME_SERIES,
                                         .sign = "●",
                                         .ascii = "*",
                                         .attributes = ATTRIBUTE_BOLD,
                                         .alone = true},
                                .count = is ? losses->points.count : 0,
                                .x = losses->points.x,
                                .y = losses->points.smooth};
}

static struct plot_series evaluations_of(const struct losses *losses)
{
    return (struct plot_series){.name = losses->evaluation,
                                .shape = PLOT_SIGNS,
                                .look = {.role = THEME_SERIES_OTHER,
                                         .sign = "◆",
                                         .ascii = "@",
                                         .attributes = ATTRIBUTE_BOLD},
                                .count = losses->count,
                                .x = losses->evaluations,
                                .y = losses->evaluations + losses->count};
}

/* Each step's loss faint, other runs over it, the smoothed one over them, evaluations as signs over
 * all. */
void watch_draw_loss(struct app *app, const struct watch_view *view, struct area area)
{
    struct losses losses;
    struct plot_series series[3 + 2 * RUNS_MAX];
    size_t count = 0;
    double *others;
    int cells = plot_across(area.width).columns;
    if (area.height <= 0)
        return;
    losses_take(&losses, view, cells);
    losses_name(&losses, view, area.width);
    series[count++] = faint_of(&losses);
    count += watch_runs_curves(view, cells, series + count, &others);
    series[count++] = smoothed_of(&losses);
    series[count++] = evaluations_of(&losses);
    struct plot plot = watch_plot_of(view);
    plot.x_title = "step";
    plot.y_title = losses.title;
    plot.series = series;
    plot.series_count = count;
    plot.log_y = view->window.log_y;
    plot_draw(area, &app->theme, &plot);
    free(losses.points.x);
    free(losses.evaluations);
    free(others);
}

/* --- the panels --- */

/* What a panel has, but for those of watch_memory.c: the key, and in the title its number. */
static enum job_key put_panel_title(const struct watch_numbers *numbers, enum watch_part part,
                                    int columns, char *out, size_t size)
{
    char value[32], second[32];
    if (part == WATCH_RATE) {
        snprintf(out, size, "learning rate %s", number(value, sizeof value, "%.3g", numbers->rate));
        return JOB_KEY_LR;
    }
    if (part == WATCH_NORM) {
        snprintf(out, size, "gradient norm %s", number(value, sizeof value, "%.3g", numbers->norm));
        return JOB_KEY_GRAD_NORM;
    }
    if (part == WATCH_USE) {
        snprintf(out, size, "device used %s",
                 number(value, sizeof value, "%.0f %%", 100 * numbers->use));
        return JOB_KEY_USE;
    }
    if (isnan(numbers->speed))
        snprintf(value, sizeof value, "n/a");
    else
        plot_number(numbers->speed >= 1000 ? round(numbers->speed / 10) * 10 : numbers->speed,
                    value, sizeof value);
    number(second, sizeof second, "%.2g s", numbers->seconds);
    int used = snprintf(out, size, "tokens/s %s, %s a step", value, second);
    if (used > columns)
        snprintf(out, size, "tokens/s %s, %s/step", value, second);
    return JOB_KEY_SPEED;
}

/* The title has the number; below it, where there are rows, the curve without an axis of steps,
 * which is the large graph's. */
void watch_draw_panel(struct app *app, const struct watch_view *view, enum watch_part part,
                      struct area area)
{
    char title[96];
    if (area.height <= 0)
        return;
    enum job_key key = put_panel_title(&view->numbers, part, area.width, title, sizeof title);
    struct watch_points points =
        watch_points_of(view, key, plot_across(area.width).columns, part == WATCH_USE ? 100 : 1);
    const struct plot_series series = watch_band_of(&points);
    struct plot plot = watch_plot_of(view);
    plot.y_title = title;
    plot.series = &series;
    plot.series_count = 1;
    if (part == WATCH_USE)
        plot.y_range = (struct plot_range){0, 100};
    plot_draw(area, &app->theme, &plot);
    free(points.x);
}
