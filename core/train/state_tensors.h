/* The tensors of a state, to and from safetensors files: the weights of what trains, their masters,
 * and what the optimiser keeps of each. A file is read and written in pieces of a megabyte between
 * the device and the disk; no tensor is in host memory whole.
 */
#ifndef SPECTRUM_TRAIN_STATE_TENSORS_H
#define SPECTRUM_TRAIN_STATE_TENSORS_H

#include "base/json_writer.h"
#include "train/optimizer.h"

/* weights.safetensors, which every state has, then those that not every one has. */
enum { STATE_FILES = 3 };
const char *state_file_name(size_t file);

/* Writes them, and adds to the object `files` what state.json says of each; `work` (may be NULL) is
 * told of the bytes. Refuses what is not finite. */
int state_tensors_save(const char *folder, const struct optimizer *optimizer,
                       struct json_writer *files, const struct work_watch *work, struct error *err);
/* Tensors of weights.safetensors. */
size_t state_weight_count(const struct optimizer *optimizer);

/* As messages say it, after a tensor's name. */
#define NOT_FINITE_TEXT "has NaN or Inf"
/* The first tensor of what state_tensors_save() would write that has NaN or Inf, by the name that
 * it has there, newly allocated; NULL: none, or no memory. */
char *state_find_not_finite(const struct optimizer *optimizer);

int state_tensors_load(const char *folder, struct optimizer *optimizer, struct error *err);
/* For another freeze set: weights of all that the state has, masters and the optimiser's state of
 * what trains in both. optimizer->since becomes -1 for what begins to train. */
int state_tensors_carry(const char *folder, struct optimizer *optimizer, struct error *err);

/* Which modules of a state, which this optimiser made, train, and which did earlier in the run;
 * [parameter_count] both. */
int state_read_sets(const char *folder, const struct model *model, enum optimizer_kind kind,
                    bool *trained, bool *touched, struct error *err);

/* Puts the trained weights of a state folder over those of a network that does not train, for
 * evaluation and generation; in another storage type they are rounded. */
int state_overlay(const char *folder, struct network *network, struct error *err);
/* The same from one file of tensors, such as PEFT's adapter_model.safetensors. */
int state_overlay_file(const char *path, struct network *network, struct error *err);

#endif
