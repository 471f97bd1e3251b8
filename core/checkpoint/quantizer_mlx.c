/* MLX's affine quantisation, as mlx-lm stores it:
 *
 *     X.weight     U32 [..., rows, cols * bits / 32]: a row's codes as one stream of bits, the
 *                  lowest first
 *     X.scales     F32, F16 or BF16 [..., rows, cols / group]
 *     X.biases     as X.scales
 *
 *     w[i, j] = scale[i, j / group] * code[i, j] + bias[i, j / group]
 *
 * with product and sum each rounded to the scales' type, as mlx.core.dequantize() has it on the CPU.
 * `bits` (2, 3, 4, 5, 6, 8) and `group` are config.json's, in "quantization", where a module may
 * have its own:
 *
 *     "quantization": {"group_size": 64, "bits": 4, "mode": "affine",
 *                      "model.layers.0.mlp.down_proj": {"group_size": 64, "bits": 8}}
 */
#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row's group of codes, from bit `at` of the stream on. */
static void unpack(const unsigned char *stream, int64_t at, int bits, int64_t count, float scale,
                   float bias, enum dtype dtype, float *out)
{
    unsigned mask = (1u << bits) - 1;
    for (int64_t i = 0; i < count; i++, at += bits) {
        int64_t byte = at >> 3;
        int shift = (int)(at & 7);
        unsigned word = stream[byte];
        if (shift + bits > 8)
            word |= (unsigned)stream[byte + 1] << 8;
        float product = composing_round(scale * (float)(word >> shift & mask), dtype);
        out[i] = composing_round(product + bias, dtype);
    }
}

/* A row's codes are one stream of bits, in which a group may begin within a byte. */
static int read_rows(const struct checkpoint *checkpoint, const struct composed *composed,
                     int64_t first, int64_t rows, float *out, struct error *err)
{
    int bits = composed->mlx.bits;
    int64_t cols = composed->cols, group = composed->mlx.group, groups = cols / group;
    int64_t stride = cols * bits / 8;
    enum dtype dtype = composed->parts[1].dtype;
    unsigned char *codes = part_read(checkpoint, &composed->parts[0], (uint64_t)(first * stride),
                                     (uint64_t)(rows * stride), err);
    float *scales = NULL, *biases = NULL;
    if (codes)
        scales = part_read_f32(checkpoint, &composed->parts[1], first * groups, rows * groups, err);
    if (scales)
        biases = part_read_f32(checkpoint, &composed->parts[2], first * groups, rows * groups, err);
    for (int64_t i = 0; biases && i < rows; i++)
        for (int64_t g = 0; g < groups; g++)
            unpack(codes + i * stride, g * group * bits, bits, group, scales[i * groups + g],
                   biases[i * groups + g], dtype, out + i * cols + g * group);
    int status = biases ? 0 : -1;
    free(codes);
    free(scales);
    free(biases);
    return status;
}

/* --- what config.json says --- */

/* The settings of a module: its own where it has any, else those of all. */
static const cJSON *settings_of(const struct composing *making)
{
    char module[TENSOR_NAME_MAX + 1];
    const cJSON *config = making->checkpoint->metadata;
    const cJSON *all = json_get(config, "quantization");
    if (!cJSON_IsObject(all))
        all = json_get(config, "quantization_config"); /* mlx-lm writes it under both names */
    size_t length = strlen(making->name) - strlen(".weight");
    snprintf(module, sizeof module, "%.*s", (int)length, making->name);
    const cJSON *own = json_get(all, module);
    return !own || cJSON_IsTrue(own) ? all : own;
}

/* A module's own settings go before those of the model. */
static bool read_settings(const struct composing *making, int64_t *bits, int64_t *group,
                          const char **refusal)
{
    static const char *const affine[] = {"affine", NULL};
    const cJSON *settings = settings_of(making);
    const char *mode = json_is_there(json_get(settings, "mode")) ? "" : "affine";
    json_get_string(settings, "mode", &mode);
    *refusal = "a module said to be plain";
    if (cJSON_IsFalse(settings))
        return false;
    *refusal = "no \"quantization\" of MLX";
    if (!json_get_int64(settings, "bits", bits) || !json_get_int64(settings, "group_size", group))
        return false;
    *refusal = "MLX codes that are not affine";
    if (!text_is_one_of(mode, affine))
        return false;
    *refusal = "MLX codes of unknown bits";
    return (*bits >= 2 && *bits <= 6) || *bits == 8;
}

static bool same_shape(const struct tensor_info *a, const struct tensor_info *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof a->shape) == 0 &&
           a->dtype == b->dtype;
}

/* The shape of the weight, from that of its codes; false where the scales do not go with it. */
static bool find_shape(struct composing *making, int64_t bits, int64_t group,
                       const struct tensor_info *scales)
{
    const struct tensor_info *codes = making->parts[0];
    struct composed *composed = making->composed;
    int64_t words = codes->shape[codes->rank - 1], cols = words * 32 / bits;
    if (group < 8 || group > 1 << 20 || words * 32 % bits != 0 || cols % group != 0 ||
        scales->rank != codes->rank || scales->shape[scales->rank - 1] != cols / group)
        return false;
    for (int i = 0; i < codes->rank - 1; i++)
        if (scales->shape[i] != codes->shape[i])
            return false;
    making->whole.rank = codes->rank;
    memcpy(making->whole.shape, codes->shape, sizeof codes->shape);
    making->whole.shape[codes->rank - 1] = cols;
    composed->rows = codes->shape[codes->rank - 2];
    composed->cols = composed->unit = cols;
    composed->elements = shape_elements(making->whole.shape, codes->rank);
    composed->mlx.bits = (int)bits;
    composed->mlx.group = group;
    return composed->elements > 0;
}

/* The shape of the codes says how many columns there are only together with the bits. */
enum composing_end compose_mlx(struct composing *making, const char **refusal, struct error *err)
{
    const struct tensor_info *codes = making->parts[0];
    const struct tensor_info *scales = composing_beside(making, ".weight", ".scales");
    const struct tensor_info *biases = composing_beside(making, ".weight", ".biases");
    int64_t bits, group;
    (void)err;
    if (strcmp(codes->dtype_name, "U32") != 0 || !scales || codes->rank < 2 || codes->rank > 3 ||
        codes->elements == 0 || codes->bytes != (uint64_t)codes->elements * 4 ||
        codes->shape[codes->rank - 1] > INT64_MAX / 64)
        return COMPOSING_NOT_MINE;
    if (!read_settings(making, &bits, &group, refusal))
        return COMPOSING_REFUSED;
    *refusal = "codes without their biases";
    if (!biases)
        return COMPOSING_REFUSED;
    *refusal = "scales of another shape";
    if (!same_shape(scales, biases) || !find_shape(making, bits, group, scales))
        return COMPOSING_REFUSED;
    *refusal = "scales of no known type";
    if (scales->dtype != DTYPE_F32 && scales->dtype != DTYPE_F16 && scales->dtype != DTYPE_BF16)
        return COMPOSING_REFUSED;
    *refusal = NULL;
    making->composed->read = read_rows;
    composing_add(making, scales);
    composing_add(making, biases);
    snprintf(making->whole.dtype_name, sizeof making->whole.dtype_name, "MLX %lld bit g%lld",
             (long long)bits, (long long)group);
    return COMPOSING_DONE;
}
