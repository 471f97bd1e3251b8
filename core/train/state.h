/* A run's state on disk: RUN/checkpoints/step-00000100/ (docs/formats.md), complete or absent.
 *
 *     weights.safetensors    what trains, and what did earlier in the run, as it is stored in the
 *                            run (BF16 or F32); adapters go by PEFT's names (tensors.h)
 *     masters.safetensors    F32, where there are masters
 *     optimizer.safetensors  "<tensor>.exp_avg" and "<tensor>.exp_avg_sq": F32, BF16, or codes, U8,
 *                            with the scales of their blocks, "<tensor>.exp_avg.absmax" and so on
 *     state.json             the step, the place in the data, what must agree to go on, the last
 *                            evaluation and the best so far, SHA-256 and length of the files above,
 *                            and behind all that its own
 *
 * The folder is written under another name and renamed when all of it is on disk. There is no
 * generator state but the seed: random numbers are functions of (seed, step, tensor, element).
 *
 * No value in it is NaN or Inf: state_save() looks at all that it writes and refuses. Whoever reads
 * one asks state_check() first, which finds any bit that is not as it was written.
 *
 * A run goes on from the last state, or from an earlier one that is named. Then the states behind
 * that stay, to be read by their step, but they are no longer what the run came to: left.json,
 * beside the folders, names each with the SHA-256 of its state.json, so that one which the new line
 * writes under the same step is not meant. It ends with its own digest: where it is damaged nobody
 * knows which state is the last, and only one that is named by its step is taken. The state of the
 * best evaluation stays however many are kept, and one that was written for that alone goes when
 * there is a better one; each state says which is the best, so what a resume goes on from knows it.
 */
#ifndef SPECTRUM_TRAIN_STATE_H
#define SPECTRUM_TRAIN_STATE_H

#include "base/hash.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "train/optimizer.h"
#include "train/spike.h"

/* state.json and left.json have no more bytes: a name for every tensor that trains. */
enum { STATE_JSON_MAX = 1 << 28 };

/* An evaluation behind a step; step 0: none (that of the base has no state). */
struct evaluated {
    int64_t step;
    double loss;
};

/* Where a run stands behind an optimiser step. */
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
    int64_t seq_len, batch, accumulate, seed;
    int64_t rank; /* of adapters; 0: there are none */
    double alpha;
    enum storage frozen; /* of what does not train in the blocks */
    char exact[200];     /* device, threads, instructions, libraries: the result is the same to the
                            bit only where these agree too */
};

/* Writes the state of `progress`, taken behind optimizer_step(). A value that is not finite is
 * ERROR_NOT_FINITE with its tensor's name, and then nothing is written. */
int state_save(const char *run, const struct optimizer *optimizer, const struct progress *progress,
               const struct run_identity *identity, struct error *err);

/* As messages say it, behind a tensor's name. */
#define NOT_FINITE_TEXT "has NaN or Inf"

/* The first tensor of what state_save() would write that has NaN or Inf, by the name that it has
 * there, newly allocated; NULL: none, or no memory. */
char *state_find_not_finite(const struct optimizer *optimizer);

/* Of a folder: */
enum state_part {
    STATE_WEIGHTS, /* state.json and weights.safetensors, which is all that a text needs */
    STATE_ALL      /* masters and moments, too */
};
/* Is it what was written? An error names the file that is not, and the state before it. *digested:
 * there was something to compare with; a state of an earlier version has nothing. */
int state_check(const char *folder, enum state_part part, bool *digested, struct error *err);

/* Its state.json, which is compared with its own digest, and that file's path for messages, newly
 * allocated, also where this fails. */
cJSON *state_read_json(const char *folder, char **path, struct error *err);

/* Of a base, what state.json names by a fingerprint, besides its tensors. */
enum base_part { BASE_CONFIGURATION, BASE_TOKENIZER };
/* What the run began with; "" in a state of an earlier version, which does not say. */
int state_read_base(const cJSON *json, enum base_part part, char out[HASH_TEXT_SIZE],
                    const char *where, struct error *err);
/* An error, which names the part, where the base has another one than a state said. */
int state_compare_base(enum base_part part, const char *said, const char *found,
                       const struct checkpoint *base, struct error *err);

/* The evaluations of which it tells. */
int state_read_evaluations(const cJSON *json, int64_t step, struct evaluated *last,
                           struct evaluated *best, const char *where, struct error *err);
/* Adds `"KEY": {"step": .., "eval_loss": ..}`; nothing where there is no evaluation. */
void state_put_evaluated(struct json_writer *json, const char *key,
                         const struct evaluated *evaluated);

/* Reads a state folder into the network and *progress. Refuses one of another model, other
 * data, another freeze set or precision, and says which. *exact: continuing gives the same numbers
 * to the bit. */
int state_load(const char *folder, struct optimizer *optimizer, struct progress *progress,
               const struct run_identity *identity, bool *exact, struct error *err);

/* Goes on from a state with another freeze set: what trains in both keeps its masters and moments,
 * what begins to train has its weight alone, and counts its steps from here. */
int state_carry(const char *folder, struct optimizer *optimizer, struct progress *progress,
                const struct run_identity *identity, struct error *err);

/* Which modules of a state train, and which did earlier in the run; [parameter_count] both. */
int state_read_sets(const char *folder, const struct model *model, bool *trained, bool *touched,
                    struct error *err);

/* Puts the trained weights of a state folder over those of a network that does not train, for
 * evaluation and generation; in another storage type they are rounded. */
int state_overlay(const char *folder, struct network *network, struct error *err);
/* The same from one file of tensors, such as PEFT's adapter_model.safetensors. */
int state_overlay_file(const char *path, struct network *network, struct error *err);

/* Which state of a run is meant. */
struct state_choice {
    int64_t step; /* 0: the last */
    bool best;    /* the one with the lowest evaluation loss; then no step */
    bool quickly; /* only what is read of it is checked, not masters and moments */
};

/* Its folder, newly allocated; NULL and an error that lists what there is. */
char *state_choose(const char *run, const struct state_choice *choice, struct error *err);

/* The latest complete state folder of a run, newly allocated; NULL where there is none (*err is
 * then set). */
char *state_latest(const char *run, struct error *err);
/* The step that it was written behind; -1 where there is none, with an error where nobody knows
 * (left.json is damaged, the folder cannot be read). */
int64_t state_latest_step(const char *run, struct error *err);
/* The step in the name of a state folder, "step-00000100"; -1 for any other. */
int64_t state_step_of(const char *name);

/* The run goes on from the state of `step`: what there is of later ones is left behind. */
int state_leave_later(const char *run, int64_t step, struct error *err);

/* Removes what an interrupted save or removal left; for whoever begins a sitting. */
void state_remove_leftovers(const char *run);

/* Removes leftovers, and of the states up to `step` all but the latest `keep` that were due, the
 * best, and those that were left behind. */
void state_prune(const char *run, int64_t step, int64_t keep, int64_t best);

#endif
