/* The frame's lines. */
#ifndef SPECTRUM_TUI_APP_SESSION_STATUS_H
#define SPECTRUM_TUI_APP_SESSION_STATUS_H

#include "tui/app/session.h"

/* What is under way, and what trains at what cost, in brief for windows that
 * the other does not fit. */
void session_progress(const struct session *session, char *out, size_t size);
void session_status(const struct session *session, bool brief, char *out, size_t size);

#endif
