/* The training form's state, and how it looks; train.c takes what is typed.
 *
 * Values are not here but in the session's settings, which outlive the form: the view is a cursor,
 * a line editor over a copy of the value under it, and what is folded. After each key the copy is
 * put into the settings. `fresh` is what tells typing over a value from typing on in it. One that
 * was just arrived at is replaced as a whole, as in a dialogue whose text is selected; the first
 * key that edits it or moves in it ends that, and Ctrl-_ brings it back. A fresh value is underlined.
 *
 * Which lines there are depends on the fields (train_layout.h), so drawing and moving both make
 * them.
 */
#ifndef SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H
#define SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H

#include "tui/app/app.h"
#include "tui/screen/train_layout.h"
#include "tui/session/candidates.h"
#include "tui/widget/line_edit.h"

struct train_view {
    size_t field, item; /* that is typed into; in a closed group its heading has the cursor */
    enum form_fold folds[FORM_GROUPS_MAX];
    bool fresh; /* just arrived: typing replaces what is there */
    char text[SETTING_VALUE_MAX];
    struct line_edit edit;        /* over the text */
    struct candidates candidates; /* a list to choose from is open where there are any */
    const char *candidates_title;
    double look_at;  /* clock_seconds() from which the data may be looked at; 0: they need not */
    char agreed[32]; /* the sequence length that is to count although it takes half of the data */
};

void train_draw(struct app *app, void *state, struct area area);

#endif
