/* What trains, its masters and its moments, to and from safetensors files. Internal to core/train.
 */
#ifndef SPECTRUM_TRAIN_STATE_TENSORS_H
#define SPECTRUM_TRAIN_STATE_TENSORS_H

#include "base/json_writer.h"
#include "train/optimizer.h"

/* weights.safetensors, which every state has, and behind it those that not every one has. */
enum { STATE_FILES = 3 };
const char *state_file_name(size_t file);

/* Adds to `files` what state.json says of them. Refuses what is not finite. */
int state_tensors_save(const char *folder, const struct optimizer *optimizer,
                       struct json_writer *files, struct error *err);
/* Tensors of weights.safetensors. */
size_t state_weight_count(const struct optimizer *optimizer);
/* For another freeze set: weights of all that the state has, masters and moments of what trains in
 * both. optimizer->since becomes -1 for what begins to train. */
int state_tensors_carry(const char *folder, struct optimizer *optimizer, struct error *err);
int state_tensors_load(const char *folder, struct optimizer *optimizer, struct error *err);

#endif
