/* The plan is kept while it is made: in the state folder, by the model's content and the scores'
 * estimator, and put back when that content is opened the next time.
 *
 *     open --the model's content is known--> looked: what was kept is put back, as a step of undo
 *     a change by hand --`hold` seconds--> written whole; removed where it is the fresh plan again
 *
 * A model's content is a fingerprint that its scan's job says, so it may come seconds after the
 * model is open. Whose plan was changed by hand before keeps that plan; what was kept is then set
 * aside beside it, as is what does not fit or cannot be read, and nothing is deleted. Of two
 * screens over one model the last writer wins.
 */
#ifndef SPECTRUM_TUI_SESSION_PLAN_KEEP_H
#define SPECTRUM_TUI_SESSION_PLAN_KEEP_H

#include "tui/session/session.h"

/* The kept plan: when a model was opened, when time has passed (true: there is a message), and
 * before it is closed. session_keep_now() writes what is not written yet; false: it cannot be kept.
 * session_keep_ms() is the time until a change is written; -1: all is. */
void session_keep_open(struct session *session);
bool session_keep_tick(struct session *session);
bool session_keep_now(struct session *session);
void session_keep_close(struct session *session);
int session_keep_ms(const struct session *session);

#endif
