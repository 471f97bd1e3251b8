/* The values of quantised weights, element by element (tensor.h has the formulas). All in f32, as
 * bitsandbytes computes them. */
#include "compute/quantize.h"
#include "compute/reference/reference.h"

static float int8_value(const int8_t *codes, const float *absmax, int64_t i)
{
    float step = absmax[i / WEIGHT_BLOCK] / 127;
    return (float)codes[i] * step;
}

static float nf4_value(const uint8_t *codes, const float *scales, int64_t count, int64_t i)
{
    int64_t blocks = (count + WEIGHT_BLOCK - 1) / WEIGHT_BLOCK, block = i / WEIGHT_BLOCK;
    int64_t groups = (blocks + WEIGHT_GROUP - 1) / WEIGHT_GROUP;
    const float *absmax2 = scales + 1;
    const uint8_t *q = (const uint8_t *)(absmax2 + groups);
    float absmax = dynamic_codes(DYNAMIC_SIGNED)->values[q[block]] * absmax2[block / WEIGHT_GROUP];
    absmax += scales[0];
    int code = i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15;
    return nf4_values[code] * absmax;
}

void reference_dequantize(void *self, const struct op_call *call)
{
    const struct op_dequantize *a = &call->dequantize;
    struct elements out = elements_of(&a->out);
    const void *codes = host_data(&a->weight), *scales = host_pointer(a->weight.scales);
    int64_t count = tensor_elements(&a->weight);
    (void)self;
    for (int64_t i = 0; i < count; i++) {
        float value = a->weight.storage == STORAGE_INT8 ? int8_value(codes, scales, i)
                                                        : nf4_value(codes, scales, count, i);
        put(out, i, (double)value);
    }
}
