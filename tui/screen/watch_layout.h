/* Where on the watch screen what lies: a pure function of the size and of what there is to show.
 *
 *     head            the run, what trains
 *     state           its state and how far it is; a bar
 *     reason          why it failed, where that is longer than a line
 *     main        | rate          the loss (or the memory) | learning rate
 *                 | norm                                   | gradient norm
 *                 | speed                                  | tokens a second
 *                 | memory                                 | memory
 *                 | device                                 | a device's memory, where lines have it
 *                 | use                                    | its utilisation, where they have that
 *                 | table                                  | memory by category, where there is room
 *     note            the best checkpoint, or the cross-hair; what of the run is shown
 *     text            the last sample; or the log, or samples over time
 *     end             what an ended run can be made into
 *
 * What holds at every size from 60x16 on (of the whole window; `height` is the view's, 3 less):
 * parts lie inside, none overlaps another, head, state and note have their rows, and main has at
 * least WATCH_MAIN_COLUMNS x WATCH_MAIN_ROWS, each panel WATCH_PANEL_COLUMNS x 1, but for those of a
 * device where there are fewer rows than panels: of these the last is left out first. Where a text is
 * wanted and there is no room for both, the text takes main's and the panels' place, which are then
 * empty; so it does where the job has no curves. A part without room has width and height 0.
 */
#ifndef SPECTRUM_TUI_SCREEN_WATCH_LAYOUT_H
#define SPECTRUM_TUI_SCREEN_WATCH_LAYOUT_H

#include <stdbool.h>

enum { WATCH_MAIN_COLUMNS = 30, WATCH_MAIN_ROWS = 4, WATCH_PANEL_COLUMNS = 26 };

enum watch_part {
    WATCH_HEAD,
    WATCH_STATE,
    WATCH_REASON,
    WATCH_MAIN,
    WATCH_RATE,
    WATCH_NORM,
    WATCH_SPEED,
    WATCH_MEMORY,
    WATCH_DEVICE,
    WATCH_USE,
    WATCH_TABLE,
    WATCH_NOTE,
    WATCH_TEXT,
    WATCH_END,
    WATCH_PARTS
};

/* What there is to show. */
struct watch_known {
    int reason_rows, end_rows; /* that these would take; 0: there is none */
    bool table;                /* there is memory to list */
    bool device, use;          /* a device's memory, its utilisation */
    int text_rows;             /* that the text would take, where main and the panels leave them */
    bool curves;               /* the job has steps, of which main and the panels are */
    bool samples;              /* it writes texts on the way, which have rows of their own */
    bool reads;                /* log or samples were asked for: the text gets half of the rows */
};

struct watch_rect {
    int x, y, width, height;
};

struct watch_layout {
    struct watch_rect parts[WATCH_PARTS];
};

struct watch_layout watch_layout(int width, int height, const struct watch_known *known);

#endif
