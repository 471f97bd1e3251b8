/* Running the full screen on a terminal. */
#ifndef SPECTRUM_TUI_APP_LOOP_H
#define SPECTRUM_TUI_APP_LOOP_H

#include "tui/app/app.h"

/* On the terminal of standard input and output, in a child of a small process that brings the
 * terminal back whatever ends it. `target` may be NULL. */
int screen_run(const struct app_screens *screens, const char *target, struct error *err);

#endif
