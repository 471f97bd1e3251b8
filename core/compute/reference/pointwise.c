/* Norms, rotary embedding, activation, and what works element by element: quantised weights too,
 * all in f32, as bitsandbytes computes them. Compiled without multiplications and additions in one,
 * so that these are the same to the bit on every back end. */
#include "compute/neftune.h"
#include "compute/quantize.h"
#include "compute/reference/elements.h"
#include "compute/reference/reference.h"

#include <math.h>
#include <string.h>

/* Zhang & Sennrich 2019 (arXiv 1910.07467), section 4. */
void reference_rmsnorm_forward(void *self, const struct op_call *call)
{
    const struct op_rmsnorm_forward *a = &call->rmsnorm_forward;
    struct elements out = elements_of(&a->out), rstd = elements_of(&a->rstd);
    struct elements x = elements_of(&a->x), weight = elements_of(&a->weight);
    int64_t T = a->x.rows, H = a->x.cols;
    (void)self;
    for (int64_t t = 0; t < T; t++) {
        /* rstd = 1 / sqrt(mean of x^2 + epsilon) */
        double squares = 0;
        for (int64_t h = 0; h < H; h++)
            squares += get(x, t * H + h) * get(x, t * H + h);
        double r = 1 / sqrt(squares / (double)H + (double)a->epsilon);
        put(rstd, t, r);
        /* out = x rstd weight */
        for (int64_t h = 0; h < H; h++)
            put(out, t * H + h, get(x, t * H + h) * r * get(weight, h));
    }
}

/* With r = rstd, g = grad_out and m = mean of weight g x over a row: out_h = x_h r weight_h, and r
 * depends on all of x, d r / d x_h = -r^3 x_h / H; so
 *
 *     grad_weight_h = sum over t of g_h x_h r
 *     grad_x_h = r (weight_h g_h - x_h r^2 m)
 */
void reference_rmsnorm_backward(void *self, const struct op_call *call)
{
    const struct op_rmsnorm_backward *a = &call->rmsnorm_backward;
    struct elements grad_x = elements_of(&a->grad_x), grad_weight = elements_of(&a->grad_weight);
    struct elements go = elements_of(&a->grad_out), x = elements_of(&a->x);
    struct elements rstd = elements_of(&a->rstd), weight = elements_of(&a->weight);
    int64_t T = a->x.rows, H = a->x.cols;
    (void)self;
    for (int64_t t = 0; t < T; t++) {
        /* first: m = mean of weight grad_out x, over the whole row */
        double r = get(rstd, t), dot = 0;
        for (int64_t h = 0; h < H; h++)
            dot += get(weight, h) * get(go, t * H + h) * get(x, t * H + h);
        /* second: the row's part in both gradients; grad_x may lie where grad_out does, so an
         * element is read before it is written */
        for (int64_t h = 0; h < H; h++) {
            double value = get(x, t * H + h), gradient = get(go, t * H + h);
            if (grad_weight.memory)
                put_or_add(grad_weight, h, gradient * value * r, ADD);
            put_or_add(grad_x, t * H + h,
                       r * (get(weight, h) * gradient - value * r * r * dot / (double)H),
                       a->accumulate);
        }
    }
}

/* Su et al. (arXiv 2104.09864), in the half-split order of Hugging Face: dimensions j and half + j
 * of a head are turned together, by the angle of the token's position. */
void reference_rope(void *self, const struct op_call *call)
{
    const struct op_rope *a = &call->rope;
    struct elements x = elements_of(&a->x);
    const float *angles = host_data(&a->table);
    const int32_t *position = host_data(&a->positions);
    int64_t T = a->x.rows, width = a->x.cols, d = a->table.cols, half = d / 2;
    (void)self;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t head = t * width; head < (t + 1) * width; head += d) {
            for (int64_t j = 0; j < half; j++) {
                double c = angles[position[t] * d + j], s = angles[position[t] * d + half + j];
                double first = get(x, head + j), second = get(x, head + half + j);
                if (a->backward) /* the inverse of a rotation is its transpose */
                    s = -s;
                put(x, head + j, first * c - second * s);
                put(x, head + half + j, second * c + first * s);
            }
        }
    }
}

/* out = silu(gate) up,  silu(g) = g sigmoid(g) = g / (1 + e^-g)  (Shazeer, arXiv 2002.05202) */
void reference_swiglu_forward(void *self, const struct op_call *call)
{
    const struct op_swiglu_forward *a = &call->swiglu_forward;
    struct elements out = elements_of(&a->out), gate = elements_of(&a->gate);
    struct elements up = elements_of(&a->up);
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->out); i++) {
        double g = get(gate, i);
        put(out, i, g / (1 + exp(-g)) * get(up, i));
    }
}

/* With s = sigmoid(g), silu(g) = g s and silu'(g) = s (1 + g (1 - s)):
 *
 *     grad_gate = grad_out up silu'(gate),   grad_up = grad_out silu(gate)
 */
void reference_swiglu_backward(void *self, const struct op_call *call)
{
    const struct op_swiglu_backward *a = &call->swiglu_backward;
    struct elements grad_gate = elements_of(&a->grad_gate), grad_up = elements_of(&a->grad_up);
    struct elements go = elements_of(&a->grad_out), gate = elements_of(&a->gate);
    struct elements up = elements_of(&a->up);
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->grad_out); i++) {
        /* all three are read before a gradient is written, which may lie in their place */
        double g = get(gate, i), u = get(up, i), gradient = get(go, i), s = 1 / (1 + exp(-g));
        put(grad_gate, i, gradient * u * s * (1 + g * (1 - s)));
        put(grad_up, i, gradient * g * s);
    }
}

void reference_add(void *self, const struct op_call *call)
{
    const struct op_add *a = &call->add;
    struct elements out = elements_of(&a->out), x = elements_of(&a->x);
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->out); i++)
        put_or_add(out, i, get(x, i), ADD);
}

void reference_scale(void *self, const struct op_call *call)
{
    const struct op_scale *a = &call->scale;
    struct elements x = elements_of(&a->x);
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->x); i++)
        put(x, i, (double)a->factor * get(x, i));
}

void reference_add_noise(void *self, const struct op_call *call)
{
    const struct op_add_noise *a = &call->add_noise;
    struct elements x = elements_of(&a->x);
    int64_t H = a->x.cols;
    (void)self;
    for (int d = 0; d < a->documents.count; d++) {
        int64_t begin = a->documents.offsets[d] * H, end = a->documents.offsets[d + 1] * H;
        float size = noise_size(a->alpha, end - begin);
        for (int64_t i = begin; i < end; i++)
            put_or_add(x, i, (double)size * (double)noise_of(a->key, a->batch, i), ADD);
    }
}

void reference_sum_squares(void *self, const struct op_call *call)
{
    const struct op_sum_squares *a = &call->sum_squares;
    const float *values = host_data(&a->x);
    double *sum = host_data(&a->sum), total = 0;
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->x); i++)
        total += (double)values[i] * (double)values[i];
    *sum += total;
}

void reference_fill_zero(void *self, const struct op_call *call)
{
    const struct op_fill_zero *a = &call->fill_zero;
    (void)self;
    memset(host_data(&a->out), 0, tensor_bytes(&a->out).data);
}

void reference_copy(void *self, const struct op_call *call)
{
    const struct op_copy *a = &call->copy;
    (void)self;
    memmove(host_data(&a->out), host_data(&a->from), tensor_bytes(&a->from).data);
}

/* --- quantised weights (tensor.h has the formulas) --- */

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
