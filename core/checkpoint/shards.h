/* A model in several safetensors files, and the index that names them:
 *
 *     {"metadata": {...},
 *      "weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors", ...}}
 *
 * transformers takes from the index which files there are, and reads all that is in them, in the
 * order of their names. So do we, and say where the index and the files disagree. Internal to
 * core/checkpoint.
 */
#ifndef SPECTRUM_CHECKPOINT_SHARDS_H
#define SPECTRUM_CHECKPOINT_SHARDS_H

#include "checkpoint/tensor_table.h"

/* Opens the shards that the index at a path names and fills the table; what is surprising goes to
 * the checkpoint's notes. */
int shards_open(struct checkpoint *checkpoint, const char *index_path, struct error *err);

#endif
