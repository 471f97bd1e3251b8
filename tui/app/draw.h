/* The frame around every view: title, status line, keys or prompt or message; the window that is
 * too small. */
#ifndef SPECTRUM_TUI_APP_DRAW_H
#define SPECTRUM_TUI_APP_DRAW_H

#include "tui/app/app.h"

/* The canvas as it should look now. */
void app_draw(struct app *app);

/* The first frame: what is about to be opened, before anything is read. */
void app_draw_opening(struct app *app, const char *target);

#endif
