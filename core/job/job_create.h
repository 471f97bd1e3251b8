/* Making a job's folder: whose it may be, and that of two commands each gets its own.
 *
 * Of two commands that are given one folder the first is the one whose mkdir() makes requests/, on
 * shared file systems, too. A folder that a start left which failed before its first step is free
 * for the next one. */
#ifndef SPECTRUM_JOB_JOB_CREATE_H
#define SPECTRUM_JOB_JOB_CREATE_H

#include "base/error.h"

#include <stdbool.h>

/* Does the folder hold a job: a job.json, and not one that failed before its first step? */
bool job_dir_is_taken(const char *path);

/* What job_dir_create() would refuse, without making anything. */
int job_dir_check(const char *path, struct error *err);

/* Makes the folder with requests/ and checkpoints/. One that is taken is refused: `spectrum resume`
 * is what continues it. So are one that another command has just made, and a path that is not
 * UTF-8. What could not be made whole is not there. */
int job_dir_create(const char *path, struct error *err);

/* The same for a folder of which nobody gave the name: nothing may be there yet, else it is
 * "<path>-2", or the next number that is free. Of commands that begin at once, on however many
 * hosts, each gets its own. Returns its path, newly allocated. */
char *job_dir_create_new(const char *path, struct error *err);

#endif
