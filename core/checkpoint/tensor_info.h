/* What a checkpoint lists: its tensors, of which file and where. */
#ifndef SPECTRUM_CHECKPOINT_TENSOR_INFO_H
#define SPECTRUM_CHECKPOINT_TENSOR_INFO_H

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

#endif
