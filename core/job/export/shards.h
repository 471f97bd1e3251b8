/* A whole model in files of a bounded size, as transformers' save_pretrained() writes them, to the
 * byte: of one file model.safetensors, of more
 *
 *     model-00001-of-00003.safetensors, ...    the tensors
 *     model.safetensors.index.json             which of them is where
 *
 * Which tensor goes where is huggingface_hub's split_torch_state_dict_into_shards(), over the
 * tensors in the order of their names, blocks by number: a file is ended before the tensor that
 * would make it larger than the bound. A tensor that is larger by itself is a file of its own, which
 * comes before the one that is being filled meanwhile. In a file tensors are in safetensors' own
 * order: by type, then by name.
 */
#ifndef SPECTRUM_JOB_EXPORT_SHARDS_H
#define SPECTRUM_JOB_EXPORT_SHARDS_H

#include "base/buffer.h"
#include "base/error.h"
#include "checkpoint/tensor_info.h"
#include "model/parameters.h"

/* One tensor of a whole model and where its bytes are. */
struct part {
    const struct parameter *parameter;
    const struct tensor_info *trained; /* in the run's weights; NULL: frozen */
    const struct tensor_info *a, *b;   /* of its adapter; NULL: has none */
    bool raw;                          /* the base's bytes as they are */
    enum dtype dtype;                  /* that it is written in */
    uint64_t bytes;
    size_t shard; /* number of its file, from 0 */
};

/* "5GB", huggingface_hub's MAX_SHARD_SIZE */
#define SHARD_SIZE "5GB"

/* Numbers the files of parts[0..count), none with more than `size` bytes of tensors (0: one file),
 * and puts the parts into their order. *shards: how many; 1 of none. */
void shards_assign(struct part *parts, size_t count, uint64_t size, size_t *shards);

enum { SHARD_NAME_SIZE = 64 };
void shard_name(char out[SHARD_NAME_SIZE], size_t shard, size_t shards);

/* Appends model.safetensors.index.json. */
int shards_put_index(struct buffer *out, const struct part *parts, size_t count, size_t shards,
                     struct error *err);

#endif
