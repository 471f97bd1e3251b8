/* Storage number formats: bf16, f16, and little-endian words from untrusted bytes. */
#ifndef SPECTRUM_BASE_NUMBER_H
#define SPECTRUM_BASE_NUMBER_H

#include <stdint.h>
#include <string.h>

static inline float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bf16_to_float(uint16_t value)
{
    return float_from_bits((uint32_t)value << 16);
}

/* Round to nearest, ties to even: 0x7FFF is added to the 16 bits that are cut, and 1 more where
 * the last kept bit is 1. NaN stays a (quiet) NaN: the addition could carry it out of its range. */
static inline uint16_t bf16_from_float(float value)
{
    uint32_t bits = float_bits(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/* IEEE 754 binary16, exact: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. Subnormals are
 * fraction 2^-24; the exponent of others is rebased by 127 - 15 = 112. */
static inline float f16_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u;
    uint32_t fraction = half & 0x3FFu;
    if (exponent == 31)
        return float_from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Round to nearest, ties to even; from 65520 on infinity. NaN stays a (quiet) NaN. Subnormals are
 * multiples of 2^-24, the last bit of a float in [0.5, 1): adding 0.5 rounds to it. */
static inline uint16_t f16_from_float(float value)
{
    uint32_t bits = float_bits(value), sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
    if (size > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (size >= 0x477FF000u) /* 65520: half way to what the next exponent would hold */
        return (uint16_t)(sign | 0x7C00u);
    if (size < 0x38800000u) { /* below 2^-14 */
        float sum = float_from_bits(size) + 0.5f;
        return (uint16_t)(sign | (float_bits(sum) - 0x3F000000u));
    }
    uint32_t rounded = size + 0xFFFu + (size >> 13 & 1u);
    return (uint16_t)(sign | (rounded - (112u << 23)) >> 13);
}

static inline uint16_t load_u16(const void *at)
{
    const uint8_t *b = at;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t load_u32(const void *at)
{
    const uint8_t *b = at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t load_u64(const void *at)
{
    return (uint64_t)load_u32(at) | (uint64_t)load_u32((const uint8_t *)at + 4) << 32;
}

#endif
