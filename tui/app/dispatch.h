/* From an input to what it means, and what every view understands.
 *
 *     input -> question | prompt | view's input | request_from_key() -> app_request() -> view
 *                                                                                     -> common
 *
 * In that order, and the first that takes an input has it: an open question takes the next one as
 * its answer, an open prompt is typed into, a form takes the letters of its fields, and what is
 * left is looked up in the one table of keys (tui/keys/keys.h). The request that comes out goes to
 * the view on top; what that does not take (Esc, ?, :theme, :save-screen, ...) is done here, for
 * all.
 *
 * A pasted text goes the same way to where a line is typed, the prompt or a view's field, and never
 * becomes keys; it answers no question. In a window that is too small to show a view (app_is_small())
 * only what quits has a meaning.
 *
 * A request that needs an argument and has none opens the prompt for it; a key that has a meaning
 * on other screens only says so, by its command's name.
 */
#ifndef SPECTRUM_TUI_APP_DISPATCH_H
#define SPECTRUM_TUI_APP_DISPATCH_H

#include "tui/app/app.h"

/* One input: enum input or a code point. */
void app_input(struct app *app, int input);

/* A pasted text, or why it cannot be one. */
void app_paste(struct app *app, const struct paste *paste);

/* A request by itself: keys and prompt end here. */
void app_request(struct app *app, enum request request, const char *argument);

/* Writes the canvas to a file, SVG where the name ends in .svg, else text, and over what is there
 * if that is such a capture: a script has nobody to ask. By a request it asks, but for files that
 * were written here. */
int app_save_screen(struct app *app, const char *path, struct error *err);

#endif
