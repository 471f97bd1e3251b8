/* The watch screen's graphs: the loss or the memory, large, and a panel for each of what else is
 * measured, its number in its title. Every curve is of the same steps. */
#include "base/memory.h"
#include "tui/screen/watch.h"
#include "tui/session/smoothing.h"
#include "tui/session/wording.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double mebibyte = 1 << 20;

/* Points of one curve as a plot takes them. */
struct points {
    size_t count;
    double *x, *low, *high, *smooth; /* in one allocation, x's */
};

/* Of a key in so many columns of cells, each value times `scale`; without memory there is none. */
static struct points points_of(const struct watch_view *view, enum job_key key, int cells,
                               double scale)
{
    struct points points = {0};
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

/* As those of a key that does not stand in every line: what it had last up to the first column
 * stays until there is more, and the last value until the last step. There is room for both, as
 * columns are dots and points at their middles: at most one for each. */
static void hold(const struct watch_view *view, enum job_key key, double scale, int cells,
                 struct points *points)
{
    struct job_window window = watch_job_window(view, 2 * cells);
    double last = fmin((double)job_metrics_last_step(&view->job->metrics), window.to);
    size_t *count = &points->count, most = 2 * (size_t)cells;
    if (!points->high) /* there was no memory */
        return;
    double before = view->series ? job_series_last(view->series, key, (int64_t)window.from) : NAN;
    if (!isnan(before) && *count < most && (*count == 0 || points->x[0] > window.from)) {
        for (size_t i = (*count)++; i > 0; i--) {
            points->x[i] = points->x[i - 1];
            points->high[i] = points->high[i - 1];
        }
        points->x[0] = window.from;
        points->high[0] = before * scale;
    }
    if (*count > 0 && *count < most && points->x[*count - 1] < last) {
        points->x[*count] = last;
        points->high[*count] = points->high[*count - 1];
        ++*count;
    }
}

/* The axes that all graphs have. */
static struct plot plot_of(const struct watch_view *view)
{
    struct watch_steps steps = watch_window_steps(&view->window, watch_extent(view));
    return (struct plot){.log_x = view->window.log_x,
                         .x_range = {(double)steps.from, (double)steps.to},
                         .round_y = true,
                         .crossed = view->window.crossed,
                         .cross = (double)view->window.cross};
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
    struct points points;
    double *evaluations; /* [count] steps, [count] losses */
    size_t count;
    double half_life;
    char smoothed[48], evaluation[48]; /* names of the curves */
};

static void losses_take(struct losses *losses, const struct watch_view *view, int cells)
{
    char value[24];
    *losses = (struct losses){.points = points_of(view, JOB_KEY_LOSS, cells, 1),
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
    snprintf(losses->smoothed, sizeof losses->smoothed, "smoothed, half-life %.3g",
             losses->half_life);
    snprintf(losses->evaluation, sizeof losses->evaluation, "evaluation %s",
             number(value, sizeof value, "%.4g", view->numbers.evaluation));
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
                                         .sign = "•",
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
static void draw_loss(struct app *app, const struct watch_view *view, struct area area)
{
    struct losses losses;
    struct plot_series series[3 + 2 * RUNS_MAX];
    size_t count = 0;
    double *others;
    char title[48], value[24];
    int cells = plot_across(area.width).columns;
    losses_take(&losses, view, cells);
    series[count++] = faint_of(&losses);
    count += watch_runs_curves(view, cells, series + count, &others);
    series[count++] = smoothed_of(&losses);
    series[count++] = evaluations_of(&losses);
    snprintf(title, sizeof title, "loss %s",
             number(value, sizeof value, "%.4g", view->numbers.loss));
    struct plot plot = plot_of(view);
    plot.x_title = "step";
    plot.y_title = title;
    plot.series = series;
    plot.series_count = count;
    plot.log_y = view->window.log_y;
    plot_draw(area, &app->theme, &plot);
    free(losses.points.x);
    free(losses.evaluations);
    free(others);
}

/* --- memory --- */

/* A category's colour, and its letter where there is none. */
static const struct plot_look categories[MEMORY_CATEGORIES] = {
    [MEMORY_WEIGHTS] = {.role = THEME_WEIGHTS, .sign = "w", .ascii = "w"},
    [MEMORY_MASTERS] = {.role = THEME_MASTERS, .sign = "m", .ascii = "m"},
    [MEMORY_GRADIENTS] = {.role = THEME_GRADIENTS, .sign = "g", .ascii = "g"},
    [MEMORY_OPTIMIZER] = {.role = THEME_OPTIMIZER, .sign = "o", .ascii = "o"},
    [MEMORY_ACTIVATIONS] = {.role = THEME_ACTIVATIONS, .sign = "a", .ascii = "a"},
    [MEMORY_WORKSPACE] = {.role = THEME_WORKSPACE, .sign = "k", .ascii = "k"},
};

/* NaN where no category is known. */
static double sum(const double bytes[MEMORY_CATEGORIES])
{
    double total = NAN;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        if (!isnan(bytes[i]))
            total = (isnan(total) ? 0 : total) + bytes[i];
    return total;
}

/* Resident bytes of the categories one on top of the other, what the process has as a line, and the
 * plan as a mark. A category's points are those of the steps at which it is known. */
static void draw_memory(struct app *app, const struct watch_view *view, struct area area,
                        const char *title, bool axis)
{
    struct points held[MEMORY_CATEGORIES], process;
    struct plot_series series[MEMORY_CATEGORIES + 1];
    int cells = plot_across(area.width).columns;
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        struct points *own = &held[i];
        enum job_key key = (enum job_key)(JOB_KEY_RESIDENT + i);
        *own = points_of(view, key, cells, 1 / mebibyte);
        hold(view, key, 1 / mebibyte, cells, own);
        for (size_t k = 0; k < own->count; k++) {
            double below = i > 0 && k < held[i - 1].count ? held[i - 1].high[k] : 0;
            own->low[k] = below;
            own->high[k] += below;
        }
        series[i] = (struct plot_series){.shape = PLOT_AREA,
                                         .look = categories[i],
                                         .count = own->count,
                                         .x = own->x,
                                         .y = own->low,
                                         .top = own->high};
    }
    process = points_of(view, JOB_KEY_PROCESS, cells, 1 / mebibyte);
    series[MEMORY_CATEGORIES] =
        (struct plot_series){.name = "process",
                             .shape = PLOT_LINE,
                             .look = {.role = THEME_TEXT, .sign = "=", .ascii = "=", .alone = true},
                             .count = process.count,
                             .x = process.x,
                             .y = process.high};
    double plan = sum(view->numbers.planned);
    const struct plot_mark mark = {"plan", plan / mebibyte, false, THEME_THRESHOLD};
    struct plot plot = plot_of(view);
    plot.x_title = axis ? "step" : NULL;
    plot.y_title = title;
    plot.series = series;
    plot.series_count = MEMORY_CATEGORIES + 1;
    plot.marks = &mark;
    plot.mark_count = isnan(plan) ? 0 : 1;
    plot_draw(area, &app->theme, &plot);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        free(held[i].x);
    free(process.x);
}

static void put_bytes(double bytes, char *out, size_t size)
{
    if (isnan(bytes))
        snprintf(out, size, "n/a");
    else
        bytes_put(bytes, out, size);
}

/* A category a row: what of its part of the arena is resident, what was planned, and a bar of the
 * latter, filled as far as the former goes; last what the process has in all, of which the plan
 * says nothing. */
void watch_draw_table(struct app *app, const struct watch_view *view, struct area area)
{
    enum { HELD = 21, PLANNED = 32, BAR = 34 };
    const struct watch_numbers *numbers = &view->numbers;
    struct style dim = theme_style(&app->theme, THEME_DIM),
                 text = theme_style(&app->theme, THEME_TEXT);
    double largest = 0;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        largest = fmax(largest, isnan(numbers->planned[i]) ? 0 : numbers->planned[i]);
    if (area.height <= 0)
        return;
    area_print(area, 0, 0, dim, "%-12s%9s%11s", "memory", "held", "plan");
    for (int i = 0; i <= MEMORY_CATEGORIES; i++) {
        bool process = i == MEMORY_CATEGORIES;
        double held = process ? numbers->process : numbers->resident[i];
        double planned = process ? NAN : numbers->planned[i];
        struct style style = dim;
        char left[32], right[32];
        if (!process)
            style.fg = theme_style(&app->theme, categories[i].role).fg;
        put_bytes(held, left, sizeof left);
        put_bytes(planned, right, sizeof right);
        area_put(area, 0, i + 1, style,
                 process ? "process" : memory_category_name((enum memory_category)i));
        area_print(area, HELD - 10, i + 1, text, "%10s", left);
        if (!process)
            area_print(area, PLANNED - 10, i + 1, dim, "%10s", right);
        int room = area.width - BAR;
        for (int x = 0; !process && largest > 0 && x < room; x++) {
            double at = (x + 0.5) / room * largest;
            if (at <= planned)
                area_put(area, BAR + x, i + 1, style, at <= held ? "█" : "░");
        }
    }
}

/* --- the parts --- */

/* "memory 43.7 of 43.7 MiB, process 67.1 MiB": what is held of what was planned, the unit once where
 * it is the same; then, where there is room, the process, which has more than what is planned: code,
 * libraries, stacks. */
static void put_memory_title(const struct watch_numbers *numbers, int columns, char *out,
                             size_t size)
{
    char held[32], plan[32], process[32];
    put_bytes(sum(numbers->resident), held, sizeof held);
    put_bytes(sum(numbers->planned), plan, sizeof plan);
    put_bytes(numbers->process, process, sizeof process);
    char *unit = strchr(held, ' ');
    const char *other = strchr(plan, ' ');
    if (unit && other && strcmp(unit, other) == 0)
        *unit = '\0';
    int used = snprintf(out, size, "memory %s of %s", held, plan);
    if (used + (int)strlen(", process ") + (int)strlen(process) <= columns)
        snprintf(out + used, size - (size_t)used, ", process %s", process);
}

void watch_draw_main(struct app *app, const struct watch_view *view, struct area area)
{
    if (area.height <= 0)
        return;
    if (view->memory)
        draw_memory(app, view, area, "memory, MiB", true);
    else
        draw_loss(app, view, area);
}

/* The title has the number; below it, where there are rows, the curve without an axis of steps,
 * which is the large graph's. */
void watch_draw_panel(struct app *app, const struct watch_view *view, enum watch_part part,
                      struct area area)
{
    const struct watch_numbers *numbers = &view->numbers;
    char title[96], value[32], second[32];
    enum job_key key = JOB_KEY_LR;
    if (area.height <= 0)
        return;
    if (part == WATCH_MEMORY) {
        put_memory_title(numbers, area.width, title, sizeof title);
        draw_memory(app, view, area, title, false);
        return;
    }
    if (part == WATCH_RATE) {
        snprintf(title, sizeof title, "learning rate %s",
                 number(value, sizeof value, "%.3g", numbers->rate));
    } else if (part == WATCH_NORM) {
        key = JOB_KEY_GRAD_NORM;
        snprintf(title, sizeof title, "gradient norm %s",
                 number(value, sizeof value, "%.3g", numbers->norm));
    } else {
        key = JOB_KEY_SPEED;
        if (isnan(numbers->speed))
            snprintf(value, sizeof value, "n/a");
        else
            plot_number(numbers->speed >= 1000 ? round(numbers->speed / 10) * 10 : numbers->speed,
                        value, sizeof value);
        snprintf(title, sizeof title, "tokens/s %s, %s a step", value,
                 number(second, sizeof second, "%.2g s", numbers->seconds));
    }
    struct points points = points_of(view, key, plot_across(area.width).columns, 1);
    const struct plot_series series = {.shape = PLOT_BAND,
                                       .look = {.role = THEME_SERIES, .sign = "", .ascii = "*"},
                                       .count = points.count,
                                       .x = points.x,
                                       .y = points.low,
                                       .top = points.high};
    struct plot plot = plot_of(view);
    plot.y_title = title;
    plot.series = &series;
    plot.series_count = 1;
    plot_draw(area, &app->theme, &plot);
    free(points.x);
}
