/* MXFP4 (OCP Microscaling Formats, 1.0), as gpt-oss stores its experts:
 *
 *     X_blocks     U8 [experts, rows, groups, 16]: codes of a group of 32, two a byte, the lower half
 *                  first
 *     X_scales     U8 [experts, rows, groups]: E8M0
 *
 *     w[e, 32 g + k, i] = e2m1[code[e, i, g, k]] * 2^(scale[e, i, g] - 127)
 *
 * X [experts, 32 groups, rows] is what transformers makes of it: each expert's matrix transposed, as
 * its models and the bf16 checkpoints of gpt-oss have it.
 */
#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 32, GROUP_BYTES = 16 };

/* A sign and three bits: 0, 0.5, 1, 1.5, 2, 3, 4, 6. */
static const float e2m1[16] = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                               -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};

/* One stored row is a column of the weight; of it the rows [first, first + count). */
static void unpack_row(const unsigned char *codes, const unsigned char *scales, int64_t first,
                       int64_t count, int64_t stride, float *out)
{
    float scale = 0;
    for (int64_t i = first; i < first + count; i++) {
        if (i == first || i % GROUP == 0)
            scale = e8m0_to_float(scales[i / GROUP]);
        unsigned code = i % 2 ? codes[i / 2] >> 4 : codes[i / 2] & 15u;
        out[(i - first) * stride] = e2m1[code] * scale;
    }
}

/* A unit is a row of a transposed matrix, which has an element of every stored row: all units of a
 * read are filled in one way through the expert, a piece of its stored rows at a time. */
static int read_columns(const struct checkpoint *checkpoint, const struct composed *composed,
                        int64_t first, int64_t units, float *out, struct error *err)
{
    int64_t expert = first / composed->rows, from = first % composed->rows;
    int64_t stored = composed->cols, bytes = composed->rows / 2, groups = composed->rows / GROUP;
    int64_t piece = COMPOSED_PIECE / composed->rows + 1;
    int status = 0;
    for (int64_t row = 0; status == 0 && row < stored; row += piece) {
        int64_t count = stored - row < piece ? stored - row : piece, at = expert * stored + row;
        unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(at * bytes),
                                         (uint64_t)(count * bytes), err);
        unsigned char *scales =
            codes ? part_read(checkpoint, &composed->parts[1], (uint64_t)(at * groups),
                              (uint64_t)(count * groups), err)
                  : NULL;
        for (int64_t i = 0; scales && i < count; i++)
            unpack_row(codes + i * bytes, scales + i * groups, from, units, stored, out + row + i);
        status = scales ? 0 : -1;
        free(scales);
        free(codes);
    }
    return status;
}

static bool are_bytes(const struct tensor_info *tensor, int rank)
{
    return tensor && strcmp(tensor->dtype_name, "U8") == 0 && tensor->rank == rank &&
           tensor->bytes == (uint64_t)tensor->elements && tensor->elements > 0;
}

/* The name without "_blocks" is the weight's, which must not be there besides. */
enum composing_end compose_mxfp4(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    const struct tensor_info *scales = composing_beside(making, "_blocks", "_scales");
    struct composed *composed = making->composed;
    (void)err;
    if (!scales || !are_bytes(codes, 4))
        return COMPOSING_NOT_MINE;
    *refusal = "scales of another shape";
    if (!are_bytes(scales, 3) || codes->shape[3] != GROUP_BYTES ||
        memcmp(codes->shape, scales->shape, 3 * sizeof *codes->shape) != 0)
        return COMPOSING_REFUSED;
    *refusal = "codes beside their weight";
    making->name[strlen(making->name) - strlen("_blocks")] = '\0';
    if (!making->name[0] || composing_beside(making, "_blocks", ""))
        return COMPOSING_REFUSED;
    *refusal = NULL;
    composed->read = read_columns;
    composed->rows = composed->piece = codes->shape[2] * GROUP;
    composed->cols = composed->unit = codes->shape[1];
    composed->elements = codes->elements * 2;
    making->whole.rank = 3;
    making->whole.shape[0] = codes->shape[0];
    making->whole.shape[1] = composed->rows;
    making->whole.shape[2] = composed->cols;
    composing_add(making, scales);
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "MXFP4");
    return COMPOSING_DONE;
}
