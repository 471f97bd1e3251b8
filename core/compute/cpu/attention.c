/* Causal grouped-query attention inside documents, by tiles that stay in cache (Dao et al. 2022,
 * "FlashAttention"): memory grows with the tokens, not with their square. Tiles are widened to
 * fp32; where the processor multiplies bf16, attention_bf16.c takes those. What stays in a loop
 * over tiles is turned for the products, so that nothing is turned per pair: scores are keys by
 * queries where queries stay.
 *
 * The backward pass takes the pairs of tiles diagonal by diagonal: no two threads write the same
 * place, and the sums' order does not depend on them.
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

/* out[padded, TILE] of rows [TILE, padded], by lines of the cache. */
static void transpose(float *restrict out, const float *restrict rows, int padded)
{
    enum { LINE = 16 };
    for (int i = 0; i < TILE; i += LINE)
        for (int d = 0; d < padded; d++)
            for (int x = 0; x < LINE; x++)
                out[d * TILE + i + x] = rows[(i + x) * padded + d];
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

/* Sums of one layer's gradients: dq [T, heads, head_dim], without the scale, which is in q for the
 * others; dk, dv [T, kv_heads, head_dim]. Where the gradients are fp32 they are these themselves.
 */
struct gradients {
    float *dq, *dk, *dv;
};

/* What a pair of tiles needs. */
struct pair_tiles {
    float q[TILE * DIM_MAX], go[TILE * DIM_MAX], dq[TILE * DIM_MAX];
    float k[TILE * DIM_MAX], v[TILE * DIM_MAX], dk[TILE * DIM_MAX], dv[TILE * DIM_MAX];
    float k_turned[TILE * DIM_MAX], v_turned[TILE * DIM_MAX];
    float scores[TILE * TILE], ds[TILE * TILE];
    struct statistics statistics;
};

static void load_queries(struct pair_tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count, at->scale);
    load(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count, 1);
    read_statistics(&t->statistics, at, head, queries);
}

static void load_keys(struct pair_tiles *t, const struct attention *at, int kv_head,
                      const struct tile *keys)
{
    load(t->k, at, at->k, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    load(t->v, at, at->v, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    transpose(t->k_turned, t->k, at->padded);
    transpose(t->v_turned, t->v, at->padded);
}

/* A tile's sums so far: nothing where it is the first time. */
static void load_sums(float *out, const struct attention *at, const float *from, int heads,
                      int head, const struct tile *tile, bool first)
{
    int dim = at->shape.head_dim;
    memset(out, 0, (size_t)(TILE * at->padded) * sizeof *out);
    for (int i = 0; !first && i < tile->count; i++)
        memcpy(out + i * at->padded, from + ((tile->first + i) * heads + head) * dim,
               (size_t)dim * sizeof *out);
}

static void store_sums(const struct attention *at, float *out, int heads, int head,
                       const struct tile *tile, const float *sums)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < tile->count; i++)
        memcpy(out + ((tile->first + i) * heads + head) * dim, sums + i * at->padded,
               (size_t)dim * sizeof *out);
}

/* One head's part in the three gradients. */
static void add_head(struct pair_tiles *t, const struct attention *at, int head,
                     const struct tile *queries, const struct tile *keys)
{
    int width = at->padded;
    load_queries(t, at, head, queries);
    score_by_query(t->scores, at, t->q, t->k_turned, queries, keys);
    memset(t->ds, 0, sizeof t->ds);
    tile_product(t->ds, TILE, t->go, width, 1, t->v_turned, TILE, TILE, width);
    probabilities(t->scores, t->ds, &t->statistics);
    tile_product(t->dv, width, t->scores, 1, TILE, t->go, width, width, TILE);
    tile_product(t->dk, width, t->ds, 1, TILE, t->q, width, width, TILE);
    tile_product(t->dq, width, t->ds, TILE, 1, t->k, width, width, TILE);
}

/* A tile of keys and one of queries, for all heads of a group; on the diagonal, where they are the
 * same tokens, all sums begin. */
static void backward_pair(const struct attention *at, const struct gradients *sums,
                          const struct tile *queries, const struct tile *keys, int kv_head)
{
    struct pair_tiles t;
    int heads = at->shape.heads, kv_heads = at->shape.kv_heads, group = heads / kv_heads;
    bool first = queries->first == keys->first;
    load_keys(&t, at, kv_head, keys);
    load_sums(t.dk, at, sums->dk, kv_heads, kv_head, keys, first);
    load_sums(t.dv, at, sums->dv, kv_heads, kv_head, keys, first);
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
        load_sums(t.dq, at, sums->dq, heads, head, queries, first);
        add_head(&t, at, head, queries, keys);
        store_sums(at, sums->dq, heads, head, queries, t.dq);
    }
    store_sums(at, sums->dk, kv_heads, kv_head, keys, t.dk);
    store_sums(at, sums->dv, kv_heads, kv_head, keys, t.dv);
}

/* Tiles of the longest document. */
static int64_t longest(const struct documents *documents)
{
    int64_t most = 0;
    for (int n = 0; n < documents->count; n++) {
        int64_t tokens = documents->offsets[n + 1] - documents->offsets[n];
        most = tokens > most ? tokens : most;
    }
    return (most + TILE - 1) / TILE;
}

/* All pairs, diagonal by diagonal: no two of one write the same tile, and every tile's sum is in
 * the order of the diagonals, whatever the threads. */
static void backward_diagonals(const struct attention *at, const struct gradients *sums,
                               int threads)
{
    int64_t tiles = tiles_of(&at->documents), diagonals = longest(&at->documents);
#pragma omp parallel num_threads(threads)
    for (int64_t away = 0; away < diagonals && !is_out_of_window(at, away * TILE, 0); away++)
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t index = 0; index < tiles; index++)
            for (int kv_head = 0; kv_head < at->shape.kv_heads; kv_head++) {
                struct tile keys = tile_at(&at->documents, index);
                int64_t first = keys.first + away * TILE;
                struct tile queries = queries_from(keys, first);
                if (first < keys.document_end)
                    backward_pair(at, sums, &queries, &keys, kv_head);
            }
}

/* From the sums [rows, head_dim] to the gradients, which may be the same memory. */
static void finish_gradient(const struct attention *at, void *out, const float *sums, int64_t rows,
                            float factor, int threads)
{
    int dim = at->shape.head_dim;
#pragma omp parallel for num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        float scaled[DIM_MAX];
        for (int d = 0; d < dim; d++)
            scaled[d] = sums[row * dim + d] * factor;
        narrow(element_of(out, at->type, row * dim), scaled, at->type, dim);
    }
}

/* The sums lie in the gradients, or, where those are narrower, in the workspace. */
static void backward(const struct attention *at, void *grad_q, void *grad_k, void *grad_v,
                     float *workspace, int threads)
{
    int64_t query_rows = at->shape.tokens * at->shape.heads, dim = at->shape.head_dim;
    int64_t key_rows = at->shape.tokens * at->shape.kv_heads;
    struct gradients sums = {grad_q, grad_k, grad_v};
    bool narrow_too = at->type != STORAGE_F32;
    if (narrow_too)
        sums = (struct gradients){workspace, workspace + query_rows * dim,
                                  workspace + (query_rows + key_rows) * dim};
    backward_diagonals(at, &sums, threads);
    finish_gradient(at, grad_q, sums.dq, query_rows, at->scale, threads);
    if (narrow_too) {
        finish_gradient(at, grad_k, sums.dk, key_rows, 1, threads);
        finish_gradient(at, grad_v, sums.dv, key_rows, 1, threads);
    }
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
    float *rest = host_pointer(workspace);
    int threads = host_threads(self);
    at.out = host_pointer(out);
    at.grad_out = host_pointer(grad_out);
    at.delta = rest;
    row_products(&at, threads);
    if (multiplies_bf16(&at))
        CPU(attention_backward_bf16)
        (&at, host_pointer(grad_q), host_pointer(grad_k), host_pointer(grad_v), threads);
    else
        backward(&at, host_pointer(grad_q), host_pointer(grad_k), host_pointer(grad_v),
                 rest + shape.tokens * shape.heads, threads);
}

size_t CPU(attention_workspace)(void *self, struct attention_shape shape, enum storage type)
{
    const struct attention at = {.type = type};
    if (shape.head_dim > DIM_MAX)
        return reference_attention_workspace(self, shape, type);
    int64_t floats = shape.tokens * shape.heads; /* delta */
    if (type != STORAGE_F32 && !multiplies_bf16(&at))
        floats += shape.tokens * (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    return (size_t)floats * sizeof(float);
}
