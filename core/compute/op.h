/* The operations that a transformer is trained with, each written down once: the struct of its
 * arguments, with shapes and formula.
 *
 * A call is one value, struct op_call: which operation it is, and that operation's arguments by
 * their names. What a back end has is one function an operation (backend.h); what wraps a back end
 * (wrappers/wrapper.h) treats all calls alike by op_info[], which says of each operation which of
 * its arguments are tensors and what becomes of them.
 *
 * Shapes: T tokens of one micro-batch, its documents packed one after another; H hidden, N outputs
 * and K inputs of a linear layer, V vocabulary, d the size of a head. Matrices are row-major. The
 * activations of a run have one type, f32 or bf16; the statistics of norms, log-sum-exp and the
 * gradients of weights are f32, losses f64.
 *
 * Conventions of every operation:
 *   1. `out` and `grad_*` are written, all else is read, unless something else is said.
 *   2. A tensor whose buffer is NULL is not there; only where "may be absent" is said that is
 *      allowed.
 *   3. Outputs overlap no other tensor, unless something else is said.
 *   4. Quantised tensors are read by `dequantize` alone; moments of 8 bits by `adamw`.
 */
#ifndef SPECTRUM_COMPUTE_OP_H
#define SPECTRUM_COMPUTE_OP_H

#include "compute/tensor.h"

enum op {
    OP_EMBEDDING_FORWARD,
    OP_EMBEDDING_BACKWARD,
    OP_RMSNORM_FORWARD,
    OP_RMSNORM_BACKWARD,
    OP_DEQUANTIZE,
    OP_LINEAR_FORWARD,
    OP_LINEAR_BACKWARD_INPUT,
    OP_LINEAR_BACKWARD_WEIGHT,
    OP_BIAS_BACKWARD,
    OP_ROPE,
    OP_ATTENTION_FORWARD,
    OP_ATTENTION_BACKWARD,
    OP_SWIGLU_FORWARD,
    OP_SWIGLU_BACKWARD,
    OP_ADD,
    OP_SCALE,
    OP_ADD_NOISE,
    OP_HEAD_LOSS,
    OP_SUM_SQUARES,
    OP_ADAMW,
    OP_LION,
    OP_MUON,
    OP_FILL_ZERO,
    OP_COPY,
    OP_COUNT
};

/* Where an output is added to what is there (ADD) or replaces it. */
enum accumulate { REPLACE = 0, ADD = 1 };

/* --- embedding --- */

/* out[t] = weight[ids[t]] */
struct op_embedding_forward {
    struct tensor out;    /* [T, H] */
    struct tensor weight; /* [V, H] */
    struct tensor ids;    /* i32 [1, T] */
};

/* grad_weight[ids[t]] += grad_out[t] */
struct op_embedding_backward {
    struct tensor grad_weight; /* f32 [V, H], added to */
    struct tensor grad_out;    /* [T, H] */
    struct tensor ids;         /* i32 [1, T] */
};

/* --- RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467) ---
 *
 * rstd[t] = 1 / sqrt(mean over h of x[t,h]^2 + epsilon),  out[t,h] = x[t,h] rstd[t] weight[h] */
struct op_rmsnorm_forward {
    struct tensor out;    /* [T, H] */
    struct tensor rstd;   /* f32 [T, 1], written: the backward pass needs it */
    struct tensor x;      /* [T, H] */
    struct tensor weight; /* [1, H] */
    float epsilon;
};

/* With m[t] = mean over h of weight[h] grad_out[t,h] x[t,h]:
 *     grad_x[t,h] = or += rstd[t] (weight[h] grad_out[t,h] - x[t,h] rstd[t]^2 m[t])
 *     grad_weight[h] += sum over t of grad_out[t,h] x[t,h] rstd[t] */
struct op_rmsnorm_backward {
    struct tensor grad_x;      /* [T, H]; may be grad_out's memory */
    struct tensor grad_weight; /* f32 [1, H], added to; may be absent */
    struct tensor grad_out;    /* [T, H] */
    struct tensor x;           /* [T, H] */
    struct tensor rstd;        /* f32 [T, 1] */
    struct tensor weight;      /* [1, H] */
    enum accumulate accumulate;
};

/* --- linear layers --- */

/* out = the values of a quantised weight, each rounded once to nearest even; the same to the bit on
 * every back end. */
struct op_dequantize {
    struct tensor out;    /* [N, K] */
    struct tensor weight; /* [N, K], INT8 or NF4 */
};

/* out = or += x weight^T + bias */
struct op_linear_forward {
    struct tensor out;    /* [T, N] */
    struct tensor x;      /* [T, K] */
    struct tensor weight; /* [N, K] */
    struct tensor bias;   /* [1, N], stored as the weight is; may be absent */
    enum accumulate accumulate;
};

/* grad_x = or += grad_out weight */
struct op_linear_backward_input {
    struct tensor grad_x;   /* [T, K] */
    struct tensor grad_out; /* [T, N] */
    struct tensor weight;   /* [N, K] */
    enum accumulate accumulate;
};

/* grad_weight = or += grad_out^T x */
struct op_linear_backward_weight {
    struct tensor grad_weight; /* f32 [N, K] */
    struct tensor grad_out;    /* [T, N] */
    struct tensor x;           /* [T, K] */
    enum accumulate accumulate;
};

/* grad_bias[n] += sum over t of grad_out[t,n] */
struct op_bias_backward {
    struct tensor grad_bias; /* f32 [1, N], added to */
    struct tensor grad_out;  /* [T, N] */
};

/* --- rotary embedding (Su et al. 2021, arXiv 2104.09864) ---
 *
 * Elements j and j + d/2 of each head (Hugging Face's pairing) are turned by the angle of row
 * p = positions[t]; `backward` turns back, which is the gradient:
 *     (a, b) becomes (a cos - b sin, b cos + a sin) */
struct op_rope {
    struct tensor x;         /* [T, heads d], in place */
    struct tensor table;     /* f32 [max_positions, d]: d/2 cosines, then d/2 sines */
    struct tensor positions; /* i32 [1, T] */
    bool backward;
};

/* --- attention (Vaswani et al. 2017; grouped queries: Ainslie et al. 2023, arXiv 2305.13245) ---
 *
 * Causal, inside a document, on the last `window` tokens. Query head h reads key-value head
 * h / (heads / kv_heads). For a query i and the keys j that it sees:
 *     s[i,j] = q[i] . k[j] / sqrt(d),  lse[i] = log(sum over j of exp(s[i,j]))
 *     p[i,j] = exp(s[i,j] - lse[i]),   out[i] = sum over j of p[i,j] v[j]
 * Memory grows with T, not with its square. */

/* Tokens of a row that documents behind it go on from: [begin, end); empty: none. */
struct token_range {
    int32_t begin, end;
};

/* Documents packed in one row of tokens: document i is [offsets[i], offsets[i+1]). Host memory,
 * offsets[0] = 0, offsets[count] = T; attention never crosses a document, but that document i sees
 * all of before[i], too, as if that stood right in front of it: what several go on from is in the
 * row once. Ranges end where their document begins, or earlier. Forwards alone. */
struct documents {
    const int32_t *offsets;
    int count;
    const struct token_range *before; /* [count]; NULL: nothing */
};

struct op_attention_forward {
    struct tensor out;     /* [T, heads d] */
    struct tensor lse;     /* f32 [heads, T], written: the backward pass needs it */
    struct tensor q, k, v; /* [T, heads d], [T, kv_heads d], [T, kv_heads d] */
    int head_dim;          /* d */
    int64_t window;        /* a query sees its own token and the window - 1 before it; 0: all */
    struct documents documents;
};

/* What the shapes of q and k say. */
struct attention_shape {
    int64_t tokens;
    int heads, kv_heads, head_dim;
    int64_t window;
};

static inline struct attention_shape attention_shape(const struct tensor *q, const struct tensor *k,
                                                     int head_dim, int64_t window)
{
    return (struct attention_shape){q->rows, (int)(q->cols / head_dim), (int)(k->cols / head_dim),
                                    head_dim, window};
}

/* With delta[i] = grad_out[i] . out[i] and ds[i,j] = p[i,j] (grad_out[i] . v[j] - delta[i]):
 *     grad_q[i] = sum over j of ds[i,j] k[j] / sqrt(d)
 *     grad_k[j] = sum over i of ds[i,j] q[i] / sqrt(d)
 *     grad_v[j] = sum over i of p[i,j] grad_out[i]
 * the last two also over the query heads of a group (Dao et al. 2022, arXiv 2205.14135, appendix
 * B).
 */
struct op_attention_backward {
    struct tensor grad_q, grad_k, grad_v; /* as q, k, v */
    struct tensor grad_out, out;          /* [T, heads d] */
    struct tensor lse;                    /* f32 [heads, T] */
    struct tensor q, k, v;                /* [T, heads d], [T, kv_heads d], [T, kv_heads d] */
    struct tensor workspace;              /* backend_workspace() bytes */
    int head_dim;
    int64_t window;
    struct documents documents;
};

/* --- SwiGLU (Shazeer 2020, arXiv 2002.05202) --- */

/* out = silu(gate) up, silu(g) = g s(g), s(g) = 1 / (1 + exp(-g)); all of one shape */
struct op_swiglu_forward {
    struct tensor out, gate, up;
};

/* grad_gate = grad_out up s(gate) (1 + gate (1 - s(gate))),  grad_up = grad_out silu(gate) */
struct op_swiglu_backward {
    struct tensor grad_gate, grad_up; /* may be the memory of gate, and of up */
    struct tensor grad_out, gate, up;
};

/* --- element by element --- */

/* out += x; x may be out's memory */
struct op_add {
    struct tensor out, x;
};

/* x *= factor */
struct op_scale {
    struct tensor x;
    float factor;
};

/* NEFTune (Jain et al. 2023, arXiv 2310.05914): x += alpha / sqrt(L H) u, u uniform in [-1, 1),
 * L the tokens of the document. Words are Philox's, keyed by `key`, counted by (element, batch). */
struct op_add_noise {
    struct tensor x; /* [T, H], in place */
    struct documents documents;
    float alpha;
    uint32_t key[2];
    uint32_t batch;
};

/* --- head and loss ---
 *
 * Cross-entropy and z-loss (PaLM, arXiv 2204.02311, section 5), chunks of tokens at a time: T x V
 * logits are never in memory. For a token t with a target y >= 0 of weight w[t]:
 *     logits = head x[t],  lse = log(sum over v of exp(logits[v]))
 *     loss[0] += w (lse - logits[y]),  loss[1] += w z_loss lse^2
 *     g[v] = scale w ((1 + 2 z_loss lse) exp(logits[v] - lse) - [v = y])
 *     grad_x[t] = sum over v of g[v] head[v],  grad_weight[v] += g[v] x[t]
 * A token without a target has no part in the loss, and a gradient of zeros. */
struct op_head_loss {
    struct tensor loss;        /* f64 [1, 2], added to */
    struct tensor losses;      /* f32 [1, T], lse - logits[y]; 0: no target. May be absent */
    struct tensor grad_x;      /* [T, H]; may be absent */
    struct tensor grad_weight; /* f32 [V, H], added to; may be absent */
    struct tensor x;           /* [T, H] */
    struct tensor head;        /* [V, H] */
    struct tensor targets;     /* i32 [1, T]; -1: none */
    struct tensor weights;     /* f32 [1, T], above 0 where there is a target; absent: 1 each */
    struct tensor workspace;   /* backend_workspace() bytes */
    float scale, z_loss;
};

/* --- the optimiser --- */

/* sum += sum of squares of x */
struct op_sum_squares {
    struct tensor sum; /* f64 [1, 1], added to */
    struct tensor x;   /* f32 */
};

/* What a word of the stochastic rounding is for: the last word of Philox's counter, so that an
 * element's three draws are independent. */
enum draw { DRAW_PARAMETER, DRAW_M, DRAW_V };

/* What a step goes by; each operation says what it uses. */
struct step_settings {
    float lr, epsilon, weight_decay;
    double beta1, beta2; /* 1 - beta is taken in f64: in f32 that of 0.999999 is a hundredth off */
    float correction1, correction2;
    float gradient_scale; /* clipping and token normalisation */
    uint32_t key[2];      /* (seed, step), of the stochastic rounding */
    uint32_t tensor;      /* the tensor's number, likewise */
};

/* Common to all optimisers' steps, which follow: they compute in f32 whatever the types, and the
 * decay is decoupled from the gradient. With a master there, that is p, and the parameter its
 * nearest rounding; without, a bf16 parameter is rounded stochastically, by Philox words keyed by
 * (seed, step), counted by (tensor, element, draw). State of all bytes zero is a state of zeros, in
 * every type. g = gradient_scale gradient. */

/* AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); correction1 = 1 - beta1^step, correction2 =
 * 1 - beta2^step:
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     p = p - lr (weight_decay p + (m / correction1) / (sqrt(v / correction2) + epsilon))
 * Moments are rounded when p is done: bf16 stochastically, 8 bits to the nearest code. */
struct op_adamw {
    struct tensor parameter; /* in place */
    struct tensor master;    /* f32, in place; may be absent */
    struct tensor m, v;      /* f32, bf16 or DYNAMIC8, in place */
    struct tensor gradient;  /* f32 */
    struct step_settings settings;
};

/* Lion (Chen et al. 2023, arXiv 2302.06675, program 1); sign(0) = 0:
 *     p = p - lr (weight_decay p + sign(beta1 m + (1 - beta1) g))
 *     m = beta2 m + (1 - beta2) g */
struct op_lion {
    struct tensor parameter;       /* in place */
    struct tensor master;          /* f32, in place; may be absent */
    struct tensor m;               /* f32, in place */
    struct tensor gradient;        /* f32 */
    struct step_settings settings; /* no epsilon, no corrections */
};

/* Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon), of a matrix [N, K]; mu = beta1:
 *     m = mu m + (1 - mu) g,  u = mu m + (1 - mu) g                        (Nesterov's)
 *     X = u / max(|u|, epsilon),  |u| the root of the sum of its squares
 *     MUON_ITERATIONS times:  X = a X + (b A + c A A) X,  A = X X^T        (Newton and Schulz's)
 *     p = p - lr (weight_decay p + 0.2 sqrt(max(N, K)) X)
 * with (a, b, c) = muon_polynomial. X keeps the singular vectors of u, and its singular values come
 * near 1. The factor makes the root of the mean square of the update 0.2, which is about AdamW's,
 * so that one learning rate serves both (Liu et al. 2025, arXiv 2502.16982, section 2.2; in
 * PyTorch, match_rms_adamw). Where N > K, A is X^T X and stands on the other side, which is the
 * same X and the smaller product. */
enum { MUON_ITERATIONS = 5 };
#define MUON_RMS 0.2
static const double muon_polynomial[3] = {3.4445, -4.7750, 2.0315};

struct op_muon {
    struct tensor parameter;       /* [N, K], in place */
    struct tensor master;          /* f32, in place; may be absent */
    struct tensor m;               /* f32, in place */
    struct tensor gradient;        /* f32 */
    struct tensor workspace;       /* backend_workspace() bytes */
    struct step_settings settings; /* no beta2, no corrections */
};

/* --- memory --- */

/* All bytes of `out` are zero; what its scales hold is not touched. */
struct op_fill_zero {
    struct tensor out;
};

/* out = from, the same number of bytes; they may overlap */
struct op_copy {
    struct tensor out, from;
};

/* --- a call --- */

struct op_call {
    enum op op;
    union {
        struct op_embedding_forward embedding_forward;
        struct op_embedding_backward embedding_backward;
        struct op_rmsnorm_forward rmsnorm_forward;
        struct op_rmsnorm_backward rmsnorm_backward;
        struct op_dequantize dequantize;
        struct op_linear_forward linear_forward;
        struct op_linear_backward_input linear_backward_input;
        struct op_linear_backward_weight linear_backward_weight;
        struct op_bias_backward bias_backward;
        struct op_rope rope;
        struct op_attention_forward attention_forward;
        struct op_attention_backward attention_backward;
        struct op_swiglu_forward swiglu_forward;
        struct op_swiglu_backward swiglu_backward;
        struct op_add add;
        struct op_scale scale;
        struct op_add_noise add_noise;
        struct op_head_loss head_loss;
        struct op_sum_squares sum_squares;
        struct op_adamw adamw;
        struct op_lion lion;
        struct op_muon muon;
        struct op_fill_zero fill_zero;
        struct op_copy copy;
    };
};

/* --- what a call does with its tensors --- */

enum operand_use {
    OPERAND_READ = 1,
    OPERAND_WRITTEN = 2,
    OPERAND_CHANGED = OPERAND_READ | OPERAND_WRITTEN, /* in place, or added to */
    OPERAND_WORKSPACE = 4,                            /* means nothing before and after */
    OPERAND_OPTIONAL = 8                              /* beside one of these: may be absent */
};

struct op_operand {
    const char *name; /* as the argument is called; NULL: no more operands */
    size_t offset;    /* of a struct tensor in struct op_call */
    unsigned use;     /* enum operand_use */
};

enum { OPERANDS_MAX = 10 };

/* An output that `accumulate` decides about counts as changed. */
struct op_info {
    const char *name; /* "linear_forward" */
    struct op_operand operands[OPERANDS_MAX + 1];
};

extern const struct op_info op_info[OP_COUNT];

/* The first of the call's tensors whose shape does not go with the others', as the operation's
 * comment has them; NULL where all do. */
const char *op_misfit(const struct op_call *call);

static inline struct tensor *op_tensor(struct op_call *call, const struct op_operand *operand)
{
    return (struct tensor *)(void *)((char *)call + operand->offset);
}

static inline const struct tensor *op_tensor_of(const struct op_call *call,
                                                const struct op_operand *operand)
{
    return (const struct tensor *)(const void *)((const char *)call + operand->offset);
}

#endif
