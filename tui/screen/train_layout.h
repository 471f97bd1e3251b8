/* The lines of the training form, and where the window has them: pure functions of the fields, of
 * what is folded, and of a size.
 *
 *     Data ─────────────────────────── 4 more      a heading, of a group of the table of options
 *     data            /text/a.jsonl
 *     data 2          /text/b                       an item of a list,
 *     data 3                                        and one to add another in
 *     columns
 *     Evaluation and checkpoints ─── save every 20  a folded group: what was set in it
 *
 * A group shows what is usual and what is not at its default; all of it; or nothing: Ctrl-G turns
 * through the three. Fields that the others make nothing of are not there at all. */
#ifndef SPECTRUM_TUI_SCREEN_TRAIN_LAYOUT_H
#define SPECTRUM_TUI_SCREEN_TRAIN_LAYOUT_H

#include "tui/session/settings.h"

enum form_fold { FOLD_USUAL, FOLD_ALL, FOLD_CLOSED, FOLD_COUNT };
enum { FORM_GROUPS_MAX = 16, FORM_LINES_MAX = SETTINGS_MAX + 6 * SETTING_ITEMS_MAX };

struct form_line {
    bool heading;
    size_t group;
    size_t field, item; /* of a heading the first field of its group */
    size_t hidden;      /* of a heading: fields that are not shown */
};

struct form_layout {
    struct form_line lines[FORM_LINES_MAX];
    size_t count;
};

/* The number of the group in which a row is, and its heading. */
size_t form_group_of(size_t field);
const char *form_group_name(size_t group);

/* `field` has the cursor: it is shown wherever its group is not closed. */
void form_layout_make(struct form_layout *out, const struct settings *settings,
                      const enum form_fold folds[FORM_GROUPS_MAX], size_t field);

/* The line of an item of a field, else the field's first, else its group's heading. */
size_t form_layout_find(const struct form_layout *layout, size_t field, size_t item);

/* Can the cursor be on it? A heading takes it where its group is closed. */
bool form_line_is_stop(const struct form_line *line, const enum form_fold folds[FORM_GROUPS_MAX]);

/* The nearest line for the cursor before or after (by: -1, 1) a line, round and round; and the
 * first one of the group before or after. */
size_t form_layout_next(const struct form_layout *layout,
                        const enum form_fold folds[FORM_GROUPS_MAX], size_t line, int by);
size_t form_layout_next_group(const struct form_layout *layout,
                              const enum form_fold folds[FORM_GROUPS_MAX], size_t line, int by);

/* How lines stand in `rows` rows of `width` columns: in columns side by side, as many as have room
 * and are needed, each `rows` long, from `first` on; the cursor's line is among them. */
struct form_columns {
    int columns, width, rows;
    size_t first;
};
struct form_columns form_columns_make(const struct form_layout *layout, int width, int rows,
                                      size_t line);

#endif
