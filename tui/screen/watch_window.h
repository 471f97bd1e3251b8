/* Which steps of a run the watch screen shows, and the cross-hair among them. Pure functions of
 * plain data.
 *
 *     all of it --zoom in--> the last N steps --+, - --> ...  --zoom out--> all of it
 *         `--zoom in at the cross-hair--> from one step to another, which stays while steps come
 *
 * What follows the run ends at a round step a little beyond the last one, and moves on in jumps, so
 * that of most steps the screen changes a dot, and not every number on the axis.
 */
#ifndef SPECTRUM_TUI_SCREEN_WATCH_WINDOW_H
#define SPECTRUM_TUI_SCREEN_WATCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum watch_kind { WATCH_ALL, WATCH_LAST, WATCH_BETWEEN };

struct watch_window {
    enum watch_kind kind;
    int64_t steps;    /* WATCH_LAST: how many */
    int64_t from, to; /* WATCH_BETWEEN */
    bool crossed;     /* there is a cross-hair, */
    int64_t cross;    /* at this step */
    bool log_x, log_y;
};

/* The run: its last step so far, and of how many (-1: not known). */
struct watch_extent {
    int64_t last, total;
};

struct watch_steps {
    int64_t from, to; /* from < to */
};
struct watch_steps watch_window_steps(const struct watch_window *window,
                                      struct watch_extent extent);

/* Half as many steps, or twice as many; around the cross-hair where there is one. */
void watch_window_zoom(struct watch_window *window, struct watch_extent extent, bool in);

/* The cross-hair by so many of `columns`, at least a step; the first time it appears at the last
 * step. The window comes along where it leaves it. */
void watch_window_move(struct watch_window *window, struct watch_extent extent, int by,
                       int columns);

/* All of it; the last so many steps (>= 1). */
void watch_window_all(struct watch_window *window);
void watch_window_last(struct watch_window *window, int64_t steps);

#endif
