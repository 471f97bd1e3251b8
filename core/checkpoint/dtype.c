#include "checkpoint/dtype.h"

#include <string.h>

static const struct dtype_traits traits[DTYPE_COUNT] = {
    [DTYPE_UNSUPPORTED] = {"?", 1, 0, false}, [DTYPE_F64] = {"F64", 1, 8, false},
    [DTYPE_F32] = {"F32", 1, 4, false},       [DTYPE_F16] = {"F16", 1, 2, false},
    [DTYPE_BF16] = {"BF16", 1, 2, false},     [DTYPE_Q4_0] = {"Q4_0", 32, 18, true},
    [DTYPE_Q4_1] = {"Q4_1", 32, 20, true},    [DTYPE_Q5_0] = {"Q5_0", 32, 22, true},
    [DTYPE_Q5_1] = {"Q5_1", 32, 24, true},    [DTYPE_Q8_0] = {"Q8_0", 32, 34, true},
    [DTYPE_Q2_K] = {"Q2_K", 256, 84, true},   [DTYPE_Q3_K] = {"Q3_K", 256, 110, true},
    [DTYPE_Q4_K] = {"Q4_K", 256, 144, true},  [DTYPE_Q5_K] = {"Q5_K", 256, 176, true},
    [DTYPE_Q6_K] = {"Q6_K", 256, 210, true},  [DTYPE_U8] = {"U8", 1, 1, false},
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
