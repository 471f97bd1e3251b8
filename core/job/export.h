/* A run as a complete Hugging Face folder, or its adapters as a PEFT folder. */
#ifndef SPECTRUM_JOB_EXPORT_H
#define SPECTRUM_JOB_EXPORT_H

#include "train/state.h"

#include <stdbool.h>
#include <stdint.h>

struct export_summary {
    int64_t step;
    struct evaluated evaluated; /* its evaluation; step 0: it has none */
    struct evaluated best;      /* the best of the run; step 0: unknown */
    bool adapters;              /* a PEFT folder was written */
    bool rope_scaled;           /* with --rope-scaling, which a PEFT folder cannot say */
    uint64_t trained, frozen;   /* tensors; frozen ones are not in a PEFT folder */
    uint64_t bytes;
};

/* A run with adapters: adapter_config.json and adapter_model.safetensors, which PEFT loads; with
 * `merge`, and for every other run, a whole model:
 *
 * Writes config.json, model.safetensors and the tokenizer's files into the folder `out`, which is
 * made. Trained tensors have the run's type; frozen ones keep the base's bytes, or, from a GGUF
 * base, what the run read: dequantised and rounded once. Where there are adapters the products are
 * added to the base's weights before that rounding. config.json names the run's type. A folder that
 * holds a model is refused, the base's own too. */
int export_run(const char *run, const struct state_choice *choice, const char *out, bool merge,
               struct export_summary *summary, struct error *err);

#endif
