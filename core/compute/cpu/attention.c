/* Causal grouped-query attention inside documents, by tiles that stay in cache (Dao et al. 2022,
 * "FlashAttention"): memory grows with the tokens, not with their square. Tiles are widened to
 * fp32; where the processor multiplies bf16, attention_bf16.c takes those.
 *
 * The backward pass computes the probabilities twice, once for the keys' gradients and once for the
 * queries': no two threads write the same place, and the sums' order does not depend on them.
 */
#include "compute/cpu/attention.h"
#include "compute/reference_common.h"

/* c[TILE, n] += a[TILE, k] b[k, n]; a's strides are free, b and c are row-major, n is a multiple of
 * PANEL. */
static void tile_product(float *restrict c, int ldc, const float *restrict a, int a_row, int a_col,
                         const float *restrict b, int ldb, int n, int k)
{
    for (int j = 0; j < n; j += PANEL) {
        for (int i = 0; i < TILE; i += ROWS) {
            float sums[ROWS][PANEL];
            for (int r = 0; r < ROWS; r++)
#pragma omp simd
                for (int x = 0; x < PANEL; x++)
                    sums[r][x] = c[(i + r) * ldc + j + x];
            for (int p = 0; p < k; p++)
                for (int r = 0; r < ROWS; r++)
#pragma omp simd
                    for (int x = 0; x < PANEL; x++)
                        sums[r][x] += a[(i + r) * a_row + p * a_col] * b[p * ldb + j + x];
            for (int r = 0; r < ROWS; r++)
#pragma omp simd
                for (int x = 0; x < PANEL; x++)
                    c[(i + r) * ldc + j + x] = sums[r][x];
        }
    }
}

/* rows [count, padded] of one head, zeros behind; times factor */
static void load(float *out, const struct attention *at, const void *from, int heads, int head,
                 int64_t first, int count, float factor)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < TILE; i++) {
        float *row = out + i * at->padded;
        if (i >= count) {
            memset(row, 0, (size_t)at->padded * sizeof *row);
            continue;
        }
        widen(row, element(from, at->type, ((first + i) * heads + head) * dim), at->type, dim);
#pragma omp simd
        for (int d = 0; d < dim; d++)
            row[d] *= factor;
        for (int d = dim; d < at->padded; d++)
            row[d] = 0;
    }
}

/* out[padded, TILE] of rows [TILE, padded] */
static void transpose(float *restrict out, const float *restrict rows, int padded)
{
    for (int d = 0; d < padded; d++)
#pragma omp simd
        for (int i = 0; i < TILE; i++)
            out[d * TILE + i] = rows[i * padded + d];
}

/* Scores of a tile of queries against a tile of keys, -inf where a query does not see a key. */
static void score(float *scores, const struct attention *at, const float *q, const float *k_turned,
                  const struct tile *queries, const struct tile *keys)
{
    memset(scores, 0, TILE * TILE * sizeof *scores);
    tile_product(scores, TILE, q, at->padded, 1, k_turned, TILE, TILE, at->padded);
    for (int i = 0; i < TILE; i++) {
        int64_t last = queries->first + i - keys->first; /* key of the query itself */
        for (int64_t j = last + 1 < 0 ? 0 : last + 1; j < TILE; j++)
            scores[i * TILE + j] = -INFINITY;
        for (int64_t j = 0; at->shape.window > 0 && j <= last - at->shape.window && j < TILE; j++)
            scores[i * TILE + j] = -INFINITY;
    }
}

/* --- forwards --- */

static void forward_tile(const struct attention *at, void *out, struct tile queries, int head)
{
    float q[TILE * DIM_MAX], k[TILE * DIM_MAX], turned[TILE * DIM_MAX], sums[TILE * DIM_MAX] = {0};
    float scores[TILE * TILE];
    struct running running = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads);
    for (int i = 0; i < TILE; i++)
        running.largest[i] = -INFINITY;
    load(q, at, at->q, at->shape.heads, head, queries.first, queries.count, at->scale);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        load(k, at, at->k, at->shape.kv_heads, kv_head, first, keys.count, 1);
        transpose(turned, k, at->padded);
        score(scores, at, q, turned, &queries, &keys);
        absorb(&running, sums, scores, at->padded);
        load(k, at, at->v, at->shape.kv_heads, kv_head, first, keys.count, 1);
        tile_product(sums, at->padded, scores, TILE, 1, k, at->padded, at->padded, TILE);
    }
    finish_rows(at, out, &queries, head, sums, &running);
}

void CPU(attention_forward)(void *self, struct place out, struct place lse, struct place q,
                            struct place k, struct place v, enum storage type,
                            struct attention_shape shape, struct documents documents)
{
    if (shape.head_dim > DIM_MAX) {
        reference_attention_forward(self, out, lse, q, k, v, type, shape, documents);
        return;
    }
    const struct attention at = attention_of(q, k, v, lse, type, shape, documents);
    int64_t tiles = tiles_of(&documents);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(host_threads(self))
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < shape.heads; head++)
            (multiplies_bf16(&at) ? CPU(attention_forward_tile_bf16) : forward_tile)(
                &at, host_pointer(out), tile_at(&documents, tiles - 1 - index), head);
}

/* --- backwards --- */

/* Probabilities from the kept log-sum-exp, and the scores' gradients p (go v - delta). */
static void probabilities(float *p, float *ds, const struct attention *at, int head,
                          const struct tile *queries)
{
    for (int i = 0; i < TILE; i++) {
        int64_t token = queries->first + i;
        bool real = i < queries->count;
        float lse = real ? at->lse[head * at->shape.tokens + token] : 0;
        float delta = real ? at->delta[head * at->shape.tokens + token] : 0;
        float *row = p + i * TILE, *grad = ds + i * TILE;
#pragma omp simd
        for (int j = 0; j < TILE; j++) {
            float value = exp_vector(row[j] - lse); /* for all: that is vectorised */
            row[j] = row[j] == -INFINITY || !real ? 0 : value;
            grad[j] = row[j] * (grad[j] - delta);
        }
    }
}

/* Tiles that both passes hold. */
struct backward_tiles {
    float q[TILE * DIM_MAX], go[TILE * DIM_MAX], k[TILE * DIM_MAX], v[TILE * DIM_MAX];
    float k_turned[TILE * DIM_MAX], v_turned[TILE * DIM_MAX];
    float p[TILE * TILE], ds[TILE * TILE];
};

static void load_queries(struct backward_tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count, at->scale);
    load(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count, 1);
}

static void load_keys(struct backward_tiles *t, const struct attention *at, int kv_head,
                      const struct tile *keys)
{
    load(t->k, at, at->k, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    load(t->v, at, at->v, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    transpose(t->k_turned, t->k, at->padded);
    transpose(t->v_turned, t->v, at->padded);
}

static void score_gradients(struct backward_tiles *t, const struct attention *at, int head,
                            const struct tile *queries, const struct tile *keys)
{
    score(t->p, at, t->q, t->k_turned, queries, keys);
    memset(t->ds, 0, sizeof t->ds);
    tile_product(t->ds, TILE, t->go, at->padded, 1, t->v_turned, TILE, TILE, at->padded);
    probabilities(t->p, t->ds, at, head, queries);
}

/* dk and dv of a tile of keys: the sum over the heads of its group and the queries behind it. The
 * scale is in q already. */
static void backward_keys(const struct attention *at, void *grad_k, void *grad_v, struct tile keys,
                          int kv_head)
{
    struct backward_tiles t;
    float dk[TILE * DIM_MAX] = {0}, dv[TILE * DIM_MAX] = {0};
    int group = at->shape.heads / at->shape.kv_heads;
    load_keys(&t, at, kv_head, &keys);
    for (int64_t first = keys.first; first < keys.document_end; first += TILE) {
        if (is_out_of_window(at, first, keys.first))
            break;
        struct tile queries = queries_from(keys, first);
        for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
            load_queries(&t, at, head, &queries);
            score_gradients(&t, at, head, &queries, &keys);
            tile_product(dv, at->padded, t.p, 1, TILE, t.go, at->padded, at->padded, TILE);
            tile_product(dk, at->padded, t.ds, 1, TILE, t.q, at->padded, at->padded, TILE);
        }
    }
    store_scaled(at, grad_k, at->shape.kv_heads, kv_head, &keys, dk, 1);
    store_scaled(at, grad_v, at->shape.kv_heads, kv_head, &keys, dv, 1);
}

static void backward_queries(const struct attention *at, void *grad_q, struct tile queries,
                             int head)
{
    struct backward_tiles t;
    float dq[TILE * DIM_MAX] = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads);
    load_queries(&t, at, head, &queries);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        load_keys(&t, at, kv_head, &keys);
        score_gradients(&t, at, head, &queries, &keys);
        tile_product(dq, at->padded, t.ds, TILE, 1, t.k, at->padded, at->padded, TILE);
    }
    store_scaled(at, grad_q, at->shape.heads, head, &queries, dq, at->scale);
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

void CPU(attention_backward)(void *self, struct place grad_q, struct place grad_k,
                             struct place grad_v, struct place grad_out, struct place out,
                             struct place lse, struct place q, struct place k, struct place v,
                             enum storage type, struct attention_shape shape,
                             struct documents documents, struct place workspace)
{
    if (shape.head_dim > DIM_MAX) {
        reference_attention_backward(self, grad_q, grad_k, grad_v, grad_out, out, lse, q, k, v,
                                     type, shape, documents, workspace);
        return;
    }
    struct attention at = attention_of(q, k, v, lse, type, shape, documents);
    int64_t tiles = tiles_of(&documents);
    at.out = host_pointer(out);
    at.grad_out = host_pointer(grad_out);
    at.delta = host_pointer(workspace);
    row_products(&at, host_threads(self));
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(host_threads(self))
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < shape.kv_heads; head++)
            (multiplies_bf16(&at) ? CPU(attention_backward_keys_bf16) : backward_keys)(
                &at, host_pointer(grad_k), host_pointer(grad_v), tile_at(&documents, index), head);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(host_threads(self))
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < shape.heads; head++)
            (multiplies_bf16(&at) ? CPU(attention_backward_queries_bf16) : backward_queries)(
                &at, host_pointer(grad_q), tile_at(&documents, tiles - 1 - index), head);
}

size_t CPU(attention_workspace)(void *self, struct attention_shape shape, enum storage type)
{
    if (shape.head_dim > DIM_MAX)
        return reference_attention_workspace(self, shape, type);
    return (size_t)(shape.tokens * shape.heads) * sizeof(float);
}
