/* Whole numbers with scales, as compressed-tensors stores them:
 *
 *     X, X_scale[, X_zero_point]                    "naive-quantized", "int-quantized"
 *     X_packed, X_scale, X_shape[, X_zero_point]    "pack-quantized"
 *
 *     X               I8 [rows, cols]
 *     X_packed        I32 [rows, cols * bits / 32], rounded up: a row's codes as one stream of bits, the
 *                     lowest first, each with 2^(bits - 1) added
 *     X_shape         I64 or I32: rows, cols
 *     X_scale         F32, F16 or BF16: one number; [rows] or [rows, 1]; or one a group of a row,
 *                     [rows, cols / group]
 *     X_zero_point    I8 as X_scale; of packed codes I32, packed as they are, and along the rows:
 *                     [rows * bits / 32, cols / group]
 *
 *     w[i, j] = (code[i, j] - zero[i, j / group]) * scale[i, j / group]
 *
 * in fp32; the tool rounds the result once more, to the scales' type. Codes of 2, 4 and 8 bits are
 * packed alike by all of its versions, those of others are not, and so they are refused. */
#include "base/memory.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Code number `at` of a stream; none straddles a byte. */
static int unpack(const unsigned char *stream, int64_t at, int bits)
{
    int64_t bit = at * bits;
    return (int)(stream[bit >> 3] >> (bit & 7) & ((1u << bits) - 1)) - (1 << (bits - 1));
}

static int64_t words_of(int64_t codes, int bits)
{
    return (codes * bits + 31) / 32;
}

/* The zeros of rows [first, first + rows), [rows, groups], or of all as one row. */
static int *read_zeros(const struct checkpoint *checkpoint, const struct composed *composed,
                       int64_t first, int64_t rows, struct error *err)
{
    const struct tensor_info *part = &composed->parts[2];
    int64_t groups = composed->cols / composed->ints.group;
    int bits = composed->ints.bits;
    if (composed->ints.shared)
        first = 0, rows = 1;
    int64_t from = composed->ints.packed ? first * bits / 32 : first;
    int64_t to = composed->ints.packed ? words_of(first + rows, bits) : first + rows;
    int64_t size = composed->ints.packed ? 4 : 1, stride = groups * size;
    int *zeros = array_alloc((size_t)(rows * groups), sizeof *zeros, err);
    unsigned char *stored = zeros ? part_read(checkpoint, part, (uint64_t)(from * stride),
                                              (uint64_t)((to - from) * stride), err)
                                  : NULL;
    for (int64_t i = 0; stored && i < rows; i++)
        for (int64_t g = 0; g < groups; g++) {
            int64_t bit = (first + i) * bits - from * 32; /* in the column's stream of words */
            const unsigned char *word = stored + bit / 32 * stride + g * size;
            zeros[i * groups + g] = composed->ints.packed ? unpack(word, bit % 32 / bits, bits)
                                                          : (int8_t)stored[i * groups + g];
        }
    if (!stored) {
        free(zeros);
        zeros = NULL;
    }
    free(stored);
    return zeros;
}

static int read_rows(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    int64_t cols = composed->cols, group = composed->ints.group, groups = cols / group;
    int bits = composed->ints.bits;
    bool shared = composed->ints.shared, packed = composed->ints.packed;
    int64_t stride = packed ? words_of(cols, bits) * 4 : cols;
    unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(first * stride),
                                     (uint64_t)(rows * stride), err);
    float *scales =
        codes ? part_read_f32(checkpoint, &composed->parts[1], shared ? 0 : first * groups,
                              (shared ? 1 : rows) * groups, err)
              : NULL;
    int *zeros = NULL;
    if (scales && composed->ints.zeros)
        zeros = read_zeros(checkpoint, composed, first, rows, err);
    int status = scales && (zeros || !composed->ints.zeros) ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < rows; i++) {
        const unsigned char *row = codes + i * stride;
        int64_t of = shared ? 0 : i * groups;
        for (int64_t j = 0; j < cols; j++) {
            int code = packed ? unpack(row, j, bits) : (int8_t)row[j];
            int zero = zeros ? zeros[of + j / group] : 0;
            out[i * cols + j] = (float)(code - zero) * scales[of + j / group];
        }
    }
    free(zeros);
    free(scales);
    free(codes);
    return status;
}

/* --- what belongs together --- */

/* How the scales lie: one for all, one a row, or as many a row as there are groups. */
static bool read_grid(struct composed *composed, const struct tensor_info *scales)
{
    int64_t groups = scales->rank == 2 ? scales->shape[1] : 1;
    composed->ints.shared = scales->elements == 1 && composed->rows > 1;
    bool rows = scales->elements == 1 ||
                (scales->rank >= 1 && scales->rank <= 2 && scales->shape[0] == composed->rows);
    if (!rows || groups < 1 || composed->cols % groups != 0)
        return false;
    composed->ints.group = composed->cols / groups;
    return true;
}

static bool zeros_fit(const struct composed *composed, const struct tensor_info *scales,
                      const struct tensor_info *zeros)
{
    int64_t rows = composed->ints.shared ? 1 : composed->rows;
    int64_t groups = composed->cols / composed->ints.group;
    if (composed->ints.packed)
        return strcmp(zeros->dtype_name, "I32") == 0 && zeros->rank == 2 &&
               zeros->shape[0] == words_of(rows, composed->ints.bits) &&
               zeros->shape[1] == groups && zeros->bytes == (uint64_t)zeros->elements * 4;
    return strcmp(zeros->dtype_name, "I8") == 0 && zeros->elements == scales->elements &&
           zeros->bytes == (uint64_t)zeros->elements;
}

/* What both forms have in common, when rows, cols and bits are known. */
static enum composing_end complete(struct composing *making, const struct tensor_info *scales,
                                   const struct tensor_info *zeros, const char **refusal)
{
    struct composed *composed = making->composed;
    *refusal = "scales of no known type";
    if (scales->dtype != DTYPE_F32 && scales->dtype != DTYPE_F16 && scales->dtype != DTYPE_BF16)
        return COMPOSING_REFUSED;
    *refusal = "scales of another shape";
    if (!read_grid(composed, scales))
        return COMPOSING_REFUSED;
    *refusal = "zero points of another shape";
    if (zeros && !zeros_fit(composed, scales, zeros))
        return COMPOSING_REFUSED;
    *refusal = NULL;
    composed->read = read_rows;
    composed->ints.zeros = zeros;
    composed->unit = composed->cols;
    composed->elements = composed->rows * composed->cols;
    making->whole.rank = 2;
    making->whole.shape[0] = composed->rows;
    making->whole.shape[1] = composed->cols;
    composing_add(making, scales);
    composing_add(making, zeros);
    composing_add(making, composing_beside(making, ".weight", ".input_scale"));
    composing_add(making, composing_beside(making, ".weight", ".input_zero_point"));
    if (composed->ints.group < composed->cols)
        snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "INT%d g%lld",
                 composed->ints.bits, (long long)(composed->ints.group % 100000000));
    else
        snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "INT%d %s",
                 composed->ints.bits, composed->ints.shared ? "scaled" : "rows");
    return COMPOSING_DONE;
}

enum composing_end compose_int8(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    const struct tensor_info *scales = composing_beside(making, "", "_scale");
    struct composed *composed = making->composed;
    (void)err;
    if (!scales || strcmp(codes->dtype_name, "I8") != 0 || codes->rank != 2 ||
        codes->elements == 0 || codes->bytes != (uint64_t)codes->elements)
        return COMPOSING_NOT_MINE;
    composed->ints.bits = 8;
    composed->rows = codes->shape[0];
    composed->cols = codes->shape[1];
    return complete(making, scales, composing_beside(making, "", "_zero_point"), refusal);
}

/* The two numbers of X_shape; false: they are not, or not ones that can be. */
static int read_shape(struct composing *making, const struct tensor_info *shape, struct error *err)
{
    struct composed *composed = making->composed;
    bool wide = strcmp(shape->dtype_name, "I64") == 0;
    size_t size = wide ? 8 : 4;
    int64_t sides[2];
    if ((!wide && strcmp(shape->dtype_name, "I32") != 0) || shape->elements != 2 ||
        shape->bytes != 2 * size)
        return 0;
    unsigned char *bytes = part_read(making->checkpoint, shape, 0, 2 * size, err);
    if (!bytes)
        return -1;
    for (int i = 0; i < 2; i++) {
        int32_t narrow;
        memcpy(&sides[i], bytes + (size_t)i * size, size);
        memcpy(&narrow, bytes + (size_t)i * size, sizeof narrow);
        sides[i] = wide ? sides[i] : narrow;
    }
    free(bytes);
    composed->rows = sides[0];
    composed->cols = sides[1];
    return sides[0] > 0 && sides[1] > 0 && sides[1] < 1 << 30;
}

/* The one number of bits that makes so many words of a row; 0: none, or several. */
static int bits_of(int64_t cols, int64_t words)
{
    static const int known[] = {2, 4, 8};
    int found = 0, count = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (words_of(cols, known[i]) == words) {
            found = known[i];
            count++;
        }
    return count == 1 ? found : 0;
}

enum composing_end compose_packed(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    const struct tensor_info *scales = composing_beside(making, "_packed", "_scale");
    const struct tensor_info *shape = composing_beside(making, "_packed", "_shape");
    struct composed *composed = making->composed;
    if (!scales || !shape || strcmp(codes->dtype_name, "I32") != 0 || codes->rank != 2 ||
        codes->elements == 0 || codes->bytes != (uint64_t)codes->elements * 4)
        return COMPOSING_NOT_MINE;
    int read = read_shape(making, shape, err);
    if (read < 0)
        return COMPOSING_FAILED;
    *refusal = "codes of another shape";
    if (read == 0 || composed->rows != codes->shape[0])
        return COMPOSING_REFUSED;
    *refusal = "codes of unknown bits";
    composed->ints.bits = bits_of(composed->cols, codes->shape[1]);
    composed->ints.packed = true;
    if (composed->ints.bits == 0)
        return COMPOSING_REFUSED;
    *refusal = "codes in another order";
    if (composing_beside(making, "_packed", "_g_idx"))
        return COMPOSING_REFUSED;
    making->name[strlen(making->name) - strlen("_packed")] = '\0';
    *refusal = "codes beside their weight";
    if (composing_beside(making, "_packed", ""))
        return COMPOSING_REFUSED;
    enum composing_end end =
        complete(making, scales, composing_beside(making, "_packed", "_zero_point"), refusal);
    if (end == COMPOSING_DONE)
        composing_add(making, shape);
    return end;
}
