/* Deleting a job: what spectrum wrote in its folder, the folder, and its entry in the index.
 *
 * Nothing else can be meant by it:
 *
 *   1. Only names that spectrum writes at that place go, and only where they are plain files and
 *      folders of that kind. Anything else, a user's notes or an export, stops the deletion before
 *      it begins, and is named.
 *   2. A model is never deleted: a folder is a job's where its job.json says so, or where it has
 *      requests/ and no job.json yet. (base/, the random weights of `train --init`, is the run's.)
 *   3. No link is followed: the path leads through none, checkpoints/ is none, nor is what is in it.
 *   4. A job that lives stays, here or on another machine, and so does another user's.
 *   5. What can be foreseen does not stop it in the middle: a folder that may not be written to, or on
 *      which something is mounted, stops it before it begins.
 *   6. What says that it is a job, and has ended, goes last: job.json, result.json and requests/, by
 *      which it is listed. One whose deletion was broken off is a job that can be deleted still.
 */
#ifndef SPECTRUM_JOB_JOB_DELETE_H
#define SPECTRUM_JOB_JOB_DELETE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DELETE_TURNS = 5 };

/* Something that goes: a file, or a folder after all that is in it. */
struct job_piece {
    char *path;
    bool folder;
    int turn; /* in which it goes, from 0 */
};

/* What would go. */
struct job_deletion {
    char *path; /* the job's folder, whole */
    struct job_piece *pieces;
    size_t count, capacity;
    size_t files;
    uint64_t bytes; /* of them */
};

/* Looks, and changes nothing; an error says why the job may not be deleted. Free it in any case. */
int job_delete_look(struct job_deletion *out, const char *path, struct error *err);
void job_deletion_free(struct job_deletion *deletion);

/* Looks again, with nobody able to start the job meanwhile, and deletes it. After an error of the
 * system in the middle the rest is there, and still a job; at the very end, an empty folder. */
int job_delete(const char *path, struct error *err);

/* Takes back what a start made that was refused: the job, where it failed before its first step, or
 * the folders in which there is no job.json yet. Anything else stays. `there`: the folder itself was
 * there before, and stays, too. */
void job_delete_refused(const char *path, bool there);

#endif
