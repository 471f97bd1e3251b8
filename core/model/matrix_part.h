/* The matrices that a parameter consists of: what a scan has a row for.
 *
 * Most parameters are one. Two kinds are several:
 *
 *     a stack      a tensor [experts, rows, columns], one matrix an expert: gpt-oss, Llama 4,
 *                  Granite-MoE, Qwen3.5-MoE, Mistral 4, GGUF's "ffn_*_exps"
 *     fused        projections side by side in one matrix, q, k and v, or gate and up: one matrix to
 *                  whoever does not ask for them apart
 *
 * and a stack of fused ones is both. Some models have an expert's matrix as [in, out], others as
 * [out, in]: it is taken as it lies, since a matrix and its transpose have the same singular values,
 * and no score here asks which side is which.
 */
#ifndef SPECTRUM_MODEL_MATRIX_PART_H
#define SPECTRUM_MODEL_MATRIX_PART_H

#include "model/parameters.h"

/* Which rows of a matrix, or which columns: `count` runs of `run`, each `step` after the one before,
 * the first at `first`. */
struct lines {
    int64_t first, run, step, count;
};

struct matrix_part {
    const struct parameter *parameter;
    int64_t expert;          /* which of a stack; -1: the tensor is no stack */
    const char *projection;  /* of fused ones which: "q", "gate"; NULL: all of the matrix */
    struct lines down, over; /* of the matrix that it is a part of: rows, columns */
    int64_t rows, cols;      /* its own */
};

/* The n-th of them, whole. */
struct matrix_part matrix_part(const struct model *model, const struct parameter *parameter,
                               int64_t n);

/* Is there more in the tensor than this? It trains or freezes with all of that. */
bool matrix_part_is_of_several(const struct matrix_part *part);

/* Bytes that reading it takes beside the matrix itself. */
uint64_t matrix_part_need(const struct matrix_part *part);

/* Reads it, row-major, part->rows x part->cols; one that is all of its parameter as
 * model_read_f32() does. */
int matrix_part_read(const struct model *model, const struct matrix_part *part, float *out,
                     struct error *err);

#endif
