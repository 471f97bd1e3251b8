/* Promise 1: a checkpoint that is open is never written to. What says whether a path would. */
#ifndef SPECTRUM_CHECKPOINT_CHECK_OUTPUT_H
#define SPECTRUM_CHECKPOINT_CHECK_OUTPUT_H

#include "base/error.h"

struct checkpoint;

/* 0 if `path` may be written: it is neither a file of the open checkpoint (weights, index,
 * config.json, the tokenizer's files), under whatever name and through whatever links, nor the
 * folder that they are in. NULL and what does not exist yet may. */
int checkpoint_check_output(const struct checkpoint *checkpoint, const char *path,
                            struct error *err);

#endif
