#include "tui/screen/watch_window.h"

#include <math.h>

enum { LEAST = 4, JUMPS = 8 }; /* steps; jumps in which the last steps move by all of them */

/* The smallest of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten that is not below the step: a
 * run of a million steps is redrawn some fifty times. */
static int64_t round_up(int64_t step)
{
    static const double digits[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};
    if (step <= 10)
        return 10;
    double power = pow(10, floor(log10((double)step)));
    for (int i = 0; i < 9; i++)
        if (digits[i] * power >= (double)step)
            return (int64_t)(digits[i] * power);
    return step;
}

/* Beyond the last step, and not beyond the run's. */
static int64_t cut(int64_t to, struct watch_extent extent)
{
    return extent.total >= extent.last && extent.total >= LEAST && to > extent.total ? extent.total
                                                                                     : to;
}

struct watch_steps watch_window_steps(const struct watch_window *window, struct watch_extent extent)
{
    int64_t last = extent.last > 1 ? extent.last : 1;
    struct watch_steps steps = {0, cut(round_up(last), extent)};
    if (window->kind == WATCH_BETWEEN)
        steps = (struct watch_steps){window->from, window->to};
    if (window->kind == WATCH_LAST && window->steps < steps.to) {
        int64_t jump = window->steps / JUMPS > 1 ? window->steps / JUMPS : 1;
        int64_t to = cut((last + jump - 1) / jump * jump, extent);
        to = to > window->steps ? to : window->steps;
        steps = (struct watch_steps){to - window->steps, to};
    }
    if (window->log_x && steps.from < 1)
        steps.from = 1;
    if (steps.to <= steps.from)
        steps.to = steps.from + 1;
    return steps;
}

void watch_window_all(struct watch_window *window)
{
    window->kind = WATCH_ALL;
}

void watch_window_last(struct watch_window *window, int64_t steps)
{
    window->kind = WATCH_LAST;
    window->steps = steps < LEAST ? LEAST : steps;
    window->crossed = false;
}

/* `span` steps with `middle` in the middle, or as near to it as the ends let it be. */
static void show_around(struct watch_window *window, struct watch_extent extent, int64_t middle,
                        int64_t span)
{
    int64_t end = cut(round_up(extent.last), extent), from = middle - span / 2;
    from = from + span > end ? end - span : from;
    from = from < 0 ? 0 : from;
    window->kind = WATCH_BETWEEN;
    window->from = from;
    window->to = from + span;
}

/* Where all of the run would be shown, it is all of it again, which follows the run. */
void watch_window_zoom(struct watch_window *window, struct watch_extent extent, bool in)
{
    struct watch_steps now = watch_window_steps(window, extent);
    struct watch_steps all = watch_window_steps(&(struct watch_window){.kind = WATCH_ALL}, extent);
    int64_t span = in ? (now.to - now.from) / 2 : (now.to - now.from) * 2;
    span = span < LEAST ? LEAST : span;
    if (span >= all.to - all.from)
        window->kind = WATCH_ALL;
    else if (window->crossed)
        show_around(window, extent, window->cross, span);
    else if (window->kind == WATCH_BETWEEN)
        show_around(window, extent, now.from + (now.to - now.from) / 2, span);
    else
        watch_window_last(window, span);
}

void watch_window_move(struct watch_window *window, struct watch_extent extent, int by, int columns)
{
    struct watch_steps now = watch_window_steps(window, extent);
    int64_t last = extent.last > 0 ? extent.last : 0, before = window->cross, cross;
    if (!window->crossed || before > last) { /* at the last step that is shown */
        before = last > now.to ? now.to : last;
        by = by > 0 ? 0 : by;
    }
    window->crossed = true;
    double share = (double)by / (columns > 1 ? columns - 1 : 1);
    if (window->log_x) {
        double place = log(before > 1 ? (double)before : 1);
        place += share * (log((double)now.to) - log((double)now.from));
        cross = (int64_t)fmin(exp(place) + 0.5, 9e15);
    } else {
        cross = before + (int64_t)llround(share * (double)(now.to - now.from));
    }
    if (cross == before)
        cross += by > 0 ? 1 : by < 0 ? -1 : 0;
    window->cross = cross < 0 ? 0 : cross > last ? last : cross;
    if (window->cross < now.from || window->cross > now.to)
        show_around(window, extent, window->cross, now.to - now.from);
}
