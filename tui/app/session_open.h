/* A session's life: a model or a scan is opened in it, a job watched, time passes, it is freed. */
#ifndef SPECTRUM_TUI_APP_SESSION_OPEN_H
#define SPECTRUM_TUI_APP_SESSION_OPEN_H

#include "tui/app/session.h"

enum target_kind { TARGET_LIBRARY, TARGET_MODEL, TARGET_SCAN, TARGET_JOB };

/* What a command line's target is. */
enum target_kind session_target(const char *path);

/* Opens a model (headers only; its scan starts at the next tick) or a scan file. What was open is
 * closed first, but for the watched job. */
int session_open(struct session *session, const char *path, struct error *err);
int session_watch(struct session *session, const char *job, struct error *err);

/* The model that a job scans, newly allocated; NULL: the job is no scan. Opened by its scan, a
 * model shows that as it is: one that was stopped or failed is not started before it is asked to.
 */
char *session_scanned_model(const char *job, struct error *err);
int session_open_scan(struct session *session, const char *model, struct error *err);

/* Takes in what jobs wrote; true: something changed. Milliseconds until that is worth a look, -1:
 * nothing is under way. */
bool session_tick(struct session *session);
int session_tick_ms(const struct session *session);

/* What computes this scan from now on, and those that are opened later. A name that no device can
 * have is an error; whether one is there, and free, its job finds out. */
int session_choose_device(struct session *session, const char *name, struct error *err);

/* Closes what is open and what is watched; jobs go on. */
void session_free(struct session *session);

#endif
