#include "tui/screen/watch_layout.h"

#include <stddef.h>

enum {
    PANELS = WATCH_USE - WATCH_RATE + 1,
    GAP = 2,        /* columns between main and the panels */
    TABLE_ROWS = 8, /* a title, six categories, the process */
    REASON_MOST = 5,
    TEXT_LEAST = 4 /* rows, of what was asked for */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* The rows [y, y + rows) of the panels: as many as the table leaves, the same for each, and what is
 * over from above. */
static void stack_panels(struct watch_layout *layout, int x, int y, int width, int rows,
                         const struct watch_known *known)
{
    int panels[PANELS] = {WATCH_RATE, WATCH_NORM, WATCH_SPEED, WATCH_MEMORY}, count = 4;
    if (known->device)
        panels[count++] = WATCH_DEVICE;
    if (known->use)
        panels[count++] = WATCH_USE;
    count = least(count, rows);
    bool listed = known->table && rows >= 3 * count + 1 + TABLE_ROWS;
    int room = listed ? rows - 1 - TABLE_ROWS : rows;
    for (int i = 0; i < count; i++) {
        int height = room / count + (i < room % count);
        layout->parts[panels[i]] = (struct watch_rect){x, y, width, height};
        y += height;
    }
    if (listed)
        layout->parts[WATCH_TABLE] = (struct watch_rect){x, y + 1, width, TABLE_ROWS};
}

/* From above and from below, what must be seen first; main and the panels get what is left. */
struct watch_layout watch_layout(int width, int height, const struct watch_known *known)
{
    struct watch_layout layout = {.parts = {{0}}};
    struct watch_rect *parts = layout.parts;
    parts[WATCH_HEAD] = (struct watch_rect){0, 0, width, 1};
    parts[WATCH_STATE] = (struct watch_rect){0, 1, width, 2};
    int top = 3, bottom = height, fixed = top + 1 + WATCH_MAIN_ROWS; /* 1: the note */

    int end = least(known->end_rows, most(height - fixed, 0));
    int reason = least(least(known->reason_rows, REASON_MOST), most(height - fixed - end, 0));
    if (reason > 0)
        parts[WATCH_REASON] = (struct watch_rect){0, top, width, reason};
    if (end > 0)
        parts[WATCH_END] = (struct watch_rect){0, bottom - end, width, end};
    top += reason;
    bottom -= end;

    int room = bottom - top - 1; /* for main and text */
    int text = height >= 34 ? 9 : height >= 19 ? 4 : 2;
    text = most(known->samples ? text : 0, known->text_rows);
    if (known->reads)
        text = most(room / 2, TEXT_LEAST);
    if (!known->curves || (known->reads && room - text < WATCH_MAIN_ROWS))
        text = room;
    else
        text = least(text, room - WATCH_MAIN_ROWS);
    if (text > 0)
        parts[WATCH_TEXT] = (struct watch_rect){0, bottom - text, width, text};
    bottom -= most(text, 0);
    parts[WATCH_NOTE] = (struct watch_rect){0, bottom - 1, width, 1};

    int rows = bottom - 1 - top;
    int side = width >= 160 ? width * 2 / 5 : width >= 100 ? 44 : width >= 76 ? 34 : 28;
    if (rows < WATCH_MAIN_ROWS)
        return layout;
    parts[WATCH_MAIN] = (struct watch_rect){0, top, width - side - GAP, rows};
    stack_panels(&layout, width - side, top, side, rows, known);
    return layout;
}
