/* From an input to what it means: the open question, the prompt, a form's own keys, the key table;
 * then the view's request, or what every view understands.
 *
 *     input -> question | prompt | view's input | request_from_key() -> app_request() -> view
 */
#ifndef SPECTRUM_TUI_APP_DISPATCH_H
#define SPECTRUM_TUI_APP_DISPATCH_H

#include "tui/app/app.h"

/* One input: enum input or a code point. */
void app_input(struct app *app, int input);

/* A request by itself: keys and prompt end here. */
void app_request(struct app *app, enum request request, const char *argument);

#endif
