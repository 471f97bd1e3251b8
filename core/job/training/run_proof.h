/* proof.json: what a run shows of itself.
 *
 *     trained   every tensor that trains, with the norm of its gradient, which is above zero
 *     frozen    how many tensors are frozen, and the last step at which all were compared with what
 *               they were and found unchanged to the bit
 *
 * It is written after the first step that counts. Adapters begin with B zero, so that A has no
 * gradient, and a warm-up begins with the rate 0: after the third step that counts A has one, too, and
 * the proof is written a second time, complete. A tensor that trains and got no gradient is an error
 * that ends the run: it would stay as it is while the run looks alive.
 *
 * The struct is plain data: run_proof_begin() sets it at the start of a sitting, run_proof_renew() when
 * other tensors begin to train, and run_proof_step() is called after each step.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_PROOF_H
#define SPECTRUM_JOB_TRAINING_RUN_PROOF_H

#include "text/dataset/dataset.h"
#include "train/trainer.h"

struct run_proof {
    const char *run;            /* the run's folder */
    const struct dataset *data; /* how many of its tokens are supervised is a part of the proof */
    bool due;                   /* to be written, or to be written complete */
    int steps_seen;             /* since it was due */
};

/* A resume whose proof.json is complete owes none. */
void run_proof_begin(struct run_proof *proof, const char *run, const struct dataset *data,
                     bool resume);
void run_proof_renew(struct run_proof *proof, bool begun);

/* After a step that counts: writes what is due, and checks it. */
int run_proof_step(struct run_proof *proof, const struct trainer *trainer, int64_t step,
                   struct error *err);

/* After a checkpoint, for which the trainer compared what is frozen (train/integrity.h): writes into
 * proof.json that it is unchanged at this step. A run whose proof was removed continues without. */
int run_proof_saved(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                    struct error *err);

#endif
