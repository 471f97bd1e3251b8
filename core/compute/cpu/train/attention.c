/* Causal grouped-query attention inside documents, by tiles that stay in cache (Dao et al. 2022,
 * "FlashAttention"): memory grows with the tokens, not with their square. Tiles are widened to
 * fp32; where the processor multiplies bf16, attention_bf16.c takes those.
 */
#include "compute/cpu/train/attention_backward.h"
#include "compute/cpu/train/attention_bf16.h"
#include "compute/cpu/train/attention_f32.h"
#include "compute/reference/reference.h"

/* Scores of keys (rows) with queries (columns), -inf where a query does not see a key. */
static void score_by_key(float *scores, const struct attention *at, const float *k,
                         const float *q_transposed, const struct tile *queries,
                         const struct tile *keys)
{
    int window = at->shape.window;
    compare(scores, k, q_transposed, at->padded);
    for (int j = 0; j < TILE_TOKENS; j++) {
        int64_t begin = keys->first + j - queries->first;
        mask_row(scores + j * TILE_TOKENS, begin, window > 0 ? begin + window : TILE_TOKENS);
    }
}

/* The largest score of each query so far in `running`, and in `base`, which is 0 where a query has
 * seen no key yet; how much what is summed shrinks by it. */
static void raise_largest(struct running *running, float *base, float *shrink, const float *scores)
{
    memcpy(base, running->largest, sizeof running->largest);
    for (int j = 0; j < TILE_TOKENS; j++)
#pragma omp simd
        for (int i = 0; i < TILE_TOKENS; i++)
            base[i] = scores[j * TILE_TOKENS + i] > base[i] ? scores[j * TILE_TOKENS + i] : base[i];
#pragma omp simd
    for (int i = 0; i < TILE_TOKENS; i++) {
        float largest = base[i];
        base[i] = largest == -INFINITY ? 0 : largest;
        shrink[i] = exp_vector(running->largest[i] - base[i]);
        running->largest[i] = largest;
    }
}

/* Scores, keys by queries, become exp(score - largest); what was summed so far is scaled to that.
 */
static void absorb(struct running *running, float *sums, float *scores, int padded)
{
    float base[TILE_TOKENS], shrink[TILE_TOKENS], total[TILE_TOKENS] = {0};
    raise_largest(running, base, shrink, scores);
    for (int j = 0; j < TILE_TOKENS; j++) {
        float *row = scores + j * TILE_TOKENS;
#pragma omp simd
        for (int i = 0; i < TILE_TOKENS; i++) {
            float value = exp_vector(row[i] - base[i]); /* for all: that is vectorised */
            row[i] = row[i] == -INFINITY ? 0 : value;
            total[i] += row[i];
        }
    }
#pragma omp simd
    for (int i = 0; i < TILE_TOKENS; i++)
        running->sum[i] = running->sum[i] * shrink[i] + total[i];
    for (int i = 0; i < TILE_TOKENS; i++)
#pragma omp simd
        for (int d = 0; d < padded; d++)
            sums[i * padded + d] *= shrink[i];
}

static void forward_tile(const struct attention *at, void *out, struct tile queries, int head)
{
    float rows[TILE_TOKENS * DIM_MAX], q_transposed[TILE_TOKENS * DIM_MAX],
        sums[TILE_TOKENS * DIM_MAX] = {0};
    float scores[TILE_TOKENS * TILE_TOKENS];
    struct running running = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads);
    for (int i = 0; i < TILE_TOKENS; i++)
        running.largest[i] = -INFINITY;
    load_tile(rows, at, at->q, at->shape.heads, head, queries.first, queries.count, at->scale);
    transpose_tile(q_transposed, rows, at->padded);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE_TOKENS) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        /* scores of this tile's keys; what was summed so far shrinks to the largest of them */
        load_tile(rows, at, at->k, at->shape.kv_heads, kv_head, first, keys.count, 1);
        score_by_key(scores, at, rows, q_transposed, &queries, &keys);
        absorb(&running, sums, scores, at->padded);
        /* sums += exp(scores - largest) v */
        load_tile(rows, at, at->v, at->shape.kv_heads, kv_head, first, keys.count, 1);
        tile_product(sums, at->padded, scores, 1, TILE_TOKENS, rows, at->padded, at->padded,
                     TILE_TOKENS);
    }
    finish_rows(at, out, &queries, head, sums, &running);
}

void CPU(attention_forward)(void *self, const struct op_call *call)
{
    const struct op_attention_forward *a = &call->attention_forward;
    if (a->head_dim > DIM_MAX) {
        reference_ops[call->op](self, call);
        return;
    }
    const struct attention at =
        attention_of(&a->q, &a->k, &a->v, &a->lse,
                     attention_shape(&a->q, &a->k, a->head_dim, a->window), a->documents);
    void *out = host_data(&a->out);
    int64_t tiles = token_tiles(&at.documents);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(host_threads(self))
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < at.shape.heads; head++)
            (multiplies_bf16(at.type) ? CPU(attention_forward_tile_bf16) : forward_tile)(
                &at, out, token_tile(&at.documents, tiles - 1 - index), head);
}

/* delta = go . out of every row */
static void row_products(const struct attention *at, int threads)
{
    int dim = at->shape.head_dim, heads = at->shape.heads;
#pragma omp parallel for num_threads(threads)
    for (int64_t token = 0; token < at->shape.tokens; token++) {
        for (int head = 0; head < heads; head++) {
            float go[DIM_MAX], out[DIM_MAX], sum = 0;
            widen(go, element(at->grad_out, at->type, (token * heads + head) * dim), at->type, dim);
            widen(out, element(at->out, at->type, (token * heads + head) * dim), at->type, dim);
            for (int d = 0; d < dim; d++)
                sum += go[d] * out[d];
            at->delta[head * at->shape.tokens + token] = sum;
        }
    }
}

void CPU(attention_backward)(void *self, const struct op_call *call)
{
    const struct op_attention_backward *a = &call->attention_backward;
    if (a->head_dim > DIM_MAX) {
        reference_ops[call->op](self, call);
        return;
    }
    struct attention at =
        attention_of(&a->q, &a->k, &a->v, &a->lse,
                     attention_shape(&a->q, &a->k, a->head_dim, a->window), a->documents);
    void *dq = host_data(&a->grad_q), *dk = host_data(&a->grad_k), *dv = host_data(&a->grad_v);
    float *rest = host_data(&a->workspace);
    int threads = host_threads(self);
    at.out = host_data(&a->out);
    at.grad_out = host_data(&a->grad_out);
    at.delta = rest;
    row_products(&at, threads);
    if (multiplies_bf16(at.type)) {
        CPU(attention_backward_bf16)(&at, dq, dk, dv, threads);
        return;
    }
    rest += at.shape.tokens * at.shape.heads;
    CPU(attention_backward_f32)(&at, dq, dk, dv, rest, threads);
}

/* delta, and after it the sums of what is not summed in place. */
size_t CPU(attention_workspace)(const struct op_attention_backward *a)
{
    if (a->head_dim > DIM_MAX)
        return reference_attention_workspace(a);
    struct attention_shape shape = attention_shape(&a->q, &a->k, a->head_dim, a->window);
    size_t delta = (size_t)(shape.tokens * shape.heads) * sizeof(float);
    return delta + (multiplies_bf16(a->q.storage)
                        ? 0
                        : CPU(attention_backward_f32_workspace)(shape, a->q.storage));
}
