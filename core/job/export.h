/* A run as a complete Hugging Face folder, or its adapters as a PEFT folder. */
#ifndef SPECTRUM_JOB_EXPORT_H
#define SPECTRUM_JOB_EXPORT_H

#include "text/generation.h"
#include "train/recipe.h"
#include "train/state.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What is exported of a run whose frozen weights are in 8 or 4 bits has the base's own in their
 * place
 * (`differs`): another model than the run's. Of a whole model both losses are measured on the same
 * few thousand tokens, the beginning of the run's evaluation data, or of its training data where
 * that has no files. */
struct export_cost {
    bool differs, measured;
    enum storage frozen; /* what the run had */
    double run, merged;  /* losses */
    uint64_t tokens;
    bool evaluation;   /* of the evaluation data; else of the training data */
    char why_not[256]; /* where they could not be measured */
};

struct export_summary {
    int64_t step;
    struct evaluated evaluated; /* its evaluation; step 0: it has none */
    struct evaluated best;      /* the best of the run; step 0: unknown */
    bool adapters;              /* a PEFT folder was written */
    bool rope_scaled;       /* with --rope-scaling, which adapters cannot say, but `base` does */
    struct end_tokens ends; /* of adapters: where the run's texts end */
    bool base_lacks_ends;   /* the base that is there already ends texts at fewer of them */
    char *base; /* the folder that its adapters name as their base, which was written with them;
                   NULL: the base is there already. free() it */
    uint64_t base_bytes;
    struct export_cost cost;
    uint64_t trained, frozen; /* tensors; frozen ones are not in a PEFT folder */
    uint64_t bytes;
};

/* A run with adapters: adapter_config.json and adapter_model.safetensors, which PEFT loads, with
 * the tokenizer's files, as trainers leave them, and a generation_config.json that names the run's
 * ends of text (nobody reads it by itself there; `base_lacks_ends` says when it is needed). Where
 * its base is no folder that transformers loads (a GGUF file, a lone .safetensors file), or lies in
 * the run, it is written to `out`/base, and the adapters name it by its whole path: PEFT takes a
 * relative one from where it runs, or for a name on a hub. With `merge`, and for every other run, a
 * whole model:
 *
 * Writes config.json, model.safetensors and the tokenizer's files into the folder `out`, which is
 * made. Trained tensors have the run's type; frozen ones keep the base's bytes, or, from a GGUF
 * base, what the run read: dequantised and rounded once. Where there are adapters the products are
 * added to the base's weights before that rounding. config.json names the run's type. A folder that
 * is not empty is refused, and so is one in a job's folder.
 *
 * Where `*interrupted` is set (NULL: never) the export ends with ERROR_INTERRUPTED, and as after
 * any error nothing of it is left; what is measured behind it is left out. An export that was
 * killed leaves a folder with the file .spectrum-unfinished, which the next to the same folder
 * clears. */
int export_run(const char *run, const struct state_choice *choice, const char *out, bool merge,
               const volatile sig_atomic_t *interrupted, struct export_summary *summary,
               struct error *err);

#endif
