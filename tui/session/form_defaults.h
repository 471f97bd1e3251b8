/* What the training form proposes where nothing was typed: the demonstration's text and its values,
 * a run's folder that is free, a sequence length within the model's positions.
 *
 * A model that is opened has them at once, not when its form is: the map and the list of plans say
 * what memory the same run takes.
 */
#ifndef SPECTRUM_TUI_SESSION_FORM_DEFAULTS_H
#define SPECTRUM_TUI_SESSION_FORM_DEFAULTS_H

#include "tui/session/session.h"

/* Of the model that is open: proposes what is empty, and another folder where the proposed one has
 * been taken. What was typed stays, be it wrong: the form says so. */
void form_defaults(struct session *session);
/* The same to fields that are not the session's own: a form that is only looked at. */
void form_propose(const struct session *session, struct settings *settings);

/* Has another screen taken the folder that was proposed here, the next number is as good. True: the
 * field has another now. */
bool form_defaults_run(struct session *session);

#endif
