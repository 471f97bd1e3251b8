/* The head and its cross-entropy (op.h has the formulas): chunks of supervised tokens, each token's
 * logits once. Tokens that are not supervised cost nothing.
 *
 *     1. logits [chunk, V] = x head^T
 *     2. of each token  lse = log of the sum of e^logits,  loss = lse - logits[target],
 *        z-loss = z lse^2,  and in the logits' place their gradient,
 *        g = (1 + 2 z lse) softmax(logits) - [v = target]
 *     3. grad_x = g head,  grad_weight += g^T x
 *
 * So the logits of a whole batch, T x V, never lie in memory at once. */
#include "compute/cpu/train/operations.h"
#include "compute/reference/reference.h"

#include <math.h>

/* Tokens of a chunk: enough for the products, few enough that chunk x vocabulary stays small. The
 * last chunk is filled up to a multiple of PAD, so that few shapes of product occur. */
enum { CHUNK = 256, PAD = 64 };

struct token_loss {
    double entropy, z; /* of the cross-entropy and of the z-loss, times the token's weight */
    float own;         /* of the cross-entropy, as it is */
};

/* What a chunk needs, laid out in the workspace. */
struct chunk {
    int32_t *tokens;           /* [T] the supervised tokens, in order */
    struct token_loss *losses; /* [CHUNK] */
    float *logits;             /* [CHUNK, V] */
    void *grad;       /* [CHUNK, V] in the activations' type; for f32 the logits themselves */
    void *x, *grad_x; /* [CHUNK, H] */
    size_t bytes;
};

static size_t place_of(size_t *at, size_t bytes)
{
    size_t start = *at;
    *at += (bytes + 63) / 64 * 64;
    return start;
}

/* One function for size and place: without a `start` it only counts the bytes. */
static struct chunk lay_out(char *start, int64_t tokens, int64_t hidden, int64_t vocab,
                            enum storage type)
{
    size_t at = 0, width = storage_size(type);
    size_t of_tokens = place_of(&at, (size_t)tokens * sizeof(int32_t));
    size_t of_losses = place_of(&at, CHUNK * sizeof(struct token_loss));
    size_t of_logits = place_of(&at, (size_t)(CHUNK * vocab) * sizeof(float));
    size_t of_grad =
        type == STORAGE_F32 ? of_logits : place_of(&at, (size_t)(CHUNK * vocab) * width);
    size_t of_x = place_of(&at, (size_t)(CHUNK * hidden) * width);
    size_t of_grad_x = place_of(&at, (size_t)(CHUNK * hidden) * width);
    struct chunk chunk = {.bytes = at};
    if (!start)
        return chunk;
    chunk.tokens = (int32_t *)(void *)(start + of_tokens);
    chunk.losses = (struct token_loss *)(void *)(start + of_losses);
    chunk.logits = (float *)(void *)(start + of_logits);
    chunk.grad = start + of_grad;
    chunk.x = start + of_x;
    chunk.grad_x = start + of_grad_x;
    return chunk;
}

size_t CPU(head_workspace)(const struct op_head_loss *a)
{
    size_t reference = reference_head_workspace(a);
    size_t own = lay_out(NULL, a->x.rows, a->x.cols, a->head.rows, a->x.storage).bytes;
    return own > reference ? own : reference;
}

/* A maximum in vectors, whose order does not matter. */
static float largest_of(const float *values, int64_t count)
{
    float largest = values[0];
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < count; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

/* exp(value - largest) in place; returns the sum. */
static double exponentials(float *values, float largest, int64_t count)
{
    enum { PART = 1024, LANES = 16 };
    double sum = 0;
    for (int64_t at = 0; at < count; at += PART) {
        int64_t end = count - at < PART ? count : at + PART, i = at;
        float lanes[LANES] = {0};
        for (; i + LANES <= end; i += LANES)
#pragma omp simd
            for (int lane = 0; lane < LANES; lane++) {
                values[i + lane] = exp_vector(values[i + lane] - largest);
                lanes[lane] += values[i + lane];
            }
        for (; i < end; i++)
            sum += (double)(values[i] = exp_vector(values[i] - largest));
        for (int lane = 0; lane < LANES; lane++)
            sum += (double)lanes[lane];
    }
    return sum;
}

/* Loss of one token, which counts `weight`; its logits become g, scale times the loss's gradient in
 * them, in the activations' type. Without `grad` they are of no more use. */
static struct token_loss token_loss(float *logits, void *grad, enum storage type, int32_t target,
                                    float weight, int64_t vocab, float scale, float z_loss)
{
    /* lse = largest + log of the sum of exp(logits - largest) */
    float largest = largest_of(logits, vocab), own = logits[target];
    double sum = exponentials(logits, largest, vocab);
    double lse = (double)largest + log(sum);
    const struct token_loss loss = {(double)weight * (lse - (double)own),
                                    (double)weight * (double)z_loss * lse * lse,
                                    (float)(lse - (double)own)};
    if (!grad)
        return loss;
    /* g = scale weight ((1 + 2 z_loss lse) exp(logits - lse) - [v = target]) */
    scale *= weight;
    float factor = (float)((double)scale * (1 + 2 * (double)z_loss * lse) / sum);
#pragma omp simd
    for (int64_t i = 0; i < vocab; i++)
        logits[i] *= factor;
    logits[target] -= scale;
    if (grad != logits)
        narrow(grad, logits, type, vocab);
    return loss;
}

struct head_pass {
    void *self;
    struct chunk chunk;
    const void *x;
    void *grad_x;
    float *grad_weight, *losses;
    const int32_t *targets;
    const float *weights; /* NULL: 1 each */
    enum storage type;
    struct tensor head;
    float scale, z_loss;
};

/* Gathers tokens [first, first + count) of the list, with zeros up to `padded`. */
static void gather(const struct head_pass *pass, int64_t first, int64_t count, int64_t padded)
{
    int64_t hidden = pass->head.cols;
    size_t row = (size_t)hidden * storage_size(pass->type);
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)pass->chunk.x + (size_t)i * row,
               element(pass->x, pass->type, pass->chunk.tokens[first + i] * hidden), row);
    memset((char *)pass->chunk.x + (size_t)count * row, 0, (size_t)(padded - count) * row);
}

/* The chunk's gradients go back to where their tokens lie; the others' stay zero. */
static void scatter(const struct head_pass *pass, int64_t first, int64_t count)
{
    int64_t hidden = pass->head.cols;
    size_t row = (size_t)hidden * storage_size(pass->type);
    for (int64_t i = 0; i < count; i++)
        memcpy(element_of(pass->grad_x, pass->type, pass->chunk.tokens[first + i] * hidden),
               (char *)pass->chunk.grad_x + (size_t)i * row, row);
}

/* A token to a thread; rows that only fill the chunk up have zeros as gradients, so that they add
 * nothing to the products. */
static void losses(const struct head_pass *pass, int64_t first, int64_t count, int64_t padded)
{
    int64_t vocab = pass->head.rows;
    const struct chunk *chunk = &pass->chunk;
    bool back = pass->grad_x || pass->grad_weight;
#pragma omp parallel for num_threads(host_threads(pass->self))
    for (int64_t i = 0; i < padded; i++) {
        void *grad = back ? element_of(chunk->grad, pass->type, i * vocab) : NULL;
        int32_t token = i < count ? chunk->tokens[first + i] : -1;
        if (token >= 0)
            chunk->losses[i] = token_loss(
                chunk->logits + i * vocab, grad, pass->type, pass->targets[token],
                pass->weights ? pass->weights[token] : 1, vocab, pass->scale, pass->z_loss);
        else if (grad)
            memset(grad, 0, (size_t)vocab * storage_size(pass->type));
    }
}

/* The three products of a chunk. */
static struct matmul logits_of(const struct head_pass *pass, int64_t padded)
{
    int64_t vocab = pass->head.rows, hidden = pass->head.cols;
    return (struct matmul){
        .c = pass->chunk.logits,
        .c_storage = STORAGE_F32,
        .c_stride = vocab,
        .accumulate = REPLACE,
        .a = {pass->chunk.x, pass->type, hidden, 1},
        .b = {host_data(&pass->head), pass->head.storage, 1, hidden},
        .m = padded,
        .n = vocab,
        .k = hidden,
    };
}

static struct matmul grad_x_of(const struct head_pass *pass, int64_t padded)
{
    int64_t vocab = pass->head.rows, hidden = pass->head.cols;
    return (struct matmul){
        .c = pass->chunk.grad_x,
        .c_storage = pass->type,
        .c_stride = hidden,
        .accumulate = REPLACE,
        .a = {pass->chunk.grad, pass->type, vocab, 1},
        .b = {host_data(&pass->head), pass->head.storage, hidden, 1},
        .m = padded,
        .n = hidden,
        .k = vocab,
    };
}

static struct matmul grad_weight_of(const struct head_pass *pass, int64_t padded)
{
    int64_t vocab = pass->head.rows, hidden = pass->head.cols;
    return (struct matmul){
        .c = pass->grad_weight,
        .c_storage = STORAGE_F32,
        .c_stride = hidden,
        .accumulate = ADD,
        .a = {pass->chunk.grad, pass->type, 1, vocab},
        .b = {pass->chunk.x, pass->type, hidden, 1},
        .m = vocab,
        .n = hidden,
        .k = padded,
    };
}

static int64_t padded_to(int64_t count)
{
    return (count + PAD - 1) / PAD * PAD;
}

/* Only those that this call wants: a frozen head has no grad_weight. */
static bool has_products(const struct head_pass *pass, int64_t padded)
{
    struct products *products = host_kept(pass->self);
    const struct matmul logits = logits_of(pass, padded), grad_x = grad_x_of(pass, padded),
                        grad_weight = grad_weight_of(pass, padded);
    return products_have(products, &logits) &&
           (!pass->grad_x || products_have(products, &grad_x)) &&
           (!pass->grad_weight || products_have(products, &grad_weight));
}

/* Asked before the first chunk, of all shapes that batches of so many tokens can have: what a chunk
 * has added could not be taken back, and products are made in the first step, not in a later one
 * that has another number of supervised tokens. */
static bool can_run(const struct head_pass *pass, int64_t tokens)
{
    for (int64_t padded = PAD; padded <= CHUNK && padded < tokens + PAD; padded += PAD)
        if (!has_products(pass, padded))
            return false;
    return true;
}

static void run_chunk(const struct head_pass *pass, int64_t first, int64_t count, double *loss)
{
    struct products *products = host_kept(pass->self);
    int64_t padded = padded_to(count);
    const struct matmul logits = logits_of(pass, padded), grad_x = grad_x_of(pass, padded),
                        grad_weight = grad_weight_of(pass, padded);
    /* logits = x head^T of the chunk's tokens */
    gather(pass, first, count, padded);
    products_run(products, &logits);
    /* both losses, and g in place of the logits */
    losses(pass, first, count, padded);
    for (int64_t i = 0; i < count; i++) {
        loss[0] += pass->chunk.losses[i].entropy;
        loss[1] += pass->chunk.losses[i].z;
        if (pass->losses)
            pass->losses[pass->chunk.tokens[first + i]] = pass->chunk.losses[i].own;
    }
    /* grad_x = g head,  grad_weight += g^T x */
    if (pass->grad_x) {
        products_run(products, &grad_x);
        scatter(pass, first, count);
    }
    if (pass->grad_weight)
        products_run(products, &grad_weight);
}

/* Those with a target: a prompt, padding and what ends a document have none. */
static int64_t list_supervised(int32_t *out, const int32_t *targets, int64_t tokens)
{
    int64_t count = 0;
    for (int64_t t = 0; t < tokens; t++)
        if (targets[t] >= 0) /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a workspace */
            out[count++] = (int32_t)t;
    return count;
}

/* The losses of a chunk are added up in the order of its tokens, by one thread. */
void CPU(head_loss)(void *self, const struct op_call *call)
{
    const struct op_head_loss *a = &call->head_loss;
    int64_t tokens = a->x.rows;
    struct head_pass pass = {
        .self = self,
        .chunk =
            lay_out(host_data(&a->workspace), tokens, a->head.cols, a->head.rows, a->x.storage),
        .x = host_data(&a->x),
        .grad_x = host_data(&a->grad_x),
        .grad_weight = host_data(&a->grad_weight),
        .losses = host_data(&a->losses),
        .targets = host_data(&a->targets),
        .weights = host_data(&a->weights),
        .type = a->x.storage,
        .head = a->head,
        .scale = a->scale,
        .z_loss = a->z_loss,
    };
    int64_t count = list_supervised(pass.chunk.tokens, pass.targets, tokens);
    if (!can_run(&pass, tokens)) {
        reference_ops[call->op](self, call);
        return;
    }
    if (pass.losses)
        CPU(fill_zero)(self, &(struct op_call){OP_FILL_ZERO, .fill_zero = {a->losses}});
    if (pass.grad_x)
        CPU(fill_zero)(self, &(struct op_call){OP_FILL_ZERO, .fill_zero = {a->grad_x}});
    for (int64_t first = 0; first < count; first += CHUNK)
        run_chunk(&pass, first, count - first < CHUNK ? count - first : CHUNK, host_data(&a->loss));
}
