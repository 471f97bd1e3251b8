/* The layouts, in the order of the bytes; d is a scale in fp16, s are scales of groups in a few
 * bits, q numbers of points, h their upper bits, and all but MXFP4 and IQ4_NL have 256 elements:
 *
 *     IQ1_S     d | q 32 bytes | 8 of u16: h 4 x 3 bits, s 3 bits, the sign of delta
 *     IQ1_M     q 32 bytes | 16 bytes: h 3 bits and the sign of delta, twice | s 4 of u16, with d in
 *               their upper four bits
 *     IQ2_XXS   d | 8 times: q 4 bytes, u32: signs 4 x 7 bits, s 4 bits
 *     IQ2_XS    d | 32 of u16: q 9 bits, signs 7 bits | s 8 bytes
 *     IQ2_S     d | q 32 bytes | signs 32 bytes | h 8 bytes | s 8 bytes
 *     IQ3_XXS   d | q 64 bytes | 8 of u32: signs 4 x 7 bits, s 4 bits
 *     IQ3_S     d | q 64 bytes | h 8 bytes | signs 32 bytes | s 4 bytes
 *     IQ4_NL    d | q 16 bytes: element j in the low half of byte j, j + 16 in its high half
 *     IQ4_XS    d | s, upper 2 bits u16 | s, lower 4 bits 4 bytes | q 8 times as IQ4_NL
 *     TQ1_0     q 48 bytes of five, 4 bytes of four digits to base 3 | d
 *     TQ2_0     q 64 bytes | d
 *     MXFP4     a power of two, E8M0 | q as IQ4_NL
 *
 * Seven bits of signs are eight, of which an even number is set. */
#include "checkpoint/iq_blocks.h"

#include "base/number.h"
#include "checkpoint/iq_grids.h"

static float load_f16(const uint8_t *at)
{
    return f16_to_float(load_u16(at));
}

/* Nibble `index` of bytes that hold two, the lower first. */
static unsigned nibble(const uint8_t *bytes, int index)
{
    return bytes[index / 2] >> index % 2 * 4 & 15u;
}

static unsigned eight_signs(unsigned seven)
{
    return seven | (unsigned)__builtin_parity(seven) << 7;
}

/* --- IQ1 --- */

/* Eight elements, each -1, 0 or 1, and delta. */
static void put_iq1(unsigned point, float scale, float delta, float *out)
{
    unsigned row = iq1_s_grid[point];
    for (int i = 0; i < 8; i++)
        out[i] = scale * ((float)((int)(row >> 2 * i & 3u) - 1) + delta);
}

void block_iq1_s(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        unsigned h = load_u16(b + 34 + k / 4 * 2);
        float scale = d * (float)(2 * (h >> 12 & 7u) + 1);
        put_iq1(b[2 + k] | (h >> k % 4 * 3 & 7u) << 8, scale, h & 0x8000u ? -0.125F : 0.125F,
                out + k * 8);
    }
}

/* d is put together from the upper four bits of four words; a group of 8 has its bits of h and its
 * sign in half a byte. */
void block_iq1_m(const uint8_t *b, float *out)
{
    unsigned s[4], bits = 0;
    for (int i = 0; i < 4; i++) {
        s[i] = load_u16(b + 48 + 2 * i);
        bits |= s[i] >> 12 << 4 * i;
    }
    float d = f16_to_float((uint16_t)bits);
    for (int k = 0; k < 32; k++) {
        unsigned h = nibble(b + 32, k);
        float scale = d * (float)(2 * (s[k / 8] >> k / 2 % 4 * 3 & 7u) + 1);
        put_iq1(b[k] | (h & 7u) << 8, scale, h & 8u ? -0.125F : 0.125F, out + k * 8);
    }
}

/* --- IQ2 and IQ3 --- */

static void put_iq2(unsigned row, unsigned signs, float scale, float *out)
{
    static const float values[4] = {8, 25, 43, 0};
    for (int i = 0; i < 8; i++) {
        float size = scale * values[row >> 2 * i & 3u];
        out[i] = signs >> i & 1u ? -size : size;
    }
}

/* Eight elements, four of either point. */
static void put_iq3(unsigned first, unsigned second, const float values[8], unsigned signs,
                    float scale, float *out)
{
    for (int i = 0; i < 8; i++) {
        float size = scale * values[(i < 4 ? first : second) >> i % 4 * 3 & 7u];
        out[i] = signs >> i & 1u ? -size : size;
    }
}

/* 32 elements are four points of the grid, by a byte each, and a word of signs and scale. */
void block_iq2_xxs(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        const uint8_t *group = b + 2 + k / 4 * 8;
        uint32_t word = load_u32(group + 4);
        float scale = d * (0.5F + (float)(word >> 28)) * 0.25F;
        put_iq2(iq2_xxs_grid[group[k % 4]], eight_signs(word >> k % 4 * 7 & 127u), scale,
                out + k * 8);
    }
}

void block_iq2_xs(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        unsigned q = load_u16(b + 2 + 2 * k);
        float scale = d * (0.5F + (float)nibble(b + 66, k / 2)) * 0.25F;
        put_iq2(iq2_xs_grid[q & 511u], eight_signs(q >> 9), scale, out + k * 8);
    }
}

void block_iq2_s(const uint8_t *b, float *out)
{
    const uint8_t *q = b + 2, *signs = b + 34, *high = b + 66;
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        unsigned point = q[k] | (high[k / 4] >> k % 4 * 2 & 3u) << 8;
        float scale = d * (0.5F + (float)nibble(b + 74, k / 2)) * 0.25F;
        put_iq2(iq2_s_grid[point], signs[k], scale, out + k * 8);
    }
}

/* As IQ2_XXS, with two points of four elements for each eight. */
void block_iq3_xxs(const uint8_t *b, float *out)
{
    static const float values[8] = {4, 12, 20, 28, 36, 44, 52, 62};
    const uint8_t *q = b + 2;
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        uint32_t word = load_u32(b + 66 + k / 4 * 4);
        float scale = d * (0.5F + (float)(word >> 28)) * 0.5F;
        put_iq3(iq3_xxs_grid[q[2 * k]], iq3_xxs_grid[q[2 * k + 1]], values,
                eight_signs(word >> k % 4 * 7 & 127u), scale, out + k * 8);
    }
}

/* The ninth bit of each point's number is in `high`; all eight signs have a byte. */
void block_iq3_s(const uint8_t *b, float *out)
{
    static const float values[8] = {1, 3, 5, 7, 9, 11, 13, 15};
    const uint8_t *q = b + 2, *high = b + 66, *signs = b + 74;
    float d = load_f16(b);
    for (int k = 0; k < 32; k++) {
        unsigned h = high[k / 4] >> k % 4 * 2;
        float scale = d * (float)(1 + 2 * nibble(b + 106, k / 4));
        put_iq3(iq3_s_grid[q[2 * k] | (h & 1u) << 8], iq3_s_grid[q[2 * k + 1] | (h >> 1 & 1u) << 8],
                values, signs[k], scale, out + k * 8);
    }
}

/* --- tables --- */

/* 32 elements: the low halves of 16 bytes, then the high ones. */
static void put_table(const uint8_t *q, const float values[16], float scale, float *out)
{
    for (int j = 0; j < 16; j++) {
        out[j] = scale * values[q[j] & 15];
        out[j + 16] = scale * values[q[j] >> 4];
    }
}

static const float iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

void block_iq4_nl(const uint8_t *b, float *out)
{
    put_table(b + 2, iq4_values, load_f16(b), out);
}

void block_iq4_xs(const uint8_t *b, float *out)
{
    float d = load_f16(b);
    unsigned high = load_u16(b + 2);
    for (int g = 0; g < 8; g++) {
        int s = (int)(nibble(b + 4, g) | (high >> 2 * g & 3u) << 4) - 32;
        put_table(b + 8 + g * 16, iq4_values, d * (float)s, out + g * 32);
    }
}

/* E2M1 times two, so the power is one less; the two least are subnormal. */
void block_mxfp4(const uint8_t *b, float *out)
{
    static const float values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    uint32_t power = b[0];
    put_table(b + 1, values, float_from_bits(power < 2 ? 0x00200000u << power : (power - 1) << 23),
              out);
}

/* --- three values --- */

/* Digit n of each of `count` bytes, out[n * count + m]: a byte is its number times 256 / 243,
 * rounded up, so that times 3^n, modulo 256, it begins with that digit. */
static void put_digits(const uint8_t *q, int count, int digits, float d, float *out)
{
    for (int m = 0; m < count; m++) {
        uint8_t at = q[m];
        for (int n = 0; n < digits; n++, at = (uint8_t)(at * 3))
            out[n * count + m] = d * (float)((at * 3 >> 8) - 1);
    }
}

void block_tq1_0(const uint8_t *b, float *out)
{
    float d = load_f16(b + 52);
    put_digits(b, 32, 5, d, out);
    put_digits(b + 32, 16, 5, d, out + 160);
    put_digits(b + 48, 4, 4, d, out + 240);
}

void block_tq2_0(const uint8_t *b, float *out)
{
    float d = load_f16(b + 64);
    for (int i = 0; i < 256; i++)
        out[i] = d * (float)((b[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3) - 1);
}
