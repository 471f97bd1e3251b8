/* What of the table of keys can be done to a job now: one table of requests, each with the condition
 * under which it is obeyed. The key lines of the watch screen and of the library's rows come from it,
 * and whoever carries a request out asks the same conditions (steer.h, finish.h), so that what is
 * offered is what is done. */
#ifndef SPECTRUM_TUI_SESSION_JOB_ACTIONS_H
#define SPECTRUM_TUI_SESSION_JOB_ACTIONS_H

#include "tui/keys/keys.h"
#include "tui/session/job_follow.h"

/* Would it be obeyed now? A request that asks nothing of a job would. An error says in one line why
 * not. */
int job_action_check(const struct job_follow *job, enum request request, struct error *err);
bool job_action_is(const struct job_follow *job, enum request request);

/* All of them at once, a bit for each, for who keeps rows and not jobs (job_facts.h). */
unsigned job_actions(const struct job_follow *job);
bool job_actions_have(unsigned actions, enum request request);

/* The word for the key line where it is not the table's: the key that pauses also lets go on. NULL:
 * it is the table's. */
const char *job_action_word(bool pauses, enum request request);

#endif
