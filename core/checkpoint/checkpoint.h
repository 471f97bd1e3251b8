/* Reading model files: Hugging Face folders (config.json, safetensors, shards), single .safetensors
 * files, GGUF files. A checkpoint is a table of named tensors plus, where the file has it,
 * metadata. Nothing is mapped: every read is positioned, with its length checked, so that a file
 * that shrinks is an error and not a signal. The files are never written to.
 */
#ifndef SPECTRUM_CHECKPOINT_CHECKPOINT_H
#define SPECTRUM_CHECKPOINT_CHECKPOINT_H

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/dtype.h"

#include <stdbool.h>
#include <stdint.h>

enum { TENSOR_RANK_MAX = 8 };

struct tensor_info {
    char *name;                     /* as in the file, valid UTF-8, unique */
    enum dtype dtype;               /* DTYPE_UNSUPPORTED: listed, cannot be read */
    char dtype_name[16];            /* as the file calls it: "BF16", "Q4_1" */
    int rank;                       /* 0..TENSOR_RANK_MAX */
    int64_t shape[TENSOR_RANK_MAX]; /* row-major, outermost first (GGUF's order is turned round) */
    int64_t elements;               /* product of the shape */
    int file;                       /* which of the checkpoint's files */
    uint64_t offset, bytes;         /* where in that file */
    bool bytes_unknown; /* a GGUF type that is not known has no length; `bytes` is 0 then */
};

enum checkpoint_format { CHECKPOINT_SAFETENSORS, CHECKPOINT_GGUF };

struct checkpoint;

/* Opens a folder, a file, or a repository name in the local Hugging Face cache. A folder without
 * safetensors stands for the one .gguf file in it. Of a model.safetensors and an index the first is
 * read, and of a tensor that is in several shards the last, as transformers does. Reads headers and
 * small JSON files only. */
int checkpoint_open(struct checkpoint **out, const char *path, struct error *err);
void checkpoint_close(struct checkpoint *checkpoint);

/* Opens a folder for its config.json alone: a checkpoint without tensors, for a model that has yet
 * to be made. */
int checkpoint_open_config(struct checkpoint **out, const char *folder, struct error *err);

enum checkpoint_format checkpoint_format(const struct checkpoint *checkpoint);
const char *checkpoint_path(const struct checkpoint *checkpoint);   /* as resolved */
const char *checkpoint_folder(const struct checkpoint *checkpoint); /* where its other files are */

/* 0 if `path` may be written: it is neither a file of the open checkpoint (weights, index,
 * config.json, the tokenizer's files), under whatever name and through whatever links, nor the
 * folder that they are in. NULL and what does not exist yet may. */
int checkpoint_check_output(const struct checkpoint *checkpoint, const char *path,
                            struct error *err);

/* What is surprising about which files and tensors were taken, a line each; "": nothing. */
const char *checkpoint_notes(const struct checkpoint *checkpoint);

/* Where the local Hugging Face cache is: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub,
 * $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, as huggingface_hub has it, with "~",
 * "~user", "$NAME" and "${NAME}" in any of them. Newly allocated; NULL when memory runs out. */
char *checkpoint_hub_folder(void);

/* Tensors in file order (shards in the order of their names). Owned by the checkpoint. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const struct tensor_info *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index);
const struct tensor_info *checkpoint_find(const struct checkpoint *checkpoint, const char *name);

/* config.json for safetensors folders; for GGUF the metadata as a flat JSON object under its own
 * keys ("llama.block_count": 30, arrays as arrays). NULL where there is none. Large GGUF arrays
 * (token lists) are in it too. Owned by the checkpoint. */
const cJSON *checkpoint_metadata(const struct checkpoint *checkpoint);

/* Reads `count` elements from element `first` on, in row-major order, widened to float (exact for
 * F32, F16, BF16 and integers below 2^24; quantised types as they are dequantised by their
 * definition; F64 rounded: use checkpoint_read_f64). `first` and `count` must be multiples of the
 * dtype's block size. Thread-safe. */
int checkpoint_read_f32(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, float *out, struct error *err);
int checkpoint_read_f64(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, double *out, struct error *err);
/* The stored bytes [first_byte, first_byte + count). */
int checkpoint_read_raw(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        uint64_t first_byte, uint64_t count, void *out, struct error *err);

/* The tensor is to be read soon: the system may bring it into memory meanwhile. */
void checkpoint_expect(const struct checkpoint *checkpoint, const struct tensor_info *tensor);

/* 32 hexadecimal digits over the content: names, shapes, dtypes and bytes of every tensor, tensors
 * above 1 MiB by 64 evenly spaced blocks of 16 KiB.
 * The same for a copied or moved checkpoint. */
int checkpoint_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err);

/* 32 hexadecimal digits that say which files these are and in which state: device, inode, size and
 * time of change of each. The same for a moved checkpoint, not for a copied one. */
int checkpoint_identity(const struct checkpoint *checkpoint, char out[33], struct error *err);

#endif
