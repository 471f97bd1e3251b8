/* 8-bit floats with scales, as DeepSeek, transformers, vLLM, compressed-tensors and ModelOpt store
 * them:
 *
 *     X                          F8_E4M3 or F8_E5M2 [rows, cols], or as many matrices [n, rows, cols]
 *     X_scale_inv, or X_scale;   what codes are multiplied by: one number; [rows] or [rows, 1]; or
 *     X_weight_scale of experts  one a block, [ceil(rows / a), ceil(cols / b)], where config.json
 *     that are a parameter       says a and b
 *
 *     w[i, j] = code[i, j] * scale[i / a, j / b]     in fp32
 *
 * Scales are F32, F16, BF16, or powers of two: F8_E8M0 (U8 is taken for it). What stands beside for
 * the activations (X's module .input_scale) says nothing of the weight. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* E5M2 is the upper half of a binary16. */
static void fill_table(float table[256], bool e5m2)
{
    for (unsigned i = 0; i < 256; i++)
        table[i] = e5m2 ? f16_to_float((uint16_t)(i << 8)) : e4m3_to_float(i);
}

static bool is_exponent(const struct tensor_info *scales)
{
    return strcmp(scales->dtype_name, "F8_E8M0") == 0 || strcmp(scales->dtype_name, "U8") == 0;
}

/* Rows of the grid of scales, [count * grid_cols]. */
static float *read_scales(const struct checkpoint *checkpoint, const struct composed *composed,
                          int64_t first, int64_t count, struct error *err)
{
    const struct tensor_info *scales = &composed->parts[1];
    int64_t at = first * composed->fp8.grid_cols, n = count * composed->fp8.grid_cols;
    if (!is_exponent(scales))
        return part_read_f32(checkpoint, scales, at, n, err);
    unsigned char *codes = part_read(checkpoint, scales, (uint64_t)at, (uint64_t)n, err);
    float *values = codes ? array_alloc((size_t)n, sizeof *values, err) : NULL;
    for (int64_t i = 0; values && i < n; i++)
        values[i] = e8m0_to_float(codes[i]);
    free(codes);
    return values;
}

static int64_t grid_row(const struct composed *composed, int64_t row)
{
    int64_t matrix = row / composed->rows, inside = row % composed->rows;
    return matrix * composed->fp8.grid_rows + inside / composed->fp8.block_rows;
}

/* All 256 values of a code are tabulated first; the scales of the rows in question lie in one
 * stretch. */
static int read_rows(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    float table[256];
    int64_t cols = composed->cols, block = composed->fp8.block_cols;
    int64_t from = grid_row(composed, first), to = grid_row(composed, first + rows - 1);
    unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(first * cols),
                                     (uint64_t)(rows * cols), err);
    float *scales = codes ? read_scales(checkpoint, composed, from, to - from + 1, err) : NULL;
    fill_table(table, strcmp(composed->parts[0].dtype_name, "F8_E5M2") == 0);
    for (int64_t i = 0; scales && i < rows; i++) {
        const float *of = scales + (grid_row(composed, first + i) - from) * composed->fp8.grid_cols;
        for (int64_t j = 0; j < cols; j++)
            out[i * cols + j] = table[codes[i * cols + j]] * of[j / block];
    }
    int status = scales ? 0 : -1;
    free(scales);
    free(codes);
    return status;
}

/* --- what a block is --- */

/* "weight_block_size": [a, b], or compressed-tensors' "block_structure" of its groups, which must
 * agree; 0: not said. That they are such numbers is checked for all (compose.c). Is it said of every
 * weight? A group without one has scales of another kind. */
static bool find_block(const struct checkpoint *checkpoint, int64_t block[2])
{
    const cJSON *config = quantization_config(checkpoint), *group;
    const cJSON *said = json_get(config, "weight_block_size");
    bool all = true;
    cJSON_ArrayForEach(group, json_get(config, "config_groups"))
    {
        const cJSON *of = json_get(json_get(group, "weights"), "block_structure");
        if (cJSON_IsArray(said) && cJSON_IsArray(of) && !cJSON_Compare(said, of, true))
            return false;
        said = cJSON_IsArray(of) ? of : said;
        all = all && cJSON_IsArray(of);
    }
    for (int i = 0; cJSON_IsArray(said) && i < 2; i++) {
        const cJSON *side = cJSON_GetArrayItem(said, i);
        if (cJSON_IsNumber(side) && side->valuedouble >= 1 &&
            side->valuedouble <= QUANTIZATION_BLOCK_MAX)
            block[i] = (int64_t)side->valuedouble;
    }
    return all && block[0] > 0 && block[1] > 0;
}

/* How many elements share a scale along a side that has `grid` scales; 0: that cannot be. */
static int64_t block_of(int64_t side, int64_t grid, int64_t said)
{
    if (grid == 1)
        return side;
    if (grid == side)
        return 1;
    return said > 0 && (side + said - 1) / said == grid ? said : 0;
}

static bool read_grid(struct composed *composed, const struct tensor_info *scales,
                      int matrices_rank)
{
    int rank = scales->rank;
    int64_t matrices = composed->elements / (composed->rows * composed->cols);
    composed->fp8.grid_rows = composed->fp8.grid_cols = 1;
    if (scales->elements == matrices) /* one a matrix */
        return true;
    if (rank == matrices_rank - 1)
        composed->fp8.grid_rows = scales->shape[rank - 1];
    else if (rank == matrices_rank) {
        composed->fp8.grid_rows = scales->shape[rank - 2];
        composed->fp8.grid_cols = scales->shape[rank - 1];
    } else
        return false;
    return matrices_rank == 2 || scales->shape[0] == matrices;
}

static void put_shape(struct buffer *out, const int64_t *shape, int rank)
{
    for (int i = 0; i < rank; i++)
        buffer_format(out, "%s%lld", i > 0 ? "," : "[", (long long)shape[i]);
    buffer_text(out, rank > 0 ? "]" : "[]");
}

/* Has each block that is said of all weights its scale, and each scale its block? Else the scales
 * are of blocks of another size, and one of the two files does not tell the truth. */
static bool are_of_blocks(struct composing *making, const struct tensor_info *scales,
                          const int64_t block[2])
{
    const struct tensor_info *codes = making->parts[0];
    int rank = codes->rank;
    int64_t shape[3] = {codes->shape[0]}, *grid = shape + rank - 2, count = 1;
    for (int i = 0; i < 2; i++)
        grid[i] = (codes->shape[rank - 2 + i] + block[i] - 1) / block[i];
    for (int i = 0; i < rank; i++)
        count *= shape[i];
    if (scales->elements == count && making->composed->fp8.grid_rows == grid[0] &&
        making->composed->fp8.grid_cols == grid[1])
        return true;
    struct buffer why = BUFFER_INIT;
    buffer_text(&why, ": they are ");
    put_shape(&why, scales->shape, scales->rank);
    buffer_text(&why, ", where codes of ");
    put_shape(&why, codes->shape, rank);
    buffer_format(&why, " in blocks of [%lld,%lld], as config.json says, have ",
                  (long long)block[0], (long long)block[1]);
    put_shape(&why, shape, rank);
    utf8_copy(making->why, sizeof making->why, buffer_string(&why));
    buffer_free(&why);
    return false;
}

/* "fmt": the type of the codes. What it does not name is another type's, as "e4m3fnuz", whose bias
 * is another. */
static bool are_of_format(struct composing *making)
{
    static const char *const e4m3[] = {"e4m3", "e4m3fn", "float8_e4m3fn", NULL};
    static const char *const e5m2[] = {"e5m2", "float8_e5m2", NULL};
    const cJSON *said = json_get(quantization_config(making->checkpoint), "fmt");
    const char *dtype = making->parts[0]->dtype_name, *name = cJSON_GetStringValue(said);
    if (!json_is_there(said) ||
        (name && text_is_one_of(name, strcmp(dtype, "F8_E5M2") == 0 ? e5m2 : e4m3)))
        return true;
    char *text = cJSON_PrintUnformatted(said);
    snprintf(making->why, sizeof making->why, ", which is %.80s, and these are %s",
             text ? text : "?", dtype);
    utf8_sanitize(making->why);
    cJSON_free(text);
    return false;
}

/* As the table of scores shows it: the type of the codes and how far a scale reaches. */
static void name_type(struct composing *making)
{
    const struct composed *composed = making->composed;
    int64_t a = composed->fp8.block_rows, b = composed->fp8.block_cols;
    bool rows = a == 1 && b == composed->cols, all = a == composed->rows && b == composed->cols;
    char how[64];
    int length = snprintf(how, sizeof how, "%lldx%lld", (long long)a, (long long)b);
    if (rows || all || length > 7)
        snprintf(how, sizeof how, "%s", all ? "scaled" : rows ? "rows" : "blocks");
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "%.7s %.7s",
             making->parts[0]->dtype_name, how);
}

static const struct tensor_info *find_scales(const struct composing *making)
{
    static const char *const suffixes[] = {"_scale_inv", "_scale", "_weight_scale"};
    const struct tensor_info *scales = NULL;
    for (size_t i = 0; !scales && i < sizeof suffixes / sizeof *suffixes; i++)
        scales = composing_beside(making, "", suffixes[i]);
    return scales;
}

/* First what kind of scales there are, then how large a block of one is, from the shapes or, where
 * the last block is cut, from config.json; which must agree with the shapes in what it says. */
enum composing_end compose_fp8(struct composing *making, const char **refusal, struct error *err)
{
    static const char *const types[] = {"F8_E4M3", "F8_E5M2", NULL};
    const struct tensor_info *codes = making->parts[0];
    struct composed *composed = making->composed;
    int64_t block[2] = {0, 0};
    bool all;
    (void)err;
    if ((codes->rank != 2 && codes->rank != 3) || !text_is_one_of(codes->dtype_name, types) ||
        codes->elements == 0 || codes->bytes != (uint64_t)codes->elements)
        return COMPOSING_NOT_MINE;
    const struct tensor_info *scales = find_scales(making);
    *refusal = !scales ? "codes without their scales" : "scales of no known type";
    if (!scales || (dtype_traits(scales->dtype)->block_bytes == 0 && !is_exponent(scales)) ||
        scales->dtype == DTYPE_F64 ||
        (is_exponent(scales) && scales->bytes != (uint64_t)scales->elements))
        return COMPOSING_REFUSED;
    *refusal = "codes of another \"fmt\"";
    if (!are_of_format(making))
        return COMPOSING_REFUSED;
    composed->rows = codes->shape[codes->rank - 2];
    composed->cols = composed->unit = codes->shape[codes->rank - 1];
    composed->elements = codes->elements;
    if (scales->elements == 1) /* of all matrices, which are as one then */
        composed->rows = codes->elements / composed->cols;
    all = find_block(making->checkpoint, block);
    *refusal = "scales of another shape";
    if (!read_grid(composed, scales, codes->rank) || (all && !are_of_blocks(making, scales, block)))
        return COMPOSING_REFUSED;
    composed->fp8.block_rows = block_of(composed->rows, composed->fp8.grid_rows, block[0]);
    composed->fp8.block_cols = block_of(composed->cols, composed->fp8.grid_cols, block[1]);
    if (composed->fp8.block_rows == 0 || composed->fp8.block_cols == 0) {
        if (block[0] == 0)
            *refusal = "no \"weight_block_size\"";
        return COMPOSING_REFUSED;
    }
    *refusal = NULL;
    composed->read = read_rows;
    making->whole.rank = codes->rank;
    memcpy(making->whole.shape, codes->shape, sizeof codes->shape);
    composing_add(making, scales);
    composing_add(making, composing_beside(making, ".weight", ".input_scale"));
    composing_add(making, composing_beside(making, ".weight", ".activation_scale"));
    composing_add(making, composing_beside(making, "", "_input_scale"));
    name_type(making);
    return COMPOSING_DONE;
}
