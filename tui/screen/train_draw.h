/* The training form's state, and how it looks; train.c takes what is typed.
 *
 * Values are not here but in the session's settings, which outlive the form: the view is but a
 * cursor. `fresh` is what tells typing over a value from typing on in it. One that was just arrived
 * at is replaced as a whole, as in a dialogue whose text is selected; the first key that edits it,
 * Backspace among them, ends that. A fresh value is underlined.
 *
 * Which fields there are depends on the others (settings_uses()), so drawing and moving both ask,
 * and the cursor is never on one that is not shown: what could take the field away is another
 * field.
 */
#ifndef SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H
#define SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H

#include "tui/app/app.h"

struct train_view {
    size_t field; /* the one that is typed into */
    bool fresh;   /* just arrived: typing replaces what is there */
};

void train_draw(struct app *app, void *state, struct area area);

#endif
