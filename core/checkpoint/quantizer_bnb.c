/* bitsandbytes' weights, as transformers stores them. In 4 bits, of any shape:
 *
 *     X                                      the codes, two a byte, the upper half first; bytes, or
 *                                            as many in another type (bnb_4bit_quant_storage)
 *     X.quant_map                            F32 [16]: what a code stands for
 *     X.absmax                               F32, one for each `blocksize` elements
 *     X.quant_state.bitsandbytes__nf4, fp4   U8: JSON with "blocksize", "dtype", "shape", ...
 *
 *     w[i] = quant_map[code[i]] * absmax[i / blocksize]     in fp32, then rounded to "dtype"
 *
 * With double quantisation X.absmax is U8 and stands for
 *
 *     absmax[b] = nested_quant_map[X.absmax[b]] * nested_absmax[b / nested_blocksize] + nested_offset
 *
 * with X.nested_absmax F32, X.nested_quant_map F32 [256]. In 8 bits:
 *
 *     X.weight                               I8 [rows, cols]
 *     X.SCB                                  F32 [rows]
 *     X.weight_format                        U8: 0, row by row, is what files have
 *
 *     w[i, j] = code[i, j] * SCB[i] * (1 / 127)             in fp32, in this order
 */
#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 1 << 16 };

/* Where a 4-bit weight's parts are among those of struct composed. */
enum { CODES, ABSMAX, MAP, STATE, NESTED_ABSMAX, NESTED_MAP };

/* --- 4 bits: reading --- */

static int64_t blocks_of(int64_t elements, int64_t block)
{
    return (elements + block - 1) / block;
}

/* The absmax of blocks [first, first + count), newly allocated. */
static float *read_nested(const struct checkpoint *checkpoint, const struct composed *composed,
                          int64_t first, int64_t count, struct error *err)
{
    const struct tensor_info *parts = composed->parts;
    int64_t nested = composed->bnb.nested, from = first / nested;
    int64_t groups = (first + count - 1) / nested - from + 1;
    float *scales = NULL, *map = NULL, *out = NULL;
    unsigned char *codes =
        part_read(checkpoint, &parts[ABSMAX], (uint64_t)first, (uint64_t)count, err);
    if (codes)
        scales = part_read_f32(checkpoint, &parts[NESTED_ABSMAX], from, groups, err);
    if (scales)
        map = part_read_f32(checkpoint, &parts[NESTED_MAP], 0, 256, err);
    if (map)
        out = array_alloc((size_t)count, sizeof *out, err);
    for (int64_t i = 0; out && i < count; i++) {
        float product = map[codes[i]] * scales[(first + i) / nested - from];
        out[i] = product + composed->bnb.offset;
    }
    free(map);
    free(scales);
    free(codes);
    return out;
}

/* A unit is a block of elements with one scale; the last one may be short. */
static int read_blocks(const struct checkpoint *checkpoint, const struct composed *composed,
                       int64_t first, int64_t units, float *out, struct error *err)
{
    int64_t block = composed->bnb.block, at = first * block, count = units * block;
    if (count > composed->elements - at)
        count = composed->elements - at;
    unsigned char *codes = part_read(checkpoint, &composed->parts[CODES], (uint64_t)at / 2,
                                     ((uint64_t)count + 1) / 2, err);
    float *absmax = NULL;
    if (codes)
        absmax = composed->bnb.nested > 0
                     ? read_nested(checkpoint, composed, first, units, err)
                     : part_read_f32(checkpoint, &composed->parts[ABSMAX], first, units, err);
    for (int64_t i = 0; absmax && i < count; i++) {
        unsigned code = i % 2 ? codes[i / 2] & 15u : codes[i / 2] >> 4;
        out[i] = composing_round(composed->bnb.map[code] * absmax[i / block], composed->bnb.dtype);
    }
    int status = absmax ? 0 : -1;
    free(absmax);
    free(codes);
    return status;
}

/* --- 4 bits: what the files say --- */

static bool is_plain(const struct tensor_info *tensor, enum dtype dtype, int64_t elements)
{
    return tensor && tensor->dtype == dtype && tensor->elements == elements;
}

static bool is_bytes(const struct tensor_info *tensor, int64_t elements)
{
    return tensor && strcmp(tensor->dtype_name, "U8") == 0 && tensor->elements == elements &&
           tensor->bytes == (uint64_t)elements;
}

/* The JSON of the state; NULL: there is none that can be read, which is a refusal. */
static cJSON *read_state(const struct composing *making, const struct tensor_info *state)
{
    if (!is_bytes(state, state->elements) || state->bytes > STATE_MAX)
        return NULL;
    char *text = part_read(making->checkpoint, state, 0, state->bytes, NULL);
    cJSON *json =
        text ? json_parse(text, (size_t)state->bytes, JSON_STRICT, state->name, NULL) : NULL;
    free(text);
    return json;
}

/* The codes are stored flat, so the shape is what the state says, and must fit their bytes. */
static bool read_shape(struct composing *making, const cJSON *state)
{
    const cJSON *shape = json_get(state, "shape"), *side;
    struct tensor_info *whole = &making->whole;
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > TENSOR_RANK_MAX)
        return false;
    cJSON_ArrayForEach(side, shape)
    {
        if (!cJSON_IsNumber(side) || side->valuedouble < 1 || side->valuedouble > 1e15 ||
            side->valuedouble != (double)(int64_t)side->valuedouble)
            return false;
        whole->shape[whole->rank++] = (int64_t)side->valuedouble;
    }
    making->composed->elements = shape_elements(whole->shape, whole->rank);
    return whole->rank > 0 && making->composed->elements > 0 &&
           making->parts[0]->bytes == ((uint64_t)making->composed->elements + 1) / 2;
}

/* A block is a power of two from 32 to 4096, as bitsandbytes has them. */
static bool read_numbers(struct composing *making, const cJSON *state)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } types[] = {{"float32", DTYPE_F32}, {"float16", DTYPE_F16}, {"bfloat16", DTYPE_BF16}};
    struct composed *composed = making->composed;
    const char *dtype = "";
    int64_t block = 0;
    json_get_string(state, "dtype", &dtype);
    json_get_int64(state, "blocksize", &block);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(dtype, types[i].name) == 0)
            composed->bnb.dtype = types[i].dtype;
    composed->bnb.block = composed->unit = block;
    return block >= 32 && block <= 4096 && (block & (block - 1)) == 0 &&
           composed->bnb.dtype != DTYPE_UNSUPPORTED;
}

/* The scales, and with double quantisation theirs; `*nested` says whether there are. */
static bool add_scales(struct composing *making, const cJSON *state,
                       const struct tensor_info *state_tensor)
{
    struct composed *composed = making->composed;
    const struct tensor_info *absmax = composing_beside(making, "", ".absmax"),
                             *map = composing_beside(making, "", ".quant_map"),
                             *nested = composing_beside(making, "", ".nested_absmax"),
                             *nested_map = composing_beside(making, "", ".nested_quant_map");
    int64_t blocks = blocks_of(composed->elements, composed->bnb.block);
    double offset;
    if (!is_plain(map, DTYPE_F32, 16))
        return false;
    composing_add(making, absmax);
    composing_add(making, map);
    composing_add(making, state_tensor);
    if (!nested)
        return is_plain(absmax, DTYPE_F32, blocks);
    composing_add(making, nested);
    composing_add(making, nested_map);
    if (!json_get_int64(state, "nested_blocksize", &composed->bnb.nested) ||
        !json_get_double(state, "nested_offset", &offset) || composed->bnb.nested < 1 ||
        composed->bnb.nested > 1 << 20)
        return false;
    composed->bnb.offset = (float)offset;
    return is_bytes(absmax, blocks) &&
           is_plain(nested, DTYPE_F32, blocks_of(blocks, composed->bnb.nested)) &&
           is_plain(nested_map, DTYPE_F32, 256);
}

/* What the state says of its own type is what its name says; *refusal where it is not. */
static bool is_of_type(const cJSON *state, bool nf4, const char **refusal)
{
    const char *type = nf4 ? "nf4" : "fp4", *said = type;
    bool text = json_get_string(state, "quant_type", &said) ||
                !json_is_there(json_get(state, "quant_type"));
    if (text && strcmp(said, type) == 0)
        return true;
    *refusal = text && nf4 && strcmp(said, "fp4") == 0    ? "nf4 whose state says fp4"
               : text && !nf4 && strcmp(said, "nf4") == 0 ? "fp4 whose state says nf4"
                                                          : "a \"quant_type\" it is not of";
    return false;
}

enum composing_end compose_bnb4(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *nf4 = composing_beside(making, "", ".quant_state.bitsandbytes__nf4");
    const struct tensor_info *tensor =
        nf4 ? nf4 : composing_beside(making, "", ".quant_state.bitsandbytes__fp4");
    if (!tensor)
        return COMPOSING_NOT_MINE;
    cJSON *state = read_state(making, tensor);
    *refusal = "a \"quant_state\" it is not of";
    bool good = read_shape(making, state) && read_numbers(making, state) &&
                add_scales(making, state, tensor) && is_of_type(state, nf4, refusal);
    cJSON_Delete(state);
    if (!good)
        return COMPOSING_REFUSED;
    *refusal = NULL;
    float *map = part_read_f32(making->checkpoint, making->parts[MAP], 0, 16, err);
    if (!map)
        return COMPOSING_FAILED;
    memcpy(making->composed->bnb.map, map, sizeof making->composed->bnb.map);
    free(map);
    if (!nf4 && making->composed->bnb.map[8] == 0)
        making->composed->bnb.map[8] = -0.0F; /* sign bit and no more: the kernels keep it */
    making->composed->read = read_blocks;
    char how[64];
    snprintf(how, sizeof how, "%s %lld%s", nf4 ? "NF4" : "FP4",
             (long long)making->composed->bnb.block,
             making->composed->bnb.nested > 0 ? " double" : "");
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "%.15s", how);
    return COMPOSING_DONE;
}

/* --- 8 bits --- */

/* 8 bits: w = code * scale / 127, with the reciprocal that bitsandbytes multiplies by. */
static int read_rows(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    int64_t cols = composed->cols;
    signed char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(first * cols),
                                   (uint64_t)(rows * cols), err);
    float *scales = codes ? part_read_f32(checkpoint, &composed->parts[1], first, rows, err) : NULL;
    for (int64_t i = 0; scales && i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            float product = (float)codes[i * cols + j] * scales[i];
            out[i * cols + j] = product * 7.874015718698502e-3f;
        }
    int status = scales ? 0 : -1;
    free(scales);
    free(codes);
    return status;
}

/* NOT_MINE where this is not LLM.int8's layout at all, REFUSED where it is and cannot be read. */
enum composing_end compose_bnb8(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    const struct tensor_info *scales = composing_beside(making, ".weight", ".SCB");
    const struct tensor_info *format = composing_beside(making, ".weight", ".weight_format");
    struct composed *composed = making->composed;
    unsigned char *layout = NULL;
    if (!scales || strcmp(codes->dtype_name, "I8") != 0 || codes->rank != 2 ||
        codes->elements == 0 || codes->bytes != (uint64_t)codes->elements)
        return COMPOSING_NOT_MINE;
    *refusal = "scales of another shape";
    if (!is_plain(scales, DTYPE_F32, codes->shape[0]))
        return COMPOSING_REFUSED;
    *refusal = "codes of another layout";
    if (format && !is_bytes(format, 1))
        return COMPOSING_REFUSED;
    if (format && !(layout = part_read(making->checkpoint, format, 0, 1, err)))
        return COMPOSING_FAILED;
    bool by_rows = !layout || layout[0] == 0;
    free(layout);
    if (!by_rows)
        return COMPOSING_REFUSED;
    *refusal = NULL;
    composed->read = read_rows;
    composed->rows = making->whole.shape[0] = codes->shape[0];
    composed->cols = composed->unit = making->whole.shape[1] = codes->shape[1];
    composed->elements = codes->elements;
    making->whole.rank = 2;
    composing_add(making, scales);
    composing_add(making, format);
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "LLM.int8");
    return COMPOSING_DONE;
}
