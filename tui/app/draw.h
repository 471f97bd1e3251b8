/* The frame around every view, and the window that is too small for one.
 *
 *     spectrum model  demo/model                          scan 12/210 · 40 s left     title
 *     ...
 *     the view's own area, whatever is open
 *     ...
 *     25 % of each type, +1 by hand: trains 53 of 210 matrices · 65.0M params ...     status
 *     hjkl move  +- per cent  Enter open  Esc back ...         keys, the prompt or a message
 *
 * Drawing changes nothing but the canvas, so it may happen at any time and as often as one likes:
 * the loop draws after every input and every change, a script whenever it looks at the screen.
 */
#ifndef SPECTRUM_TUI_APP_DRAW_H
#define SPECTRUM_TUI_APP_DRAW_H

#include "tui/app/app.h"

/* The canvas as it should look now. */
void app_draw(struct app *app);

/* The first frame: what is about to be opened, before anything is read. */
void app_draw_opening(struct app *app, const char *target);

#endif
