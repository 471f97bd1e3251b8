/* The index: which jobs this user made, wherever their folders are. One small file a job in
 * $XDG_STATE_HOME/spectrum/jobs, named by a hash of the job's absolute path, which it holds.
 *
 * It is a list for people: `spectrum jobs`, the library screen, names on the command line. No job
 * needs it to run, so what cannot be entered is said and the job starts all the same.
 */
#ifndef SPECTRUM_JOB_JOB_INDEX_H
#define SPECTRUM_JOB_JOB_INDEX_H

#include "base/error.h"

#include <stddef.h>

/* Enters a job, or makes it the newest. An error is a line to say. */
int job_index_add(const char *path, struct error *err);

/* Leaves out a job of which nothing is left to see or to do; where its folder is gone, by the path
 * that it had. */
void job_index_remove(const char *path);

/* Absolute paths, newest first; directories that are gone are left out. */
int job_index_list(char ***paths, size_t *count, struct error *err);
void job_index_free(char **paths, size_t count);

/* A job by its folder, or by the last part of an indexed folder's path; absolute, newly
 * allocated. */
char *job_find(const char *name, struct error *err);

#endif
