/* The folders RUN/checkpoints/step-00000100: each complete or absent, which of them there are, and
 * which the run left when it continued from an earlier one. What is in them is not read here,
 * but for digests. Here, too, is the form of the two JSON files that lie there, state.json in a
 * folder and left.json beside them all: the text ends with the digest of all before it, so that
 * one changed bit is found whenever such a file is read.
 *
 * A folder is made by state_folder_begin() under a hidden name, filled in `temporary`, and gets its
 * own name by state_folder_commit() when all of it is on disk; or state_folder_abort() removes it.
 * Removed, it first gets a hidden name again. So:
 *
 *   1. A folder called "step-N" has all its files, whatever a kill left beside it.
 *   2. left.json names the states that were left, each with the SHA-256 of its state.json: a state
 *      that the new line writes under the same step is not one of them. Where it is damaged nobody
 *      knows which state is the last, no state is removed, and only one that is named by its step
 *      is taken.
 */
#ifndef SPECTRUM_TRAIN_STATE_FOLDER_H
#define SPECTRUM_TRAIN_STATE_FOLDER_H

#include "base/json.h"
#include "base/json_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- a JSON text that ends with its digest ---
 *
 *     {"format": .., ..., "sha256": "<SHA-256 of what stands before the comma>"} */

/* Such a file has no more bytes: a name for every tensor that trains. */
enum { STATE_JSON_MAX = 1 << 28 };

/* Ends the outermost object with the digest and the line. */
int state_seal_put(struct json_writer *json, struct error *err);

/* The file's JSON; NULL with what is wrong with it, without its path. *sealed says whether it ends
 * with a digest, as files of earlier versions do not; where `sealed` is NULL it has to. */
cJSON *state_seal_read(const char *path, bool *sealed, struct error *why);

/* --- one folder --- */

struct state_folder {
    char *parent;    /* RUN/checkpoints */
    char *path;      /* RUN/checkpoints/step-00000100 */
    char *temporary; /* where its files are written until commit */
};

int state_folder_begin(struct state_folder *folder, const char *run, int64_t step,
                       struct error *err);
int state_folder_commit(struct state_folder *folder, struct error *err); /* ends it in any case */
void state_folder_abort(struct state_folder *folder);
/* Of the folder `name` in `parent`. */
void state_folder_remove(const char *parent, const char *name);

/* The step in the name of a state folder, "step-00000100"; -1 for any other. */
int64_t state_step_of(const char *name);

/* --- which there are --- */

/* One folder of RUN/checkpoints. */
struct listed_state {
    int64_t step;
    char name[40];
    bool left; /* the run continued from an earlier one since it was written */
};

/* All of a run: made by state_list_find(), freed by state_list_free(). */
struct state_list {
    char *parent; /* RUN/checkpoints */
    struct listed_state *states;
    size_t count;        /* by their steps, rising */
    struct error damage; /* of left.json: which were left is not known, and none is marked */
};

/* Where there are none the list is empty; a folder that cannot be read is an error. */
int state_list_find(struct state_list *list, const char *run, struct error *err);
void state_list_free(struct state_list *list);
/* The last that the run came to; that of a step. NULL: there is no such state. */
const struct listed_state *state_list_last(const struct state_list *list);
const struct listed_state *state_list_step(const struct state_list *list, int64_t step);

/* The step of the last state; -1 where there is none, with an error where nobody knows (left.json
 * is damaged, the folder cannot be read). */
int64_t state_latest_step(const char *run, struct error *err);
/* The step of the state before this folder's that a run may continue from; -1: none. */
int64_t state_step_before(const char *folder);

/* The run continues from the state of `step`: later ones are left, and named in left.json. */
int state_leave_later(const char *run, int64_t step, struct error *err);

/* Removes what an interrupted save or removal left; for whoever begins a sitting. */
void state_remove_leftovers(const char *run);

#endif
