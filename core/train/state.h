/* A run's state on disk, RUN/checkpoints/step-00000100/, complete or absent:
 *
 *     weights.safetensors     what trains, and what did earlier in the run, as it is stored in the
 *                             run (BF16 or F32); adapters go by PEFT's names (recipe.h)
 *     masters.safetensors     F32, where there are masters
 *     optimizer.safetensors   what the optimiser keeps of each tensor, "<tensor>.exp_avg": F32,
 *                             BF16, or codes, U8, with the scales of their blocks,
 *                             "<tensor>.exp_avg.absmax"
 *     state.json              the step, the place in the data, what must agree to continue, the
 *                             last evaluation and the best so far, SHA-256 and length of the files
 *                             above, and last its own
 *
 * There is no generator state but the seed: random numbers are functions of (seed, step, tensor,
 * element).
 *
 * What it is made of, upwards: state_folder.h (the folders, and JSON that ends with its digest),
 * state_tensors.h (the three files of tensors), state_json.h (what anyone reads of a state, and
 * which one is meant), and this, the whole for a run.
 *
 *   1. No value in a state is NaN or Inf: state_save() looks at all that it writes and refuses.
 *   2. Whoever reads a state asks state_check() first, which finds any bit that is not as it was
 *      written.
 *   3. The state of the best evaluation stays however many are kept, and one that was written for
 *      that alone goes when there is a better one. Each state says which is the best, so what a
 *      resume continues from knows it.
 */
#ifndef SPECTRUM_TRAIN_STATE_H
#define SPECTRUM_TRAIN_STATE_H

#include "train/state_folder.h"
#include "train/state_json.h"
#include "train/state_tensors.h"
#include "train/step_rules.h"

/* Where a run stands after an optimiser step. */
struct progress {
    int64_t step; /* steps taken */
    uint64_t tokens, supervised;
    double seconds; /* of computing, over all its sittings */
    struct packing_position position;
    struct spike_window spikes;
    struct evaluated evaluated, best; /* the last evaluation, and the one with the lowest loss */
    bool for_best; /* the state on disk was not due: it is there for its evaluation alone */
};

/* What must agree for a resume to be the same run: anything else is refused. */
struct run_identity {
    char model[HASH_TEXT_SIZE];                                    /* the base's tensors */
    char configuration[HASH_TEXT_SIZE], tokenizer[HASH_TEXT_SIZE]; /* the base's */
    char data[HASH_TEXT_SIZE]; /* all that is trained on and evaluated with, as it is cut */
    char training_data[HASH_TEXT_SIZE], evaluation_data[HASH_TEXT_SIZE]; /* "": a share of that */
    char precision[64]; /* "bf16", "bf16+masters", "fp32+frozen nf4+8-bit moments" */
    enum optimizer_kind optimizer;
    int64_t seq_len, batch, accumulate, seed;
    int64_t rank; /* of adapters; 0: there are none */
    double alpha;
    enum storage frozen; /* of what does not train in the blocks */
    char exact[200];     /* device, threads, instructions, libraries: the result is the same to the
                            bit only where these agree too */
};

/* Writes the state of `progress`, taken after optimizer_step(); `work` (may be NULL) is told how
 * far that is. A value that is not finite is ERROR_NOT_FINITE with its tensor's name, and then
 * nothing is written. */
int state_save(const char *run, const struct optimizer *optimizer, const struct progress *progress,
               const struct run_identity *identity, const struct work_watch *work,
               struct error *err);

/* The members of state.json that are the same in all states of a run: what the numbers follow from,
 * and what names it; `trained` is the fingerprint of what trains. For who writes states in another
 * program. */
void state_put_identity(struct json_writer *json, const struct run_identity *identity,
                        const char *trained);

/* Reads a state folder into the network and *progress. Refuses one of another model, other
 * data, another freeze set or precision, and says which. *exact: continuing gives the same numbers
 * to the bit. */
int state_load(const char *folder, struct optimizer *optimizer, struct progress *progress,
               const struct run_identity *identity, bool *exact, struct error *err);

/* Continues from a state with another freeze set: what trains in both keeps its masters and the
 * optimiser's state, what begins to train has its weight alone, and counts its steps from here. */
int state_carry(const char *folder, struct optimizer *optimizer, struct progress *progress,
                const struct run_identity *identity, struct error *err);

#endif
