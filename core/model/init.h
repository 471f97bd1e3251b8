/* A new model of random weights, from a folder's config.json and tokenizer. */
#ifndef SPECTRUM_MODEL_INIT_H
#define SPECTRUM_MODEL_INIT_H

#include "base/error.h"

#include <stdint.h>

/* Writes a complete checkpoint into the folder `out`: F32 weights, drawn as transformers'
 * _init_weights does (normal with the configuration's initializer_range; norms 1, biases 0) but
 * from our own generator, and copies of the configuration's and tokenizer's files. */
int model_init(const char *config_folder, const char *out, uint64_t seed, struct error *err);

#endif
