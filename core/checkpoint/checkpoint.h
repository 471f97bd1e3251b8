/* Reading model files: Hugging Face folders (config.json, safetensors, shards), single .safetensors
 * files, GGUF files. A checkpoint is a table of named tensors plus, where the file has it,
 * metadata. Nothing is mapped: every read is positioned, with its length checked, so that a file
 * that shrinks is an error and not a signal. The files are never written to.
 *
 *     checkpoint_open -> checkpoint_find, checkpoint_tensor -> checkpoint_read_f32 (tensor_read.h)
 * ...
 *                     -> checkpoint_close
 *
 * This is the face of core/checkpoint. What opens a file adds its tensors to one table
 * (tensor_table.h), which checks names, shapes and ranges for all formats in one place.
 */
#ifndef SPECTRUM_CHECKPOINT_CHECKPOINT_H
#define SPECTRUM_CHECKPOINT_CHECKPOINT_H

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/check_output.h"
#include "checkpoint/hub.h"
#include "checkpoint/tensor_info.h"
#include "checkpoint/tensor_read.h"

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

/* What is surprising about which files and tensors were taken, a line each; "": nothing. */
const char *checkpoint_notes(const struct checkpoint *checkpoint);

/* Tensors in file order (shards in the order of their names). Owned by the checkpoint. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const struct tensor_info *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index);
const struct tensor_info *checkpoint_find(const struct checkpoint *checkpoint, const char *name);

/* config.json for safetensors folders; for GGUF the metadata as a flat JSON object under its own
 * keys ("llama.block_count": 30, arrays as arrays). NULL where there is none. Large GGUF arrays
 * (token lists) are in it too. Owned by the checkpoint. */
const cJSON *checkpoint_metadata(const struct checkpoint *checkpoint);

#endif
