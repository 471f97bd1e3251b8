/* A run's state on disk: RUN/checkpoints/step-00000100/ (FORMATS.md), complete or absent.
 *
 *     weights.safetensors    what trains, and what did earlier in the run, as it is stored in the
 * run (BF16 or F32); adapters go by PEFT's names (tensors.h) masters.safetensors    F32, where
 * there are masters optimizer.safetensors  "<tensor>.exp_avg" and "<tensor>.exp_avg_sq": F32, BF16,
 * or codes, U8, with the scales of their blocks, "<tensor>.exp_avg.absmax" and so on state.json the
 * step, the place in the data, and what must agree to go on
 *
 * The folder is written under another name and renamed when all of it is on disk. There is no
 * generator state but the seed: random numbers are functions of (seed, step, tensor, element).
 */
#ifndef SPECTRUM_TRAIN_STATE_H
#define SPECTRUM_TRAIN_STATE_H

#include "base/hash.h"
#include "train/optimizer.h"
#include "train/spike.h"

/* state.json has no more bytes. */
enum { STATE_JSON_MOST = 1 << 22 };

/* Where a run stands behind an optimiser step. */
struct progress {
    int64_t step; /* steps taken */
    uint64_t tokens, supervised;
    double seconds; /* of computing, over all its sittings */
    struct packing_position position;
    struct spike_window spikes;
};

/* What must agree for a resume to be the same run: anything else is refused. */
struct run_identity {
    char model[HASH_TEXT_SIZE], data[HASH_TEXT_SIZE];
    char precision[64]; /* "bf16", "bf16+masters", "fp32+frozen nf4+8-bit moments" */
    int64_t seq_len, batch, accumulate, seed;
    int64_t rank; /* of adapters; 0: there are none */
    double alpha;
    enum storage frozen; /* of what does not train in the blocks */
    char exact[200];     /* device, threads, instructions, libraries: the result is the same to the
                            bit only where these agree too */
};

/* Writes the state of `progress`, taken behind optimizer_step(). */
int state_save(const char *run, const struct optimizer *optimizer, const struct progress *progress,
               const struct run_identity *identity, struct error *err);

/* Reads a state folder into the transformer and *progress. Refuses one of another model, other
 * data, another freeze set or precision, and says which. *exact: continuing gives the same numbers
 * to the bit. */
int state_load(const char *folder, struct optimizer *optimizer, struct progress *progress,
               const struct run_identity *identity, bool *exact, struct error *err);

/* Goes on from a state with another freeze set: what trains in both keeps its masters and moments,
 * what begins to train has its weight alone, and counts its steps from here. */
int state_carry(const char *folder, struct optimizer *optimizer, struct progress *progress,
                const struct run_identity *identity, struct error *err);

/* Which modules of a state train, and which did earlier in the run; [module_count] both. */
int state_read_sets(const char *folder, const struct model *model, bool *trained, bool *touched,
                    struct error *err);

/* Puts the trained weights of a state folder over those of a transformer that does not train, for
 * evaluation and generation; in another storage type they are rounded. */
int state_overlay(const char *folder, struct transformer *transformer, struct error *err);
/* The same from one file of tensors, such as PEFT's adapter_model.safetensors. */
int state_overlay_file(const char *path, struct transformer *transformer, struct error *err);

/* The latest complete state folder of a run, newly allocated; NULL where there is none (*err is
 * then set). */
char *state_latest(const char *run, struct error *err);
/* The step that it was written behind; -1 where there is none. */
int64_t state_latest_step(const char *run);

/* Removes what an interrupted save or removal left; for whoever begins a sitting. */
void state_remove_leftovers(const char *run);

/* Removes all but the latest `keep` states, and leftovers. */
void state_prune(const char *run, int64_t keep);

#endif
