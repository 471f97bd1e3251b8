/* The watch screen's memory: of the process, by category, as a graph and as a table, and of the
 * device. */
#include "base/memory.h"
#include "tui/screen/watch.h"
#include "tui/session/wording.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double mebibyte = 1 << 20;

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

static void put_bytes(double bytes, char *out, size_t size)
{
    if (isnan(bytes))
        snprintf(out, size, "n/a");
    else
        bytes_put(bytes, out, size);
}

/* "17.5 of 19.0 MiB": the unit once where it is the same. */
static void put_part_of(double part, double whole, char *out, size_t size)
{
    char left[32], right[32];
    put_bytes(part, left, sizeof left);
    put_bytes(whole, right, sizeof right);
    char *unit = strchr(left, ' ');
    const char *other = strchr(right, ' ');
    if (unit && other && strcmp(unit, other) == 0)
        *unit = '\0';
    snprintf(out, size, "%s of %s", left, right);
}

/* "memory 43.7 of 43.7 MiB, process 67.1 MiB": what is held of what was planned; then, where there is
 * room, the process, which has more than what is planned: code, libraries, stacks. Of an engine's run
 * the largest of its processes is all that is known. */
static void put_memory_title(const struct watch_numbers *numbers, int columns, char *out,
                             size_t size)
{
    char held[80], process[32];
    put_part_of(sum(numbers->resident), sum(numbers->planned), held, sizeof held);
    put_bytes(numbers->process, process, sizeof process);
    if (isnan(sum(numbers->planned)) && !isnan(numbers->process)) {
        snprintf(out, size, "memory of a process %s", process);
        return;
    }
    int used = snprintf(out, size, "memory %s", held);
    if (used + (int)strlen(", process ") + (int)strlen(process) <= columns)
        snprintf(out + used, size - (size_t)used, ", process %s", process);
}

/* As those of a key that does not stand in every line: what it had last up to the first column
 * stays until there is more, and the last value until the last step. There is room for both, as
 * columns are dots and points at their middles: at most one for each. */
static void hold(const struct watch_view *view, enum job_key key, double scale, int cells,
                 struct watch_points *points)
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

/* Resident bytes of the categories one on top of the other, what the process has as a line, and the
 * plan as a mark. A category's points are those of the steps at which it is known. */
void watch_draw_memory(struct app *app, const struct watch_view *view, struct area area, bool large)
{
    char title[96];
    struct watch_points held[MEMORY_CATEGORIES], process;
    struct plot_series series[MEMORY_CATEGORIES + 1];
    int cells = plot_across(area.width).columns;
    if (area.height <= 0)
        return;
    put_memory_title(&view->numbers, area.width, title, sizeof title);
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        struct watch_points *own = &held[i];
        enum job_key key = (enum job_key)(JOB_KEY_RESIDENT + i);
        *own = watch_points_of(view, key, cells, 1 / mebibyte);
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
    process = watch_points_of(view, JOB_KEY_PROCESS, cells, 1 / mebibyte);
    series[MEMORY_CATEGORIES] =
        (struct plot_series){.name = "process",
                             .shape = PLOT_LINE,
                             .look = {.role = THEME_TEXT, .sign = "=", .ascii = "=", .alone = true},
                             .count = process.count,
                             .x = process.x,
                             .y = process.high};
    double plan = sum(view->numbers.planned);
    const struct plot_mark mark = {"plan", plan / mebibyte, false, THEME_THRESHOLD};
    struct plot plot = watch_plot_of(view);
    plot.x_title = large ? "step" : NULL;
    plot.y_title = large ? "memory, MiB" : title;
    plot.series = series;
    plot.series_count = MEMORY_CATEGORIES + 1;
    plot.marks = &mark;
    plot.mark_count = isnan(plan) ? 0 : 1;
    plot_draw(area, &app->theme, &plot);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        free(held[i].x);
    free(process.x);
}

/* What the run has of its device's memory, below a mark at all that this has, in the unit of the
 * larger one. */
void watch_draw_device(struct app *app, const struct watch_view *view, struct area area)
{
    const struct watch_numbers *numbers = &view->numbers;
    char title[96], bytes[80];
    double total = numbers->device_total;
    if (area.height <= 0)
        return;
    double unit = fmax(total, numbers->device) >= 1024 * mebibyte ? 1024 * mebibyte : mebibyte;
    struct watch_points points =
        watch_points_of(view, JOB_KEY_DEVICE, plot_across(area.width).columns, 1 / unit);
    const struct plot_series series = watch_band_of(&points);
    const struct plot_mark mark = {"total", total / unit, false, THEME_THRESHOLD};
    if (isnan(total))
        put_bytes(numbers->device, bytes, sizeof bytes);
    else
        put_part_of(numbers->device, total, bytes, sizeof bytes);
    snprintf(title, sizeof title, "device %s", bytes);
    struct plot plot = watch_plot_of(view);
    plot.y_title = title;
    plot.series = &series;
    plot.series_count = 1;
    plot.marks = &mark;
    plot.mark_count = isnan(total) ? 0 : 1;
    plot_draw(area, &app->theme, &plot);
    free(points.x);
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
