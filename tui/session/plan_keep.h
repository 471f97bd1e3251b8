/* The open plan, kept while it is made: in the state folder, under a name, among the plans of its
 * model (core/plan/plan_shelf.h), and put back with its steps when that content is opened the next
 * time.
 *
 *     open --the model's content is known--> looked: the plan that was open last is put back
 *     a change by hand --`hold` seconds--> written whole
 *
 * A model's content is a fingerprint that its scan's job says, so it may come seconds after the
 * model is open. Nothing that lies there is written over unless this session has read or written it
 * itself. So where the plan was changed before one was found, where the kept one does not fit or
 * cannot be read, and where another screen over the model has changed the same plan meanwhile, the
 * session's goes on under a name of its own ("default 2"), which is said, and both are there.
 */
#ifndef SPECTRUM_TUI_SESSION_PLAN_KEEP_H
#define SPECTRUM_TUI_SESSION_PLAN_KEEP_H

#include "tui/session/session.h"

/* When a model was opened, when time has passed (true: there is a message), and before it is closed.
 * session_keep_now() writes what is not written yet; false: it cannot be kept. session_keep_ms() is
 * the time until a change is written; -1: all is. */
void session_keep_open(struct session *session);
bool session_keep_tick(struct session *session);
bool session_keep_now(struct session *session);
void session_keep_close(struct session *session);
int session_keep_ms(const struct session *session);

/* Opens another plan of the model in the place of the open one, which is written first: by its name,
 * or, where there is no such file, a fresh one of that name. An error leaves the open one open. */
int session_keep_switch(struct session *session, const char *name, struct error *err);

/* Calls the open plan otherwise, written or not. */
int session_keep_rename(struct session *session, const char *name, struct error *err);

/* Another plan under a name that is free, not opened: a fresh one, or a copy of one of them with its
 * steps. */
int session_keep_add(struct session *session, const char *name, struct error *err);
int session_keep_copy(struct session *session, const char *from, const char *name,
                      struct error *err);

/* The open plan was removed: a fresh one of its name is open, of which nothing is written. */
int session_keep_forget(struct session *session, struct error *err);

#endif
