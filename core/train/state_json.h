/* States as anyone reads them, without a run: whether one is what was written, what state.json says
 * of its evaluations and of the base that it belongs to; and by these which state is meant, and
 * which stay when there are more than are to be kept. What only a resume asks of it is state.c's.
 *
 * state_check() compares the files with their digests, which state.json has, and state.json with
 * its own (state_folder.h); after that a state may be read.
 */
#ifndef SPECTRUM_TRAIN_STATE_JSON_H
#define SPECTRUM_TRAIN_STATE_JSON_H

#include "base/hash.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "checkpoint/checkpoint.h"

/* Of a folder: */
enum state_part {
    STATE_WEIGHTS, /* state.json and weights.safetensors, which is all that a text needs */
    STATE_ALL      /* masters and the optimiser's state, too */
};
/* Is it what was written? An error names the file that is not, and the state before it. *digested:
 * there was something to compare with; a state of an earlier version has nothing. */
int state_check(const char *folder, enum state_part part, bool *digested, struct error *err);

/* Its state.json, which is compared with its own digest, and that file's path for messages, newly
 * allocated, also where this fails. */
cJSON *state_read_json(const char *folder, char **path, struct error *err);

/* An evaluation after a step; step 0: none (that of the base has no state). */
struct evaluated {
    int64_t step;
    double loss;
};

/* The evaluations of which state.json tells: the last, and the one with the lowest loss. */
int state_read_evaluations(const cJSON *json, int64_t step, struct evaluated *last,
                           struct evaluated *best, const char *where, struct error *err);
/* Adds `"KEY": {"step": .., "eval_loss": ..}`; nothing where there is no evaluation. */
void state_put_evaluated(struct json_writer *json, const char *key,
                         const struct evaluated *evaluated);

/* Of a base, what state.json names by a fingerprint, besides its tensors. */
enum base_part { BASE_CONFIGURATION, BASE_TOKENIZER };
const char *state_base_key(enum base_part part);
/* What the run began with; "" in a state of an earlier version, which does not say. */
int state_read_base(const cJSON *json, enum base_part part, char out[HASH_TEXT_SIZE],
                    const char *where, struct error *err);
/* An error, which names the part, where the base has another one than a state said. */
int state_compare_base(enum base_part part, const char *said, const char *found,
                       const struct checkpoint *base, struct error *err);

/* --- which state is meant --- */

struct state_choice {
    int64_t step; /* 0: the last */
    bool best;    /* the one with the lowest evaluation loss; then no step */
    bool quickly; /* only what is read of it is checked, not masters and the optimiser's state */
};

/* The evaluation with the lowest loss of which the last state tells, whose state is the one that
 * --best means; best->step 0: no evaluation yet. *kept: that state is there. Its tensors are not
 * read, so whether it is whole is not known. An error where there is no state, or none can be told
 * to be the last. */
int state_best(const char *run, struct evaluated *best, bool *kept, struct error *err);

/* Its folder, newly allocated; NULL and an error that lists what there is. */
char *state_choose(const char *run, const struct state_choice *choice, struct error *err);

/* The latest complete state folder of a run, newly allocated; NULL where there is none (*err is
 * then set). */
char *state_latest(const char *run, struct error *err);

/* Removes leftovers, and of the states up to `step` all but the latest `keep` that were due, the
 * best, and those that were left. */
void state_prune(const char *run, int64_t step, int64_t keep, int64_t best);

#endif
