/* From the form to a running `spectrum train`.
 *
 *     form -> checked -> run's folder -> plan.yaml in it -> job_launch() -> session_watch()
 *
 * The job is the sub-command itself with the form's fields as its arguments; so what the screen
 * starts is what a user could type, and launch_train_command() shows that. Its files are named by
 * their whole paths, as a job is resumed from anywhere.
 */
#ifndef SPECTRUM_TUI_SCREEN_LAUNCH_TRAIN_H
#define SPECTRUM_TUI_SCREEN_LAUNCH_TRAIN_H

#include "tui/session/session.h"

/* False, with what helps, where a chosen template has marks that are not tokens of the model and
 * are not to become some: `train` would refuse them when the job had begun. */
bool launch_train_check_marks(const struct session *session, char *why, size_t size);

/* False, with what helps, where the run cannot be: its memory or its checkpoints have no room here,
 * or what it would take cannot be told, as the model or the plan is none that trains. */
bool launch_train_check_fit(const struct session *session, char *why, size_t size);

/* Starts a probe of the run that the form asks for (tui/session/probe.h), and the text of all that
 * its result depends on. */
int launch_train_probe(struct session *session, struct error *err);
void launch_train_probe_key(const struct session *session, struct buffer *out);

/* Makes the run's folder, puts the plan in it, starts the job and watches it. *unlisted (ERROR_INIT
 * before) says why the list of jobs does not have it, where it could not be entered there. */
int launch_train(struct session *session, struct error *unlisted, struct error *err);

/* The sub-command that does the same, without what is its default; PLAN is a file that is not
 * written yet. */
void launch_train_command(const struct session *session, struct buffer *out);

#endif
