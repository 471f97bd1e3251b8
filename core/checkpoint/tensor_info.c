#include "checkpoint/tensor_info.h"

#include "base/number.h"
#include "checkpoint/iq_blocks.h"

#include <string.h>

static const struct dtype_traits traits[DTYPE_COUNT] = {
    [DTYPE_UNSUPPORTED] = {"?", 1, 0, false},     [DTYPE_F64] = {"F64", 1, 8, false},
    [DTYPE_F32] = {"F32", 1, 4, false},           [DTYPE_F16] = {"F16", 1, 2, false},
    [DTYPE_BF16] = {"BF16", 1, 2, false},         [DTYPE_Q4_0] = {"Q4_0", 32, 18, true},
    [DTYPE_Q4_1] = {"Q4_1", 32, 20, true},        [DTYPE_Q5_0] = {"Q5_0", 32, 22, true},
    [DTYPE_Q5_1] = {"Q5_1", 32, 24, true},        [DTYPE_Q8_0] = {"Q8_0", 32, 34, true},
    [DTYPE_Q2_K] = {"Q2_K", 256, 84, true},       [DTYPE_Q3_K] = {"Q3_K", 256, 110, true},
    [DTYPE_Q4_K] = {"Q4_K", 256, 144, true},      [DTYPE_Q5_K] = {"Q5_K", 256, 176, true},
    [DTYPE_Q6_K] = {"Q6_K", 256, 210, true},      [DTYPE_U8] = {"U8", 1, 1, false},
    [DTYPE_I32] = {"I32", 1, 4, false},           [DTYPE_I64] = {"I64", 1, 8, false},
    [DTYPE_IQ1_S] = {"IQ1_S", 256, 50, true},     [DTYPE_IQ1_M] = {"IQ1_M", 256, 56, true},
    [DTYPE_IQ2_XXS] = {"IQ2_XXS", 256, 66, true}, [DTYPE_IQ2_XS] = {"IQ2_XS", 256, 74, true},
    [DTYPE_IQ2_S] = {"IQ2_S", 256, 82, true},     [DTYPE_IQ3_XXS] = {"IQ3_XXS", 256, 98, true},
    [DTYPE_IQ3_S] = {"IQ3_S", 256, 110, true},    [DTYPE_IQ4_NL] = {"IQ4_NL", 32, 18, true},
    [DTYPE_IQ4_XS] = {"IQ4_XS", 256, 136, true},  [DTYPE_TQ1_0] = {"TQ1_0", 256, 54, true},
    [DTYPE_TQ2_0] = {"TQ2_0", 256, 66, true},     [DTYPE_MXFP4] = {"MXFP4", 32, 17, true},
    [DTYPE_COMPOSED] = {"composed", 1, 0, true},
};

const struct dtype_traits *dtype_traits(enum dtype dtype)
{
    return &traits[dtype < DTYPE_COUNT ? dtype : DTYPE_UNSUPPORTED];
}

bool dtype_all_finite(enum dtype dtype, const void *values, size_t bytes)
{
    /* An exponent of ones is NaN or Inf; without a branch, so that the compiler takes many at a
     * time: a save looks at all that it writes. */
    const uint32_t wide = 0x7F800000u;
    const uint16_t narrow = 0x7F80u;
    uint32_t found = 0;
    for (size_t i = 0; dtype == DTYPE_F32 && i < bytes / 4; i++) {
        uint32_t bits;
        memcpy(&bits, (const char *)values + 4 * i, 4);
        found |= (bits & wide) == wide;
    }
    for (size_t i = 0; dtype == DTYPE_BF16 && i < bytes / 2; i++) {
        uint16_t bits;
        memcpy(&bits, (const char *)values + 2 * i, 2);
        found |= (bits & narrow) == narrow;
    }
    return !found;
}

/* --- GGUF's blocks ---
 *
 * Each function takes one block's bytes b to its elements. The layouts, in the order of the bytes:
 *
 *     Q4_0   d f16 | q 16 bytes: element j in the low half of byte j, j + 16 in its high half
 *     Q4_1   d f16 | m f16 | q as Q4_0
 *     Q5_0   d f16 | fifth bits u32: element j's is bit j | q as Q4_0
 *     Q5_1   d f16 | m f16 | fifth bits u32 | q as Q4_0
 *     Q8_0   d f16 | q i8 [32]
 *     Q2_K   16 bytes: s in the low half, n in the high half | q 64 bytes | d f16 | m f16
 *     Q3_K   third bits 32 bytes | q 64 bytes | s 12 bytes | d f16
 *     Q4_K   d f16 | m f16 | s and n 12 bytes | q 128 bytes
 *     Q5_K   d f16 | m f16 | s and n 12 bytes | fifth bits 32 bytes | q 128 bytes
 *     Q6_K   low halves 128 bytes | high two bits 64 bytes | s i8 [16] | d f16
 */

static float load_f16(const uint8_t *at)
{
    return f16_to_float(load_u16(at));
}

/* 32 elements: d, then 16 bytes of two 4-bit values (low halves first, then high halves). */
static void block_q4_0(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    for (int j = 0; j < 16; j++) {
        out[j] = d * (float)((b[2 + j] & 15) - 8);
        out[j + 16] = d * (float)((b[2 + j] >> 4) - 8);
    }
}

/* The same with a minimum: d q + m. */
static void block_q4_1(const uint8_t *b, float *out)
{
    float d = load_f16(b), m = load_f16(b + 2);
    for (int j = 0; j < 16; j++) {
        out[j] = d * (float)(b[4 + j] & 15) + m;
        out[j + 16] = d * (float)(b[4 + j] >> 4) + m;
    }
}

/* As Q4, with the fifth bits in a 32-bit word. */
static int fifth_bit(uint32_t high, int index)
{
    return (int)(high >> index & 1u) << 4;
}

static void block_q5_0(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    uint32_t high = load_u32(b + 2);
    for (int j = 0; j < 16; j++) {
        out[j] = d * (float)(((b[6 + j] & 15) | fifth_bit(high, j)) - 16);
        out[j + 16] = d * (float)(((b[6 + j] >> 4) | fifth_bit(high, j + 16)) - 16);
    }
}

static void block_q5_1(const uint8_t *b, float *out)
{
    float d = load_f16(b), m = load_f16(b + 2);
    uint32_t high = load_u32(b + 4);
    for (int j = 0; j < 16; j++) {
        out[j] = d * (float)((b[8 + j] & 15) | fifth_bit(high, j)) + m;
        out[j + 16] = d * (float)((b[8 + j] >> 4) | fifth_bit(high, j + 16)) + m;
    }
}

static void block_q8_0(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    for (int j = 0; j < 32; j++)
        out[j] = d * (float)(int8_t)b[2 + j];
}

/* 256 elements in 16 groups; a scale and a minimum of 4 bits a group. */
static void block_q2_k(const uint8_t *b, float *out)
{
    const uint8_t *scales = b, *q = b + 16;
    float d = load_f16(b + 80), m = load_f16(b + 82);
    for (int group = 0; group < 16; group++) {
        const uint8_t *from = q + group / 8 * 32 + group % 2 * 16;
        int shift = group % 8 / 2 * 2;
        float scale = d * (float)(scales[group] & 15), minimum = m * (float)(scales[group] >> 4);
        for (int l = 0; l < 16; l++)
            *out++ = scale * (float)(from[l] >> shift & 3) - minimum;
    }
}

/* Q3_K's 6-bit scale of a group: low 4 bits in the first 8 bytes, high 2 bits in the last 4. */
static int q3_scale(const uint8_t *packed, int group)
{
    int low = group < 8 ? packed[group] & 15 : packed[group - 8] >> 4;
    int high = packed[8 + group % 4] >> group / 4 * 2 & 3;
    return (low | high << 4) - 32;
}

/* The third bit of an element is 0 where 4 is to be taken from its other two. Codes and third bits
 * lie as Q2_K's: a byte has elements that are 32 apart. */
static void block_q3_k(const uint8_t *b, float *out)
{
    const uint8_t *mask = b, *q = b + 32;
    float d = load_f16(b + 108);
    for (int group = 0; group < 16; group++) {
        const uint8_t *from = q + group / 8 * 32 + group % 2 * 16;
        const uint8_t *high = mask + group % 2 * 16;
        int shift = group % 8 / 2 * 2, bit = group / 2;
        float scale = d * (float)q3_scale(b + 96, group);
        for (int l = 0; l < 16; l++)
            *out++ = scale * (float)((from[l] >> shift & 3) - (high[l] >> bit & 1 ? 0 : 4));
    }
}

/* Scale and minimum (6 bits each) of one of Q4_K's and Q5_K's 8 groups, packed in 12 bytes. */
static void k4_scale(const uint8_t *p, int group, int *scale, int *minimum)
{
    if (group < 4) {
        *scale = p[group] & 63;
        *minimum = p[group + 4] & 63;
    } else {
        *scale = (p[group + 4] & 15) | (p[group - 4] >> 6 << 4);
        *minimum = (p[group + 4] >> 4) | (p[group] >> 6 << 4);
    }
}

/* 8 groups of 32; a byte of q has an element of an even group in its low half, and one of the next
 * group in its high half. */
static void block_q4_k(const uint8_t *b, float *out)
{
    float d = load_f16(b), m = load_f16(b + 2);
    for (int group = 0; group < 8; group++) {
        const uint8_t *q = b + 16 + group / 2 * 32;
        int s, least, shift = group % 2 * 4;
        k4_scale(b + 4, group, &s, &least);
        float scale = d * (float)s, minimum = m * (float)least;
        for (int l = 0; l < 32; l++)
            *out++ = scale * (float)(q[l] >> shift & 15) - minimum;
    }
}

/* As Q4_K; bit g of fifth-bit byte l is of element l in group g. */
static void block_q5_k(const uint8_t *b, float *out)
{
    const uint8_t *high = b + 16;
    float d = load_f16(b), m = load_f16(b + 2);
    for (int group = 0; group < 8; group++) {
        const uint8_t *q = b + 48 + group / 2 * 32;
        int s, least, shift = group % 2 * 4;
        k4_scale(b + 4, group, &s, &least);
        float scale = d * (float)s, minimum = m * (float)least;
        for (int l = 0; l < 32; l++)
            *out++ = scale * (float)((q[l] >> shift & 15) | (high[l] >> group & 1) << 4) - minimum;
    }
}

/* 16 groups of 16 with a scale of 8 bits; a half of 128 elements has 64 bytes of low halves and 32
 * of high bits, a byte of these for elements that are 32 apart. */
static void block_q6_k(const uint8_t *b, float *out)
{
    const uint8_t *low = b, *high = b + 128;
    const int8_t *scales = (const int8_t *)(b + 192);
    float d = load_f16(b + 208);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, quarter = i % 128 / 32, l = i % 32;
        int nibble = low[half * 64 + quarter % 2 * 32 + l] >> quarter / 2 * 4 & 15;
        int top = high[half * 32 + l] >> quarter * 2 & 3;
        /* NOLINTNEXTLINE(bugprone-integer-division): an index */
        out[i] = d * (float)scales[i / 16] * (float)((nibble | top << 4) - 32);
    }
}

/* Block by block, each by its type's own function. */
void dtype_dequantize(enum dtype dtype, const void *blocks, int64_t count, float *out)
{
    static block_reader *const unpack[DTYPE_COUNT] = {
        [DTYPE_Q4_0] = block_q4_0,       [DTYPE_Q4_1] = block_q4_1,
        [DTYPE_Q5_0] = block_q5_0,       [DTYPE_Q5_1] = block_q5_1,
        [DTYPE_Q8_0] = block_q8_0,       [DTYPE_Q2_K] = block_q2_k,
        [DTYPE_Q3_K] = block_q3_k,       [DTYPE_Q4_K] = block_q4_k,
        [DTYPE_Q5_K] = block_q5_k,       [DTYPE_Q6_K] = block_q6_k,
        [DTYPE_IQ1_S] = block_iq1_s,     [DTYPE_IQ1_M] = block_iq1_m,
        [DTYPE_IQ2_XXS] = block_iq2_xxs, [DTYPE_IQ2_XS] = block_iq2_xs,
        [DTYPE_IQ2_S] = block_iq2_s,     [DTYPE_IQ3_XXS] = block_iq3_xxs,
        [DTYPE_IQ3_S] = block_iq3_s,     [DTYPE_IQ4_NL] = block_iq4_nl,
        [DTYPE_IQ4_XS] = block_iq4_xs,   [DTYPE_TQ1_0] = block_tq1_0,
        [DTYPE_TQ2_0] = block_tq2_0,     [DTYPE_MXFP4] = block_mxfp4,
    };
    const struct dtype_traits *traits = dtype_traits(dtype);
    const uint8_t *from = blocks;
    for (int64_t i = 0; i < count; i++)
        unpack[dtype](from + i * traits->block_bytes, out + i * traits->block_elements);
}

/* f64 is rounded to f32, which is all that anybody here computes with from a file. */
void dtype_widen(enum dtype dtype, const void *raw, int64_t count, float *out)
{
    const unsigned char *bytes = raw;
    switch (dtype) {
    case DTYPE_F64:
        for (int64_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, bytes + 8 * i, sizeof value);
            out[i] = (float)value;
        }
        return;
    case DTYPE_F32:
        memcpy(out, raw, (size_t)count * 4);
        return;
    case DTYPE_F16:
        for (int64_t i = 0; i < count; i++)
            out[i] = f16_to_float(load_u16(bytes + 2 * i));
        return;
    case DTYPE_BF16:
        for (int64_t i = 0; i < count; i++)
            out[i] = bf16_to_float(load_u16(bytes + 2 * i));
        return;
    default:
        dtype_dequantize(dtype, raw, count / dtype_traits(dtype)->block_elements, out);
    }
}
