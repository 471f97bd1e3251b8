/* The screens, a file each. Opening one pushes its view; false: it could not be, and the message
 * line says why. */
#ifndef SPECTRUM_TUI_SCREEN_SCREENS_H
#define SPECTRUM_TUI_SCREEN_SCREENS_H

#include "tui/app/app.h"

/* What the app opens by itself. */
extern const struct app_screens screens;

bool screen_open_library(struct app *app);
bool screen_open_model(struct app *app); /* the heat map, and the plan over it */
bool screen_open_spectrum(struct app *app, size_t row);
bool screen_open_train(struct app *app); /* the form */
bool screen_open_data(struct app *app);  /* a look at the form's data */
bool screen_open_watch(struct app *app); /* the session's job */
bool screen_open_help(struct app *app);
bool screen_open_device(struct app *app); /* what there is to compute the scan */

/* Has the scan computed by a device, and says what follows. */
void screen_choose_device(struct app *app, const char *name);

#endif
