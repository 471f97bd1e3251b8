/* Keeping the plan: it is written while it is made, to the state folder, by the model's content. */
#ifndef SPECTRUM_TUI_APP_SESSION_KEEP_H
#define SPECTRUM_TUI_APP_SESSION_KEEP_H

#include "tui/app/session.h"

/* When a model was opened, time has passed (true: there is a message), and before it is closed.
 * session_keep_now() writes what is not written yet; false: it cannot be kept. */
void session_keep_open(struct session *session);
bool session_keep_tick(struct session *session);
bool session_keep_now(struct session *session);
void session_keep_close(struct session *session);
int session_keep_ms(const struct session *session); /* until a change is written; -1: all is */

#endif
