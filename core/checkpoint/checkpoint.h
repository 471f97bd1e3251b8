/* Reading model files: Hugging Face folders (config.json, safetensors or PyTorch's .bin, shards),
 * single .safetensors and .bin files, GGUF files. A checkpoint is a table of named tensors plus,
 * where the file has it, metadata. It may lie elsewhere (place.h). Nothing is mapped: every read is
 * positioned, with its length checked, so that a file that shrinks is an error and not a signal. The
 * files are never written to.
 *
 *     checkpoint_open -> checkpoint_find, checkpoint_tensor -> checkpoint_read_f32 ...
 *                     -> checkpoint_close
 *
 * This is the face of core/checkpoint. What opens a file adds its tensors to one table
 * (tensor_table.h), which checks names, shapes and ranges for all formats in one place;
 * tensor_read.h finds and reads them.
 */
#ifndef SPECTRUM_CHECKPOINT_CHECKPOINT_H
#define SPECTRUM_CHECKPOINT_CHECKPOINT_H

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/gguf_split.h"
#include "checkpoint/hub.h"
#include "checkpoint/place.h"
#include "checkpoint/tensor_info.h"
#include "checkpoint/tensor_read.h"

struct checkpoint;

/* Opens a folder, a file, or a repository name in the local Hugging Face cache. A folder without
 * safetensors stands for the one .gguf file in it; any part of a split one stands for all. Of a
 * model.safetensors and an index the first is read, and of a tensor that is in several shards the
 * last, as transformers does. Reads headers and small JSON files only. */
int checkpoint_open(struct checkpoint **out, const char *path, struct error *err);
void checkpoint_close(struct checkpoint *checkpoint);

/* The same of a place elsewhere, which must outlive it; `file` NULL: the place as a folder. Its path
 * and folder are the place's name then, where this machine has nothing. */
int checkpoint_open_place(struct checkpoint **out, const struct checkpoint_place *place,
                          const char *file, struct error *err);

/* Opens a folder for its config.json alone: a checkpoint without tensors, for a model that has yet
 * to be made. */
int checkpoint_open_config(struct checkpoint **out, const char *folder, struct error *err);

enum checkpoint_format checkpoint_format(const struct checkpoint *checkpoint);
const char *checkpoint_path(const struct checkpoint *checkpoint);   /* as resolved */
const char *checkpoint_folder(const struct checkpoint *checkpoint); /* where its other files are */

/* What is surprising about which files and tensors were taken, a line each; "": nothing. */
const char *checkpoint_notes(const struct checkpoint *checkpoint);

/* config.json for safetensors folders; for GGUF the metadata as a flat JSON object under its own
 * keys ("llama.block_count": 30, arrays as arrays). NULL where there is none. Large GGUF arrays
 * (token lists) are in it too. Owned by the checkpoint. */
const cJSON *checkpoint_metadata(const struct checkpoint *checkpoint);

/* Promise 1: a checkpoint that is open is never written to. 0 if `path` may be written: it is
 * neither a file of the open checkpoint (weights, index, config.json, the tokenizer's files), under
 * whatever name and through whatever links, nor the folder that they are in. NULL and what does not
 * exist yet may. */
int checkpoint_check_output(const struct checkpoint *checkpoint, const char *path,
                            struct error *err);

#endif
