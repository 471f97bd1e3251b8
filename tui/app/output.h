/* What the screen writes by name: what it may write over, and captures of itself. */
#ifndef SPECTRUM_TUI_APP_OUTPUT_H
#define SPECTRUM_TUI_APP_OUTPUT_H

#include "tui/app/app.h"

/* Before the screen writes to a file: 0, it may; 1, it has asked, and with y the request comes
 * again. An error where something else is there: `what` ("a plan") this writes, `is_one` knows one.
 * Not asked where it is the screen's `own`, or agreed to. */
int app_check_over(struct app *app, enum request request, const char *path, const char *what,
                   bool (*is_one)(const char *), bool own, struct error *err);

/* Writes the canvas to a file, SVG where the name ends in .svg, else text, and over what is there
 * if that is such a capture: a script has nobody to ask. By a request it asks, but for files that
 * were written here. */
int app_save_screen(struct app *app, const char *path, struct error *err);
void app_request_save_screen(struct app *app, const char *path);

#endif
