/* A session's life: what a command line's target is, opening it, a job that is watched, time that
 * passes, and the end.
 *
 * Opening reads headers alone, so it takes milliseconds whatever the model's size. The model's scan
 * begins with the first tick after: the screen is drawn before, and a scan that another window has
 * started is joined. A model that is opened by its scan's job ("spectrum attach JOB", or a line of
 * the library) shows that job as it is, and one that was stopped stays so until it is asked to
 * continue.
 *
 * session_tick_ms() says how often to look, so that the screen sleeps where nothing is under way:
 *
 *     a scan that is to begin          0 ms       a training job or a probe    200 ms
 *     a scan that runs                60 ms       a plan that is to be kept    what is left of it
 *     one that was stopped, failed   500 ms       nothing of these             -1: for an input
 */
#ifndef SPECTRUM_TUI_SESSION_SESSION_OPEN_H
#define SPECTRUM_TUI_SESSION_SESSION_OPEN_H

#include "tui/session/session.h"

enum target_kind { TARGET_LIBRARY, TARGET_MODEL, TARGET_SCAN, TARGET_JOB };

/* What a command line's target is. NULL and "" are the library; a folder with a job's files is a
 * job; a name that ends in .json is a scan file; all else is a model, or the error of opening one.
 */
enum target_kind session_target(const char *path);

/* Opens a model (headers only; its scan starts at the next tick) or a scan file. What was open is
 * closed first, but for the watched job; after an error nothing is open. */
int session_open(struct session *session, const char *path, struct error *err);

/* Watches a training job in place of the one that was watched, which stays where it fails. */
int session_watch(struct session *session, const char *job, struct error *err);

/* The same of a job by its name, or of the one that follows the log of another tool's run: of
 * several, that of the name `run`; NULL: the newest. */
int session_attach(struct session *session, const char *name, const char *run, struct error *err);

/* The model that a job scans, newly allocated; NULL: the job is not a scan. Opened by its scan, a
 * model shows that as it is: one that was stopped or failed is not started before it is asked to.
 */
char *session_scanned_model(const char *job, struct error *err);
int session_open_scan(struct session *session, const char *model, struct error *err);

/* Takes in what jobs wrote; true: something changed. Milliseconds until that is worth a look, -1:
 * nothing is under way. */
bool session_tick(struct session *session);
int session_tick_ms(const struct session *session);

/* What computes this scan from now on, and those that are opened later. A name that no device can
 * have is an error, and so is a GPU that is not among those that the scan's job has found; whether
 * one is free, its job finds out. */
int session_choose_device(struct session *session, const char *name, struct error *err);

/* Closes what is open and what is watched; jobs continue without it. */
void session_free(struct session *session);

#endif
