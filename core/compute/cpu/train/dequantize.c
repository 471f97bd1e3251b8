/* The values of quantised weights, a group of blocks at a time (tensor.h has the formulas):
 *
 *     int8   value = code absmax / 127
 *     nf4    value = nf4_values[code] absmax,   absmax = map[q] absmax2 + offset
 *
 * where nf4's absmax of a block is itself stored in 8 bits, q, with a scale absmax2 for each group
 * of blocks, and one offset for all ("double quantization", Dettmers et al., arXiv 2305.14314).
 */
#include "compute/cpu/train/operations.h"
#include "compute/quantize.h"

enum { GROUP = WEIGHT_GROUP * WEIGHT_BLOCK };

/* Where a group's elements come from and go to. */
struct quantized_weight {
    void *out;
    enum storage type;
    const void *codes;
    const float *scales;
    int64_t count, groups;
    float pairs[256][2]; /* the two values of a byte of NF4: one load for both */
};

/* The first of a byte's two values is in its upper half. */
static void fill_pairs(struct quantized_weight *weight)
{
    for (int byte = 0; byte < 256; byte++) {
        weight->pairs[byte][0] = nf4_values[byte >> 4];
        weight->pairs[byte][1] = nf4_values[byte & 15];
    }
}

/* Scales the block at element `first` and rounds it to where it goes. */
static void put_block(const struct quantized_weight *weight, float *restrict values, float scale,
                      int64_t first)
{
    int64_t part = weight->count - first < WEIGHT_BLOCK ? weight->count - first : WEIGHT_BLOCK;
#pragma omp simd
    for (int64_t i = 0; i < WEIGHT_BLOCK; i++)
        values[i] *= scale;
    narrow(element_of(weight->out, weight->type, first), values, weight->type, part);
}

/* A short last block has zeros after its values, and narrow() stores only what there is. */
static void nf4_block(const struct quantized_weight *weight, float absmax, int64_t first)
{
    float values[WEIGHT_BLOCK] = {0};
    const uint8_t *codes = (const uint8_t *)weight->codes + first / 2;
    int64_t bytes = (weight->count - first + 1) / 2;
    bytes = bytes < WEIGHT_BLOCK / 2 ? bytes : WEIGHT_BLOCK / 2;
    for (int64_t i = 0; i < bytes; i++)
        memcpy(values + 2 * i, weight->pairs[codes[i]], sizeof weight->pairs[0]);
    put_block(weight, values, absmax, first);
}

/* The scales lie in memory as the offset, absmax2 of each group, and q of each block. */
static void nf4_group(const struct quantized_weight *weight, int64_t group)
{
    const float *map = dynamic_codes(DYNAMIC_SIGNED)->values, *absmax2 = weight->scales + 1;
    const uint8_t *q = (const uint8_t *)(absmax2 + weight->groups);
    int64_t end = (group + 1) * GROUP < weight->count ? (group + 1) * GROUP : weight->count;
    for (int64_t at = group * GROUP; at < end; at += WEIGHT_BLOCK) {
        float absmax = map[q[at / WEIGHT_BLOCK]] * absmax2[group];
        nf4_block(weight, absmax + weight->scales[0], at);
    }
}

static void int8_block(const struct quantized_weight *weight, int64_t first)
{
    float values[WEIGHT_BLOCK] = {0};
    const int8_t *codes = (const int8_t *)weight->codes + first;
    int64_t part = weight->count - first < WEIGHT_BLOCK ? weight->count - first : WEIGHT_BLOCK;
#pragma omp simd
    for (int64_t i = 0; i < part; i++)
        values[i] = codes[i];
    put_block(weight, values, weight->scales[first / WEIGHT_BLOCK] / 127, first);
}

static void int8_group(const struct quantized_weight *weight, int64_t group)
{
    int64_t end = (group + 1) * GROUP < weight->count ? (group + 1) * GROUP : weight->count;
    for (int64_t at = group * GROUP; at < end; at += WEIGHT_BLOCK)
        int8_block(weight, at);
}

/* Groups begin at a whole byte and have scales of their own, so threads share nothing. */
void CPU(dequantize)(void *self, const struct op_call *call)
{
    const struct op_dequantize *a = &call->dequantize;
    struct quantized_weight weight = {.out = host_data(&a->out),
                                      .type = a->out.storage,
                                      .codes = host_data(&a->weight),
                                      .scales = host_pointer(a->weight.scales),
                                      .count = tensor_elements(&a->weight)};
    weight.groups = (weight.count + GROUP - 1) / GROUP;
    fill_pairs(&weight);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t group = 0; group < weight.groups; group++) {
        if (a->weight.storage == STORAGE_INT8)
            int8_group(&weight, group);
        else
            nf4_group(&weight, group);
    }
}
