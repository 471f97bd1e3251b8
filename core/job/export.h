/* A run as a complete Hugging Face folder. */
#ifndef SPECTRUM_JOB_EXPORT_H
#define SPECTRUM_JOB_EXPORT_H

#include "base/error.h"

#include <stdint.h>

struct export_summary {
    int64_t step;
    uint64_t trained, frozen; /* tensors */
    uint64_t bytes;
};

/* Writes config.json, model.safetensors and the tokenizer's files into the folder `out`, which is
 * made. Trained tensors have the run's type; frozen ones keep the base's bytes, or, from a GGUF
 * base, what the run read: dequantised and rounded once. A folder that holds a model is refused,
 * the base's own too. */
int export_run(const char *run, const char *out, struct export_summary *summary, struct error *err);

#endif
