/* Causal grouped-query attention inside documents, by tiles that stay in cache (Dao et al. 2022,
 * "FlashAttention"): memory grows with the tokens, not with their square. Tiles are widened to
 * fp32; where the processor multiplies bf16, attention_bf16.c takes those. What stays in a loop
 * over tiles is turned for the products, so that nothing is turned per pair: scores are keys by
 * queries where queries stay.
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

/* -inf in a row but for columns [begin, end), which may lie outside of it. */
static void mask_row(float *row, int64_t begin, int64_t end)
{
    for (int64_t i = 0; i < begin && i < TILE; i++)
        row[i] = -INFINITY;
    for (int64_t i = end < 0 ? 0 : end; i < TILE; i++)
        row[i] = -INFINITY;
}

/* Scores of queries (rows) with keys (columns), -inf where a query does not see a key. */
static void score_by_query(float *scores, const struct attention *at, const float *q,
                           const float *k_turned, const struct tile *queries,
                           const struct tile *keys)
{
    int window = at->shape.window;
    memset(scores, 0, TILE * TILE * sizeof *scores);
    tile_product(scores, TILE, q, at->padded, 1, k_turned, TILE, TILE, at->padded);
    for (int i = 0; i < TILE; i++) {
        int64_t end = queries->first + i + 1 - keys->first;
        mask_row(scores + i * TILE, window > 0 ? end - window : 0, end);
    }
}

/* The same turned: keys are rows, queries columns. */
static void score_by_key(float *scores, const struct attention *at, const float *k,
                         const float *q_turned, const struct tile *queries, const struct tile *keys)
{
    int window = at->shape.window;
    memset(scores, 0, TILE * TILE * sizeof *scores);
    tile_product(scores, TILE, k, at->padded, 1, q_turned, TILE, TILE, at->padded);
    for (int j = 0; j < TILE; j++) {
        int64_t begin = keys->first + j - queries->first;
        mask_row(scores + j * TILE, begin, window > 0 ? begin + window : TILE);
    }
}

/* --- forwards --- */

/* The largest score of each query so far in `running`, and in `base`, which is 0 where a query has
 * seen no key yet; how much what is summed shrinks by it. */
static void raise_largest(struct running *running, float *base, float *shrink, const float *scores)
{
    memcpy(base, running->largest, sizeof running->largest);
    for (int j = 0; j < TILE; j++)
#pragma omp simd
        for (int i = 0; i < TILE; i++)
            base[i] = scores[j * TILE + i] > base[i] ? scores[j * TILE + i] : base[i];
#pragma omp simd
    for (int i = 0; i < TILE; i++) {
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
    float base[TILE], shrink[TILE], total[TILE] = {0};
    raise_largest(running, base, shrink, scores);
    for (int j = 0; j < TILE; j++) {
        float *row = scores + j * TILE;
#pragma omp simd
        for (int i = 0; i < TILE; i++) {
            float value = exp_vector(row[i] - base[i]); /* for all: that is vectorised */
            row[i] = row[i] == -INFINITY ? 0 : value;
            total[i] += row[i];
        }
    }
#pragma omp simd
    for (int i = 0; i < TILE; i++)
        running->sum[i] = running->sum[i] * shrink[i] + total[i];
    for (int i = 0; i < TILE; i++)
#pragma omp simd
        for (int d = 0; d < padded; d++)
            sums[i * padded + d] *= shrink[i];
}

static void forward_tile(const struct attention *at, void *out, struct tile queries, int head)
{
    float rows[TILE * DIM_MAX], q_turned[TILE * DIM_MAX], sums[TILE * DIM_MAX] = {0};
    float scores[TILE * TILE];
    struct running running = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads);
    for (int i = 0; i < TILE; i++)
        running.largest[i] = -INFINITY;
    load(rows, at, at->q, at->shape.heads, head, queries.first, queries.count, at->scale);
    transpose(q_turned, rows, at->padded);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        load(rows, at, at->k, at->shape.kv_heads, kv_head, first, keys.count, 1);
        score_by_key(scores, at, rows, q_turned, &queries, &keys);
        absorb(&running, sums, scores, at->padded);
        load(rows, at, at->v, at->shape.kv_heads, kv_head, first, keys.count, 1);
        tile_product(sums, at->padded, scores, 1, TILE, rows, at->padded, at->padded, TILE);
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

/* Rows are queries, columns keys: probabilities from the kept log-sum-exp, and the scores'
 * gradients p (go v - delta). */
static void probabilities(float *p, float *ds, const struct statistics *s)
{
    for (int i = 0; i < TILE; i++) {
        float lse = s->lse[i], delta = s->delta[i];
        float *row = p + i * TILE, *grad = ds + i * TILE;
#pragma omp simd
        for (int j = 0; j < TILE; j++) {
            float value = exp_vector(row[j] - lse); /* for all: that is vectorised */
            row[j] = row[j] == -INFINITY ? 0 : value;
            grad[j] = row[j] * (grad[j] - delta);
        }
    }
}

/* Rows are keys, columns queries; the gradients alone. */
static void gradients(float *ds, const float *scores, const struct statistics *s)
{
    for (int j = 0; j < TILE; j++) {
        const float *row = scores + j * TILE;
        float *grad = ds + j * TILE;
#pragma omp simd
        for (int i = 0; i < TILE; i++) {
            float value = exp_vector(row[i] - s->lse[i]);
            grad[i] = (row[i] == -INFINITY ? 0 : value) * (grad[i] - s->delta[i]);
        }
    }
}

/* What both passes hold; beside it, turned, the two tiles that stay while the others go by. */
struct backward_tiles {
    float q[TILE * DIM_MAX], go[TILE * DIM_MAX], k[TILE * DIM_MAX], v[TILE * DIM_MAX];
    float scores[TILE * TILE], ds[TILE * TILE];
    struct statistics statistics;
};

static void load_queries(struct backward_tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count, at->scale);
    load(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count, 1);
    read_statistics(&t->statistics, at, head, queries);
}

static void load_keys(struct backward_tiles *t, const struct attention *at, int kv_head,
                      const struct tile *keys)
{
    load(t->k, at, at->k, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    load(t->v, at, at->v, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
}

/* dk and dv of a tile of keys: the sum over the heads of its group and the queries behind it. The
 * scale is in q already. */
static void backward_keys(const struct attention *at, void *grad_k, void *grad_v, struct tile keys,
                          int kv_head)
{
    struct backward_tiles t;
    float k_turned[TILE * DIM_MAX], v_turned[TILE * DIM_MAX];
    float dk[TILE * DIM_MAX] = {0}, dv[TILE * DIM_MAX] = {0};
    int group = at->shape.heads / at->shape.kv_heads, width = at->padded;
    load_keys(&t, at, kv_head, &keys);
    transpose(k_turned, t.k, width);
    transpose(v_turned, t.v, width);
    for (int64_t first = keys.first; first < keys.document_end; first += TILE) {
        if (is_out_of_window(at, first, keys.first))
            break;
        struct tile queries = queries_from(keys, first);
        for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
            load_queries(&t, at, head, &queries);
            score_by_query(t.scores, at, t.q, k_turned, &queries, &keys);
            memset(t.ds, 0, sizeof t.ds);
            tile_product(t.ds, TILE, t.go, width, 1, v_turned, TILE, TILE, width);
            probabilities(t.scores, t.ds, &t.statistics);
            tile_product(dv, width, t.scores, 1, TILE, t.go, width, width, TILE);
            tile_product(dk, width, t.ds, 1, TILE, t.q, width, width, TILE);
        }
    }
    store_scaled(at, grad_k, at->shape.kv_heads, kv_head, &keys, dk, 1);
    store_scaled(at, grad_v, at->shape.kv_heads, kv_head, &keys, dv, 1);
}

static void backward_queries(const struct attention *at, void *grad_q, struct tile queries,
                             int head)
{
    struct backward_tiles t;
    float q_turned[TILE * DIM_MAX], go_turned[TILE * DIM_MAX], dq[TILE * DIM_MAX] = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads), width = at->padded;
    load_queries(&t, at, head, &queries);
    transpose(q_turned, t.q, width);
    transpose(go_turned, t.go, width);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        load_keys(&t, at, kv_head, &keys);
        score_by_key(t.scores, at, t.k, q_turned, &queries, &keys);
        memset(t.ds, 0, sizeof t.ds);
        tile_product(t.ds, TILE, t.v, width, 1, go_turned, TILE, TILE, width);
        gradients(t.ds, t.scores, &t.statistics);
        tile_product(dq, width, t.ds, 1, TILE, t.k, width, width, TILE);
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
