/* One weight in the making, and what the quantisers' files (compose.h) share. Internal to
 * core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_COMPOSING_H
#define SPECTRUM_CHECKPOINT_COMPOSING_H

#include "checkpoint/composed.h"

struct composing {
    const struct checkpoint *checkpoint;
    struct tensor_info whole; /* what the weight is: shape, rank, dtype_name */
    char name[TENSOR_NAME_MAX + 1];
    struct composed *composed; /* unit, read and what the reader wants to know */
    const struct tensor_info *parts[COMPOSED_PARTS_MAX]; /* the codes first */
    size_t part_count;
    char why[200]; /* what the note says behind the reason of a refusal: the values that differ */
};

/* What a quantiser says of a tensor of codes. */
enum composing_end { COMPOSING_NOT_MINE, COMPOSING_DONE, COMPOSING_REFUSED, COMPOSING_FAILED };

/* Looks at parts[0]. Of what it refuses, *refusal becomes the reason, static and of at most 30
 * bytes ("the type F8_E4M3 cannot be read: " stands before it). */
typedef enum composing_end composer(struct composing *making, const char **refusal,
                                    struct error *err);
composer compose_fp8, compose_mlx, compose_bnb4, compose_bnb8, compose_mxfp4, compose_fp4,
    compose_int8, compose_packed;

/* The tensor whose name is the codes' less `tail`, and `suffix`; NULL: there is none, or the codes'
 * name does not end in `tail`. */
const struct tensor_info *composing_beside(const struct composing *making, const char *tail,
                                           const char *suffix);

/* Adds what is beside the codes, if it is there. */
void composing_add(struct composing *making, const struct tensor_info *part);

/* A value as the type would store it: F16 and BF16 round, to nearest, ties to even. */
float composing_round(float value, enum dtype dtype);

/* A power of two of the OCP's E8M0: bias 127, all ones is NaN. */
float e8m0_to_float(unsigned code);

/* E4M3 of "fn": no infinity, 0x7F and 0xFF are NaN. */
float e4m3_to_float(unsigned code);

/* E2M1 of 4 bits, a sign and three: 0, 0.5, 1, 1.5, 2, 3, 4, 6. */
float e2m1_to_float(unsigned code);

/* Rows or columns of a block at most, of "weight_block_size". */
enum { QUANTIZATION_BLOCK_MAX = 1 << 20 };

/* "quantization_config" of config.json, or of the model of text in it; NULL: none. */
const cJSON *quantization_config(const struct checkpoint *checkpoint);

#endif
