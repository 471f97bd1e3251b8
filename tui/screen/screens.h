/* The screens, a file each: what a user sees, and what keys do there.
 *
 *     library --Enter--> model --Enter--> spectrum      the matrix under the cursor
 *        |                 |  |--d-----> device         what computes the scan
 *        |                 |  |--P-----> plans          those of this model
 *        |                 |  `--Y-----> history        the open plan's steps
 *        |                 `-----t-----> train --Ctrl-D--> data     records of the form's data
 *        |                               |  `----Ctrl-P--> presets  usual ways to train
 *        `--Enter, a job--> watch <--Ctrl-S--'          `-- the job that was started
 *        |                  ^ | `--o--> runs            other runs over its loss
 *        `--a--> attach ----' `----n--> gradients       its gradients' norms on the layer grid
 *                `-- which run of another tool
 *     any --?--> help
 *
 * Opening one pushes its view on the app's stack; false: it could not be, and the message line says
 * why. A view's state is its own file's (or, where a second file draws it, the header of that); all
 * that several screens show lies in the session. What screens have in common to draw and to move
 * through is in parts.h and tui/widget.
 */
#ifndef SPECTRUM_TUI_SCREEN_SCREENS_H
#define SPECTRUM_TUI_SCREEN_SCREENS_H

#include "tracker/tracker.h"
#include "tui/app/app.h"

/* What the app opens by itself (library.c has the table: it is where everything begins). */
extern const struct app_screens screens;

bool screen_open_library(struct app *app);
bool screen_open_model(struct app *app); /* the heat map, and the plan over it */
bool screen_open_spectrum(struct app *app, size_t row);
bool screen_open_plans(struct app *app);
bool screen_open_history(struct app *app);
bool screen_open_train(struct app *app);             /* the form */
bool screen_open_data(struct app *app, size_t item); /* a look at one of the form's data */
bool screen_open_presets(struct app *app);           /* values for the form */
bool screen_open_watch(struct app *app);             /* the session's job */
bool screen_open_runs(struct app *app);              /* which are drawn over the session's job */
bool screen_open_gradients(struct app *app); /* norms of the session's job on the layer grid */
/* Which of the runs that the path means; takes them. */
bool screen_open_attach(struct app *app, const char *path, struct tracker_list *found);
bool screen_open_help(struct app *app);
bool screen_open_device(struct app *app); /* what there is to compute the scan */

/* Has the scan computed by a device, and says what follows. */
void screen_choose_device(struct app *app, const char *name);

#endif
