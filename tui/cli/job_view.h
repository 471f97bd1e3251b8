/* How a job stands, as sub-commands print it: two lines for people, or the members of a JSON object,
 * the same in a list, of one job, and of one that has changed. */
#ifndef SPECTRUM_TUI_CLI_JOB_VIEW_H
#define SPECTRUM_TUI_CLI_JOB_VIEW_H

#include "base/json_writer.h"
#include "tui/session/job_best.h"
#include "tui/session/job_facts.h"

/* "running   train /home/u/runs/first\n          running at step 31 of 60, 12 s left\n": two lines, so
 * that neither a long path nor a long state is cut. `best`: read by job_best_read(). */
void job_view_put_lines(struct buffer *out, const struct job_follow *job,
                        const struct job_best *best);

/* Members of an object that is begun; docs/formats.md, "The list of jobs", says which. */
void job_view_put_members(struct json_writer *json, const struct job_follow *job);

/* The same, and what only all of its metrics tell, which job_best_read() has read. */
void job_view_put_all(struct json_writer *json, const struct job_follow *job,
                      const struct job_best *best);

/* A path, which need not be UTF-8, as JSON, which is. */
void job_view_put_path(struct json_writer *json, const char *key, const char *path);

#endif
