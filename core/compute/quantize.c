/* Weights in 8 and 4 bits, quantised on the host when a model is loaded; tensor.h has the formulas
 * by which codes become values again. NF4 and its scales are rounded where bitsandbytes rounds
 * them: in f32, a full block times a reciprocal, a short one by a division (dynamic.h). */
#include "compute/quantize.h"

#include <assert.h>
#include <math.h>

static_assert((int)WEIGHT_GROUP == (int)DYNAMIC_BLOCK && (int)MOMENT_BLOCK == (int)DYNAMIC_BLOCK,
              "the 8-bit type has one block");

const float nf4_values[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

static int64_t blocks_of(int64_t count, int64_t block)
{
    return (count + block - 1) / block;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- weights --- */

static float largest_of(const float *values, int64_t count)
{
    float largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    return largest;
}

/* LLM.int8()'s absmax quantisation (Dettmers et al., arXiv 2208.07339), by blocks: code = nearest
 * even of x / absmax 127. */
static void quantize_int8(int8_t *codes, float *absmax, const float *values, int64_t count)
{
    for (int64_t at = 0; at < count; at += WEIGHT_BLOCK) {
        int64_t part = least(count - at, WEIGHT_BLOCK);
        float largest = largest_of(values + at, part);
        float divisor = largest > 0 ? largest : 1;
        for (int64_t i = at; i < at + part; i++)
            codes[i] = (int8_t)rintf(values[i] / divisor * 127);
        *absmax++ = largest;
    }
}

/* The scale of a block before it is quantised: a short one has a least one (dynamic.h). */
static float nf4_absmax(const float *values, int64_t part)
{
    float largest = largest_of(values, part);
    return part == WEIGHT_BLOCK ? largest : fmaxf(largest, DYNAMIC_TINY);
}

/* The nearest of the sixteen values: how many of the middles between neighbours x is above. */
static uint8_t nf4_code(float x)
{
    uint8_t code = 0;
    for (int i = 0; i < 15; i++)
        code += x > (nf4_values[i] + nf4_values[i + 1]) / 2;
    return code;
}

/* The second code of the last byte, where none is left, is that of zero. */
static void nf4_block(uint8_t *out, const float *values, int64_t part, float absmax)
{
    float divisor = fmaxf(absmax, DYNAMIC_TINY), factor = 1 / divisor;
    uint8_t codes[WEIGHT_BLOCK + 1];
    for (int64_t i = 0; i < part; i++)
        codes[i] = nf4_code(part == WEIGHT_BLOCK ? values[i] * factor : values[i] / divisor);
    codes[part] = nf4_code(0);
    for (int64_t i = 0; i < part; i += 2)
        out[i / 2] = (uint8_t)(codes[i] << 4 | codes[i + 1]);
}

/* Fills a group's absmax[] from its values; returns how many there are. */
static int64_t group_absmax(float absmax[WEIGHT_GROUP], const float *values, int64_t count)
{
    int64_t blocks = least(blocks_of(count, WEIGHT_BLOCK), WEIGHT_GROUP);
    for (int64_t b = 0; b < blocks; b++)
        absmax[b] =
            nf4_absmax(values + b * WEIGHT_BLOCK, least(count - b * WEIGHT_BLOCK, WEIGHT_BLOCK));
    return blocks;
}

/* codes of x / absmax by blocks of 64; then the absmax themselves, less their mean, in 8 bits by
 * groups of 256 blocks ("double quantization", QLoRA, section 3).
 *
 * The blocks' scales are found twice, once for their mean: no memory for them is needed. */
static void quantize_nf4(uint8_t *codes, void *scales, const float *values, int64_t count)
{
    enum { GROUP = WEIGHT_GROUP * WEIGHT_BLOCK };
    int64_t blocks = blocks_of(count, WEIGHT_BLOCK);
    float absmax[WEIGHT_GROUP], *offset = scales, *absmax2 = offset + 1;
    uint8_t *q = (uint8_t *)(absmax2 + blocks_of(blocks, WEIGHT_GROUP));
    double sum = 0;
    for (int64_t at = 0; at < count; at += GROUP) {
        int64_t here = group_absmax(absmax, values + at, count - at);
        for (int64_t b = 0; b < here; b++) {
            int64_t first = at + b * WEIGHT_BLOCK;
            nf4_block(codes + first / 2, values + first, least(count - first, WEIGHT_BLOCK),
                      absmax[b]);
            sum += (double)absmax[b];
        }
    }
    *offset = (float)(sum / (double)blocks);
    for (int64_t at = 0; at < count; at += GROUP) {
        int64_t here = group_absmax(absmax, values + at, count - at);
        for (int64_t b = 0; b < here; b++)
            absmax[b] -= *offset;
        dynamic_quantize(q + at / WEIGHT_BLOCK, absmax2 + at / GROUP, DYNAMIC_SIGNED, absmax, here);
    }
}

void quantize_weight(void *data, void *scales, enum storage storage, const float *values,
                     int64_t count)
{
    if (storage == STORAGE_INT8)
        quantize_int8(data, scales, values, count);
    else
        quantize_nf4(data, scales, values, count);
}
