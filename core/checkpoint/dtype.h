/* Storage types of tensors, with their block sizes. */
#ifndef SPECTRUM_CHECKPOINT_DTYPE_H
#define SPECTRUM_CHECKPOINT_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_UNSUPPORTED = 0,
    DTYPE_F64,
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_Q4_0,
    DTYPE_Q4_1,
    DTYPE_Q5_0,
    DTYPE_Q5_1,
    DTYPE_Q8_0,
    DTYPE_Q2_K,
    DTYPE_Q3_K,
    DTYPE_Q4_K,
    DTYPE_Q5_K,
    DTYPE_Q6_K,
    DTYPE_U8, /* codes: written, but a tensor of them is read as bytes alone, DTYPE_UNSUPPORTED */
    DTYPE_COUNT
};

struct dtype_traits {
    const char *name;       /* "BF16", "Q4_K": safetensors' and GGUF's own spelling */
    int32_t block_elements; /* 1 for plain types */
    int32_t block_bytes;
    bool quantized;
};

/* Never NULL; DTYPE_UNSUPPORTED has block_elements 1 and block_bytes 0. */
const struct dtype_traits *dtype_traits(enum dtype dtype);

/* Is none of these values, F32 or BF16 as they are stored, NaN or Inf? True for other types. */
bool dtype_all_finite(enum dtype dtype, const void *values, size_t bytes);

#endif
