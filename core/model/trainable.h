/* Can this model be computed, and trained: is its architecture known here, does its configuration
 * ask for nothing that is not done, and is every tensor there, of the shape that the configuration
 * says? The first fault is the error: what it is, and what would be accepted. */
#ifndef SPECTRUM_MODEL_TRAINABLE_H
#define SPECTRUM_MODEL_TRAINABLE_H

#include "model/parameters.h"

/* 0 if a forward pass of this model is what transformers or llama.cpp compute of it; else says what
 * is missing and what is supported. */
int model_check_computable(const struct model *model, struct error *err);
/* The same for a training step. */
int model_check_trainable(const struct model *model, struct error *err);

/* A line for the user where a text of `longest` tokens has positions that the configuration does
 * not know; false, and nothing in `out`, where it has not. */
bool model_note_positions(const struct model *model, int64_t longest, char *out, size_t size);

/* --- internal to core/model --- */

/* What of the configuration alone cannot be computed, or not be trained. */
int config_check(const struct model *model, struct error *err);
int config_check_dropout(const struct model *model, struct error *err);

#endif
