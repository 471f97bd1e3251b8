/* The back-end interface: one versioned table a back end, with two small tables of operations.
 *
 * Buffers are opaque handles to memory that only operations, read() and write() may touch: on a GPU
 * there is no pointer to follow. Operations are ordered and may be asynchronous; wait() and read()
 * are the only points that wait. Operations on well-formed arguments do not fail, except by losing
 * the device, which wait() reports.
 *
 * Activations have one storage type a run (f32 or bf16); norm statistics, log-sum-exp, gradients of
 * weights and losses are always f32. Matrices are row-major. T tokens (of one micro-batch, packed),
 * H hidden, N outputs, K inputs, V vocabulary.
 */
#ifndef SPECTRUM_COMPUTE_BACKEND_H
#define SPECTRUM_COMPUTE_BACKEND_H

#include "base/error.h"

#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BACKEND_VERSION 6

/* The last two are for struct weight alone. */
enum storage { STORAGE_F32, STORAGE_BF16, STORAGE_INT8, STORAGE_NF4 };

/* Bytes of one element, f32 or bf16; what a quantised weight takes says quantized_bytes()
 * (quantize.h). */
static inline size_t storage_size(enum storage storage)
{
    return storage == STORAGE_F32 ? 4 : 2;
}

struct device_buffer; /* memory of a device */

/* A place in a buffer. A NULL buffer means "not there" where an operation allows that. */
struct place {
    struct device_buffer *buffer;
    size_t offset; /* bytes; a multiple of 64 for matrices */
};

/* A weight as it is stored. A quantised one has a scale for each block of 64 consecutive elements
 * of the row-major matrix, of which the last may be shorter; only dequantize() takes it, every
 * other operation wants f32 or bf16. n = rows cols elements, B = ceil(n / 64), G = ceil(B / 256):
 *
 * INT8: data i8 [n]; scales: absmax f32 [B], the block's largest magnitude.
 *     value = code * (absmax / 127)
 * NF4 (QLoRA, arXiv 2305.14314, as bitsandbytes has it): data u8 [ceil(n / 2)], two codes a byte,
 *     the first in the high half; scales: offset f32 [1], absmax2 f32 [G], q u8 [B], one after
 *     another: a block's absmax is quantised itself, in groups of 256 blocks.
 *     absmax = dynamic_map[q] * absmax2 + offset, value = nf4_values[code] * absmax
 */
struct weight {
    struct place data, scales; /* scales: not there for f32 and bf16 */
    enum storage storage;
    int64_t rows, cols; /* [N, K] */
};

/* Documents packed in one row of tokens: document i is [offsets[i], offsets[i+1]). Host memory,
 * offsets[0] = 0, offsets[count] = T; attention never crosses a document. */
struct documents {
    const int32_t *offsets;
    int count;
};

struct attention_shape {
    int64_t tokens;
    int heads, kv_heads, head_dim;
    int64_t window; /* a query sees its own token and the window - 1 before it; 0: all before it */
};

/* An optimiser's first and second moment as they are stored; all bytes zero is zero moments, of
 * every type. BF16 is rounded stochastically. INT8 (Dettmers et al., "8-bit optimizers via
 * block-wise quantization", ICLR 2022) has a code u8 an element and an absmax f32 [ceil(n / 256)],
 * the scale of a block of 256 elements: m in the signed dynamic map, v in the unsigned one
 * (dynamic.h). What they take: moment_bytes(). */
enum moment_type { MOMENTS_F32, MOMENTS_BF16, MOMENTS_INT8 };

struct moments {
    enum moment_type type;
    struct place m, v;
    struct place m_scales, v_scales; /* INT8 alone */
};

/* What a word of the stochastic rounding is for: the last word of Philox's counter, so that an
 * element's three draws are independent. */
enum draw { DRAW_PARAMETER, DRAW_M, DRAW_V };

struct adamw {
    float lr, beta1, beta2, epsilon, weight_decay;
    float correction1, correction2; /* 1 - beta^step */
    float gradient_scale;           /* clipping and token normalisation, applied to the gradient */
    uint32_t key[2];                /* stochastic rounding: (seed, step) */
    uint32_t tensor;                /* and the tensor's number */
};

/* Where an output is added to what is there (true) or replaces it. */
enum accumulate { REPLACE = 0, ADD = 1 };

/* What each token of a batch is to predict, and how much that counts. */
struct targets {
    struct place ids;     /* i32 [T], -1 = not supervised */
    struct place weights; /* f32 [T], above 0 where it is; no buffer: 1 each */
};

struct train_ops {
    /* out[T,H] = weight[id[t]] */
    void (*embedding_forward)(void *self, struct place out, enum storage type, struct weight weight,
                              struct place ids, int64_t tokens);
    /* grad_weight[V,H] f32 += rows of grad_out */
    void (*embedding_backward)(void *self, struct place grad_weight, struct place grad_out,
                               enum storage type, struct place ids, int64_t tokens, int64_t vocab,
                               int64_t hidden);
    /* RMSNorm (Zhang & Sennrich 2019): out = x * rstd * weight, rstd f32 [T] is kept */
    void (*rmsnorm_forward)(void *self, struct place out, struct place rstd, struct place x,
                            enum storage type, struct weight weight, float epsilon, int64_t tokens);
    /* grad_x (REPLACE or ADD), which may be the place of grad_out; grad_weight f32 [H] += unless
     * not there */
    void (*rmsnorm_backward)(void *self, struct place grad_x, enum accumulate accumulate,
                             struct place grad_weight, struct place grad_out, struct place x,
                             struct place rstd, enum storage type, struct weight weight,
                             int64_t tokens);
    /* out[N,K] of `type` = the values of a quantised weight, rounded to nearest even */
    void (*dequantize)(void *self, struct place out, enum storage type, struct weight weight);
    /* out[T,N] = or += x[T,K] weight[N,K]^T (+ bias[N] unless not there, stored as the weight is)
     */
    void (*linear_forward)(void *self, struct place out, enum accumulate accumulate, struct place x,
                           enum storage type, struct weight weight, struct place bias,
                           int64_t tokens);
    /* grad_x[T,K] = or += grad_out[T,N] weight[N,K] */
    void (*linear_backward_input)(void *self, struct place grad_x, enum accumulate accumulate,
                                  struct place grad_out, enum storage type, struct weight weight,
                                  int64_t tokens);
    /* grad_weight[N,K] f32 = or += grad_out[T,N]^T x[T,K] */
    void (*linear_backward_weight)(void *self, struct place grad_weight, enum accumulate accumulate,
                                   struct place grad_out, struct place x, enum storage type,
                                   int64_t rows, int64_t cols, int64_t tokens);
    /* grad_bias[N] f32 += column sums of grad_out[T,N] */
    void (*bias_backward)(void *self, struct place grad_bias, struct place grad_out,
                          enum storage type, int64_t tokens, int64_t rows);
    /* In place on x[T, heads, head_dim], Hugging Face's half-split pairing; table f32
     * [max_positions, head_dim] holds cos then sin halves; positions i32 [T] */
    void (*rope)(void *self, struct place x, enum storage type, struct place table,
                 struct place positions, int64_t tokens, int heads, int head_dim, bool backward);
    /* Causal grouped-query attention inside documents, scale 1/sqrt(head_dim);
     * q, out [T, heads, d]; k, v [T, kv_heads, d]; lse f32 [heads, T] is kept. O(T) memory. */
    void (*attention_forward)(void *self, struct place out, struct place lse, struct place q,
                              struct place k, struct place v, enum storage type,
                              struct attention_shape shape, struct documents documents);
    /* workspace: attention_workspace() bytes */
    void (*attention_backward)(void *self, struct place grad_q, struct place grad_k,
                               struct place grad_v, struct place grad_out, struct place out,
                               struct place lse, struct place q, struct place k, struct place v,
                               enum storage type, struct attention_shape shape,
                               struct documents documents, struct place workspace);
    size_t (*attention_workspace)(void *self, struct attention_shape shape, enum storage type);
    /* out = silu(gate) * up, n elements */
    void (*swiglu_forward)(void *self, struct place out, struct place gate, struct place up,
                           enum storage type, int64_t count);
    /* grad_gate may be the place of gate, grad_up that of up */
    void (*swiglu_backward)(void *self, struct place grad_gate, struct place grad_up,
                            struct place grad_out, struct place gate, struct place up,
                            enum storage type, int64_t count);
    /* out += x */
    void (*add)(void *self, struct place out, struct place x, enum storage type, int64_t count);
    /* x *= factor */
    void (*scale)(void *self, struct place x, enum storage type, float factor, int64_t count);
    /* NEFTune (arXiv 2310.05914): x[T,H] += alpha / sqrt(L H) times uniform numbers of [-1, 1), L
     * the tokens of the document; Philox keyed by `key`, counted by (element, batch) */
    void (*add_noise)(void *self, struct place x, enum storage type, int64_t hidden,
                      struct documents documents, float alpha, const uint32_t key[2],
                      uint32_t batch);
    /* Fused head and cross-entropy over chunks of tokens: never T x V in memory. loss f64 [2] +=
     * sums over supervised tokens of w times -log p, and of w z_loss times the squared log-sum-exp
     * of the logits (PaLM, arXiv 2204.02311, section 5), w being the target's weight. With grad_x
     * there, grad_x[T,H] = scale * d(both)/dx; with grad_weight there, grad_weight[V,H] f32 +=
     * scale * d(both)/dhead */
    void (*head_loss)(void *self, struct place loss, struct place grad_x, struct place grad_weight,
                      struct place x, enum storage type, struct weight head, struct targets targets,
                      int64_t tokens, float scale, float z_loss, struct place workspace);
    size_t (*head_workspace)(void *self, int64_t tokens, int64_t hidden, int64_t vocab,
                             enum storage type);
    /* sum f64 [1] += sum of squares of x f32 [n] */
    void (*sum_squares)(void *self, struct place sum, struct place x, int64_t count);
    /* AdamW (Loshchilov & Hutter 2019), decoupled decay, in f32 whatever the moments' type: they
     * are rounded when the parameter is done. With master there, it is updated and the parameter is
     * its nearest rounding; without, a bf16 parameter is rounded stochastically with Philox keyed
     * by (seed, step, tensor, element, draw). */
    void (*adamw)(void *self, struct place parameter, enum storage storage, struct place master,
                  struct moments moments, struct place gradient, int64_t count,
                  const struct adamw *settings);
    void (*fill_zero)(void *self, struct place out, size_t bytes);
    void (*copy)(void *self, struct place out, struct place from, size_t bytes);
};

/* Singular values of one matrix. Several threads may call these at once. */
struct spectra_ops {
    /* values f64 [min(rows, cols)], descending, of the host matrix f32 [rows, cols], all within
     * `accuracy` of the largest; those below spectra_resolution() may be exact zeros.
     * NaN or Inf in the matrix is ERROR_NOT_FINITE; ERROR_NOT_HERE: the device cannot do this one,
     * since it has no memory for it, even without those in other threads' hands, say, and another
     * may; ERROR_DEVICE: it is lost. The matrix need not be host_alloc()'s. room: workspace() bytes
     * of host memory, aligned to 64, which the caller keeps from matrix to matrix: fresh memory is
     * slow. */
    int (*values)(void *self, double *values, const float *matrix, int64_t rows, int64_t cols,
                  void *room, struct error *err);
    size_t (*workspace)(void *self, int64_t rows, int64_t cols);
    /* How many matrices of this shape the device takes at once; NULL: one for each core. */
    int (*side_by_side)(void *self, int64_t rows, int64_t cols);
    double accuracy;
};

/* Smaller singular values are rounding in fp64 (numpy.linalg.matrix_rank has the same bound). */
static inline double spectra_resolution(int64_t rows, int64_t cols, double largest)
{
    return DBL_EPSILON * (double)(rows > cols ? rows : cols) * largest;
}

/* What computes. */
struct device_info {
    char id[16];                  /* what --device takes: "cpu", "reference", "cuda:0" */
    char name[96];                /* "NVIDIA H200", or the processor's instructions and threads */
    uint64_t memory, free_memory; /* bytes; 0: not known */
    int fp64_ratio;               /* operations in fp32 for one in fp64; 0: not known */
};

struct backend {
    int version;                       /* BACKEND_VERSION */
    const char *name;                  /* "reference", "cpu", "cuda" */
    const struct train_ops *train;     /* NULL: cannot train */
    const struct spectra_ops *spectra; /* NULL: cannot scan */
    void *self;

    /* memory for train's operations; NULL where there are none */
    struct device_buffer *(*alloc)(void *self, size_t bytes, struct error *err);
    void (*free)(void *self, struct device_buffer *buffer);
    void (*write)(void *self, struct place to, const void *from, size_t bytes);
    void (*read)(void *self, void *to, struct place from, size_t bytes); /* waits */
    int (*wait)(void *self, struct error *err);
    /* Host memory that the device copies from quickest, aligned to 64, uninitialised; of any
     * thread. */
    void *(*host_alloc)(void *self, size_t bytes, struct error *err);
    void (*host_free)(void *self, void *memory);
    void (*describe)(void *self, struct device_info *out); /* as it is now */
    void (*close)(struct backend *backend);
};

/* Opens "cpu", "reference", "cuda" or "cuda:N", the Nth device; threads 0 = all cores. "auto" is
 * the CPU. An unknown name is ERROR_USAGE with the names that there are; where something is missing
 * the error says exactly what: the plug-in, the driver, the device. ERROR_DEVICE: it is there, but
 * busy. "guard", for tests, is the CPU with memory that only operations can touch (guard.h). */
int backend_open(struct backend **out, const char *device, int threads, struct error *err);
void backend_close(struct backend *backend);

/* Small products of every kind that a run of this type computes, so that what the libraries take by
 * themselves at their first (pages of their code, compiled kernels, threads) is there from now on:
 * whoever measures memory afterwards measures his own. Milliseconds; nothing where it cannot train.
 */
int backend_warm_up(struct backend *backend, enum storage type, struct error *err);

/* The same for a scan: "auto" is the first GPU that can be had and is quick in fp64, and the CPU
 * where there is none (GPUs do not train yet); where a GPU is busy, or its plug-in must not be
 * loaded, the CPU takes its place, with
 * the reason in `busy`, which is of kind ERROR_DEVICE then, else ERROR_NONE. */
int backend_open_for_scan(struct backend **out, const char *device, int threads, struct error *busy,
                          struct error *err);

/* Is it "cuda", "cuda:1", or a name that only a GPU could have? */
static inline bool device_is_gpu(const char *device)
{
    return strncmp(device, "cuda", 4) == 0;
}

enum { DEVICES_MOST = 17 }; /* the CPU and sixteen GPUs; more are not listed */

/* The devices that can be opened, without opening one: "cpu", then the GPUs. Fills at most `most`
 * of them and returns how many it filled. */
int backend_devices(struct device_info *out, int most);

/* 0 where there is a back end of that name, else backend_open()'s error; opens no device. */
int backend_check(const char *device, struct error *err);

/* The same for what runs a model, which GPUs do not do yet: nobody is sent for a driver first. */
int backend_check_training(const char *device, struct error *err);

#endif
