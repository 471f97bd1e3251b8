/* What a checkpoint lists: its tensors, the type of each, and where it is stored.
 *
 * A type is a const row of traits: plain ones have blocks of one element, GGUF's quantised ones of
 * 32 or 256, so that the bytes of n elements are n / block_elements * block_bytes for all of them.
 */
#ifndef SPECTRUM_CHECKPOINT_TENSOR_INFO_H
#define SPECTRUM_CHECKPOINT_TENSOR_INFO_H

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
    DTYPE_IQ1_S,
    DTYPE_IQ1_M,
    DTYPE_IQ2_XXS,
    DTYPE_IQ2_XS,
    DTYPE_IQ2_S,
    DTYPE_IQ3_XXS,
    DTYPE_IQ3_S,
    DTYPE_IQ4_NL,
    DTYPE_IQ4_XS,
    DTYPE_TQ1_0,
    DTYPE_TQ2_0,
    DTYPE_MXFP4, /* in GGUF's blocks */
    /* codes and whole numbers: written, but a tensor of them is read as bytes alone,
     * DTYPE_UNSUPPORTED */
    DTYPE_U8,
    DTYPE_I32,
    DTYPE_I64,
    DTYPE_COMPOSED, /* several stored tensors, one weight: composed.h */
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

/* Little-endian storage to floats, on any machine; `count` is in elements, whole blocks of them. Of
 * a type that holds numbers: not U8, composed or unsupported ones. */
void dtype_widen(enum dtype dtype, const void *raw, int64_t count, float *out);

/* GGUF's block-quantised types, back to floats: `count` blocks, out[count * block_elements].
 *
 * With d and m a block's scale and minimum in fp16, q an element's code, and (K types, 256
 * elements) s and n the scale and the minimum of its group in a few bits:
 *
 *     type    codes      groups      value
 *     Q4_0    4 bits     -           d (q - 8)
 *     Q4_1    4 bits     -           d q + m
 *     Q5_0    5 bits     -           d (q - 16)
 *     Q5_1    5 bits     -           d q + m
 *     Q8_0    8 bits     -           d q
 *     Q2_K    2 bits     16 of 16    (d s) q - m n        s, n: 4 bits
 *     Q3_K    3 bits     16 of 16    (d s) (q - 4)        s: 6 bits, less 32
 *     Q4_K    4 bits     8 of 32     (d s) q - m n        s, n: 6 bits
 *     Q5_K    5 bits     8 of 32     (d s) q - m n        s, n: 6 bits
 *     Q6_K    6 bits     16 of 16    d s (q - 32)         s: 8 bits
 *
 * IQ, TQ and MXFP4: iq_blocks.c.
 *
 * Layouts: ggml's ggml-common.h. The order of the operations is that of the `gguf` Python package,
 * so that results are equal to the bit.
 */
void dtype_dequantize(enum dtype dtype, const void *blocks, int64_t count, float *out);

enum { TENSOR_RANK_MAX = 8 };

struct composed;

struct tensor_info {
    char *name;                     /* as in the file, valid UTF-8, unique */
    enum dtype dtype;               /* DTYPE_UNSUPPORTED: listed, cannot be read */
    char dtype_name[16];            /* as the file calls it: "BF16", "Q4_1"; of a composed one how
                                       it is stored: "F8_E4M3 128x128" */
    int rank;                       /* 0..TENSOR_RANK_MAX */
    int64_t shape[TENSOR_RANK_MAX]; /* row-major, outermost first (GGUF has the reverse) */
    int64_t elements;               /* product of the shape */
    int file;                       /* which of the checkpoint's files */
    uint64_t offset, bytes;         /* where in that file */
    bool bytes_unknown; /* a GGUF type that is not known has no length; `bytes` is 0 then */
    /* Of DTYPE_COMPOSED: what it is made of, the table's own. `bytes` are those of all its parts,
     * `file` and `offset` its codes'. Else NULL. */
    struct composed *composed;
    const char *refusal; /* why codes cannot be read, static; NULL: nothing more is known */
};

enum checkpoint_format { CHECKPOINT_SAFETENSORS, CHECKPOINT_GGUF, CHECKPOINT_PYTORCH };

#endif
