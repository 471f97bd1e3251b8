/* Choosing what trains, on the heat map: by hand, by percentage, and from and to plan files.
 *
 * Every change is one step of undo, whatever it was: a matrix, a marked range, a row, a percentage,
 * a file that was read. A percentage chooses by the scores that are there, and follows them as they
 * come while the scan runs; what was changed by hand stays over it, whatever is chosen next, until x
 * drops it or a file is read.
 */
#ifndef SPECTRUM_TUI_SCREEN_MODEL_PLAN_H
#define SPECTRUM_TUI_SCREEN_MODEL_PLAN_H

#include "tui/screen/model_draw.h"

/* A request that changes the plan, saves it or reads one, done; false: it is another request. The
 * range that is marked in the view, or the cursor, says where. */
bool model_plan_request(struct app *app, struct model_view *view, enum request request,
                        const char *argument);

#endif
