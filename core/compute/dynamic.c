/* bitsandbytes' "dynamic" 8-bit type: 256 values between -1 and 1 (or 0 and 1) that lie the closer
 * together the smaller they are. No code is searched for: the upper 16 bits of a float name a
 * bucket, `first` has the code of that bucket's least value, and one comparison with `bounds`, the
 * middles between neighbours, says whether it is that code or the next (dynamic_nearest()). */
#include "compute/dynamic.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static struct dynamic_codes maps[2];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Boundary `i` of `parts` equal parts of [0.1, 1], as torch.linspace rounds it where a processor
 * multiplies and adds in one: half of them from either end. */
static float boundary(int i, int parts)
{
    const float first = 0.1f, last = 1;
    float step = (last - first) / (float)parts;
    return i < (parts + 1) / 2 ? fmaf(step, (float)i, first)
                               : fmaf(-step, (float)(parts - i), last);
}

/* Decade d, below 10^(d - 6), has 2^d values (of either sign; unsigned: twice as many), each in the
 * middle of a part of the decade; then 0 and 1. bitsandbytes.functional.create_dynamic_map */
static void make_values(float values[DYNAMIC_CODES], enum dynamic_map map)
{
    int count = 0;
    for (int decade = 0; decade < 7; decade++) {
        int parts = map == DYNAMIC_SIGNED ? 1 << decade : 2 << decade;
        float scale = (float)pow(10, decade - 6);
        for (int i = 0; i < parts; i++) {
            float mean = (boundary(i, parts) + boundary(i + 1, parts)) / 2;
            values[count++] = scale * mean;
            if (map == DYNAMIC_SIGNED)
                values[count++] = -(scale * mean);
        }
    }
    values[count++] = 0;
    values[count++] = 1;
    qsort(values, DYNAMIC_CODES, sizeof *values, compare_floats);
}

/* The plain way to a code, by which the table of the quick one is made. */
static int32_t search(const struct dynamic_codes *codes, float x)
{
    int32_t code = 0;
    while (x > codes->bounds[code])
        code++;
    return code;
}

/* Bucket i has the floats whose upper half is DYNAMIC_MIN + i; the second half of `first` has their
 * negatives. Numbers below the first bucket or above the last one count as in it. */
static void make_map(struct dynamic_codes *codes, enum dynamic_map map)
{
    make_values(codes->values, map);
    for (int i = 0; i + 1 < DYNAMIC_CODES; i++)
        codes->bounds[i] = (codes->values[i] + codes->values[i + 1]) / 2;
    codes->bounds[DYNAMIC_CODES - 1] = INFINITY;
    for (uint32_t i = 0; i < DYNAMIC_BUCKETS; i++) {
        /* The first bucket begins at zero. The least value of a negative one is its largest. */
        uint32_t least = i == 0 ? 0 : (DYNAMIC_MIN + i) << 16;
        uint32_t most = (DYNAMIC_MIN + i) << 16 | 0xFFFFu;
        codes->first[i] = search(codes, float_from_bits(least));
        codes->first[i + DYNAMIC_BUCKETS] = search(codes, -float_from_bits(most));
    }
}

static void make_maps(void)
{
    make_map(&maps[DYNAMIC_SIGNED], DYNAMIC_SIGNED);
    make_map(&maps[DYNAMIC_UNSIGNED], DYNAMIC_UNSIGNED);
}

const struct dynamic_codes *dynamic_codes(enum dynamic_map map)
{
    pthread_once(&made, make_maps);
    return &maps[map];
}

/* A block's scale is its largest magnitude, by which its values come to lie between -1 and 1. */
void dynamic_quantize(uint8_t *codes, float *absmax, enum dynamic_map map, const float *values,
                      int64_t count)
{
    const struct dynamic_codes *known = dynamic_codes(map);
    float largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    float divisor = fmaxf(largest, DYNAMIC_TINY), factor = 1 / divisor;
    bool full = count == DYNAMIC_BLOCK;
    for (int64_t i = 0; i < count; i++)
        codes[i] = (uint8_t)dynamic_nearest(known, full ? values[i] * factor : values[i] / divisor);
    *absmax = full ? largest : divisor;
}
