/* 4-bit floats with scales beside them: NVFP4, as ModelOpt and compressed-tensors store it, and the
 * latter's MXFP4:
 *
 *     X, X_scale, X_scale_2                    ModelOpt's NVFP4
 *     X, X_weight_scale, X_weight_scale_2      the same of the experts of Llama 4 and gpt-oss
 *     X_packed, X_scale, X_global_scale        compressed-tensors' ("nvfp4-pack-quantized")
 *     X_packed, X_scale                        its MXFP4 ("mxfp4-pack-quantized")
 *
 *     codes         U8 [rows, cols / 2], or as many matrices [n, rows, cols / 2]: two a byte, the lower
 *                   half first
 *     X_scale       [..., rows, cols / group]; NVFP4: F8_E4M3, group 16; MXFP4: E8M0 as U8, group 32
 *     the other     F32, one number, or one a matrix
 *
 * Those experts lie [n, in, out], and are quantised along "in": codes [n, in / 2, out], scales
 * [n, in / group, out]; what stands here of columns holds for their rows (ModelOpt 0.47,
 * unified_export_hf.py, _export_quantized_weight()).
 *
 *     w[i, j] = e2m1[code[i, j]] * (scale[i, j / group] * scale_2)         ModelOpt
 *     w[i, j] = e2m1[code[i, j]] * (scale[i, j / group] / global_scale)    compressed-tensors
 *
 * in fp32; both tools round the result once more, to the type of the model. What stands beside for the
 * activations (.input_scale, .input_global_scale) says nothing of the weight. */
#include "base/memory.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NV_GROUP = 16, MX_GROUP = 32 };

static int read_rows(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    const struct tensor_info *of_all = &composed->parts[2];
    int64_t cols = composed->cols, group = composed->fp4.group, groups = cols / group;
    bool nv = group == NV_GROUP;
    float *whole = NULL; /* [matrices], or one */
    unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(first * cols / 2),
                                     (uint64_t)(rows * cols / 2), err);
    unsigned char *scales =
        codes ? part_read(checkpoint, &composed->parts[1], (uint64_t)(first * groups),
                          (uint64_t)(rows * groups), err)
              : NULL;
    if (scales && composed->fp4.whole)
        whole = part_read_f32(checkpoint, of_all, 0, of_all->elements, err);
    int status = scales && (whole || !composed->fp4.whole) ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < rows; i++) {
        int64_t matrix = (first + i) / composed->rows;
        float factor = whole ? whole[of_all->elements > 1 ? matrix : 0] : 1;
        for (int64_t g = 0; g < groups; g++) {
            unsigned stored = scales[i * groups + g];
            float scale = nv ? e4m3_to_float(stored) : e8m0_to_float(stored);
            scale = composed->fp4.divides ? scale / factor : scale * factor;
            for (int64_t j = g * group; j < (g + 1) * group; j++) {
                unsigned pair = codes[(i * cols + j) / 2];
                out[i * cols + j] = e2m1_to_float(j % 2 ? pair >> 4 : pair & 15u) * scale;
            }
        }
    }
    free(whole);
    free(scales);
    free(codes);
    return status;
}

/* Pairs and groups run down the rows; rows of a matrix are whole groups, so rows of all matrices are,
 * too. */
static int read_down(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    const struct tensor_info *of_all = &composed->parts[2];
    int64_t cols = composed->cols, group = composed->fp4.group, last = first + rows - 1;
    int64_t pair = first / 2, pairs = last / 2 - pair + 1;
    int64_t line = first / group, lines = last / group - line + 1;
    unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(pair * cols),
                                     (uint64_t)(pairs * cols), err);
    unsigned char *scales = codes
                                ? part_read(checkpoint, &composed->parts[1],
                                            (uint64_t)(line * cols), (uint64_t)(lines * cols), err)
                                : NULL;
    float *whole = scales ? part_read_f32(checkpoint, of_all, 0, of_all->elements, err) : NULL;
    for (int64_t i = 0; whole && i < rows; i++) {
        int64_t row = first + i;
        float factor = whole[of_all->elements > 1 ? row / composed->rows : 0];
        for (int64_t j = 0; j < cols; j++) {
            unsigned code = codes[(row / 2 - pair) * cols + j];
            float scale = e4m3_to_float(scales[(row / group - line) * cols + j]) * factor;
            out[i * cols + j] = e2m1_to_float(row % 2 ? code >> 4 : code & 15u) * scale;
        }
    }
    int status = whole ? 0 : -1;
    free(whole);
    free(scales);
    free(codes);
    return status;
}

static bool is_type(const struct tensor_info *tensor, const char *name)
{
    return tensor && strcmp(tensor->dtype_name, name) == 0;
}

/* The scales have the shape of the codes but for the side of pairs and groups, which gives the
 * group. */
static int64_t group_of(const struct tensor_info *codes, const struct tensor_info *scales, int side)
{
    int64_t all = codes->shape[side] * 2;
    bool fits = scales->rank == codes->rank && scales->shape[side] > 0 &&
                all % scales->shape[side] == 0 && scales->bytes == (uint64_t)scales->elements;
    for (int i = 0; fits && i < codes->rank; i++)
        fits = i == side || scales->shape[i] == codes->shape[i];
    return fits ? all / scales->shape[side] : 0;
}

enum composing_end compose_fp4(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    struct composed *composed = making->composed;
    bool packed = composing_beside(making, "_packed", "_scale") != NULL;
    bool down = composing_beside(making, "", "_weight_scale_2") != NULL && codes->rank == 3;
    const struct tensor_info *scales =
        down ? composing_beside(making, "", "_weight_scale")
             : composing_beside(making, packed ? "_packed" : "", "_scale");
    const struct tensor_info *whole = down ? composing_beside(making, "", "_weight_scale_2")
                                      : packed
                                          ? composing_beside(making, "_packed", "_global_scale")
                                          : composing_beside(making, "", "_scale_2");
    int side = codes->rank - 1 - down;
    bool nv = whole && is_type(scales, "F8_E4M3");
    bool mx = packed && !whole && (is_type(scales, "U8") || is_type(scales, "F8_E8M0"));
    (void)err;
    if (!is_type(codes, "U8") || (codes->rank != 2 && codes->rank != 3) || codes->elements == 0 ||
        codes->bytes != (uint64_t)codes->elements || codes->elements > INT64_MAX / 2 ||
        (!nv && !mx))
        return COMPOSING_NOT_MINE;
    composed->fp4.group = group_of(codes, scales, side);
    *refusal = "scales of another shape";
    if (composed->fp4.group != (nv ? NV_GROUP : MX_GROUP))
        return COMPOSING_REFUSED;
    int64_t matrices = codes->rank == 3 ? codes->shape[0] : 1;
    *refusal = "scales of no known type";
    if (whole &&
        (whole->dtype != DTYPE_F32 || (whole->elements != 1 && whole->elements != matrices)))
        return COMPOSING_REFUSED;
    if (packed)
        making->name[strlen(making->name) - strlen("_packed")] = '\0';
    *refusal = "codes beside their weight";
    if (packed && composing_beside(making, "_packed", ""))
        return COMPOSING_REFUSED;
    *refusal = NULL;
    making->whole.rank = codes->rank;
    memcpy(making->whole.shape, codes->shape, sizeof codes->shape);
    making->whole.shape[side] *= 2;
    composed->read = down ? read_down : read_rows;
    composed->fp4.whole = whole;
    composed->fp4.divides = packed;
    composed->rows = making->whole.shape[codes->rank - 2];
    composed->cols = composed->unit = making->whole.shape[codes->rank - 1];
    composed->elements = codes->elements * 2;
    composing_add(making, scales);
    composing_add(making, whole);
    composing_add(making, composing_beside(making, down ? "" : ".weight",
                                           down ? "_input_scale" : ".input_scale"));
    composing_add(making, composing_beside(making, ".weight_packed", ".input_global_scale"));
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, nv ? "NVFP4" : "MXFP4");
    return COMPOSING_DONE;
}
