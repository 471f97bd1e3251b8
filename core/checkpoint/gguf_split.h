/* A GGUF model in one file, or in the parts that llama.cpp splits one into:
 *
 *     NAME-00001-of-00003.gguf    split.no 0, split.count 3; the metadata, and some of the tensors
 *     NAME-00002-of-00003.gguf    split.no 1, split.count 3; more tensors
 *     ...
 *
 * The first has split.tensors.count, how many tensors there are in all. */
#ifndef SPECTRUM_CHECKPOINT_GGUF_SPLIT_H
#define SPECTRUM_CHECKPOINT_GGUF_SPLIT_H

#include "base/error.h"

#include <stdbool.h>

/* Is a file, by its name, a part of a split model, and not the first? Whoever lists models lists the
 * first alone. */
bool checkpoint_is_later_part(const char *name);

/* Do the names say that these are parts of one model? */
bool gguf_same_split(const char *a, const char *b);

/* --- internal to core/checkpoint --- */

struct checkpoint;

/* Opens the file that the checkpoint's path names and, if it is a part, all parts in their order;
 * the metadata are the first one's. A part that is missing is named. */
int gguf_split_open(struct checkpoint *checkpoint, struct error *err);

#endif
