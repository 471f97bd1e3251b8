/* Causal grouped-query attention inside documents, by tiles that stay in cache (Dao et al. 2022,
 * "FlashAttention", arXiv 2205.14135): memory grows with the tokens, not with their square. Tiles
 * are widened to fp32; where the processor multiplies bf16, attention_bf16.c takes those.
 *
 * Forwards, for a tile of queries, over tiles of keys: with the scores S of a pair [queries, keys],
 * the largest score so far m and the sum so far l of every query,
 *
 *     m' = max(m, largest of S),   P = e^(S - m'),   l := l e^(m - m') + sum of P
 *     sums := sums e^(m - m') + P V;      at the end  out = sums / l,  lse = m + log l
 *
 * Backwards, for a pair of tiles, with delta = grad_out . out of every query:
 *
 *     P = e^(S - lse),   dS = P (dO V^T - delta)
 *     dV += P^T dO,   dK += dS^T Q,   dQ += dS K
 *
 * (the scale of the scores is in Q; dQ gets it at the end)
 */
#include "compute/cpu/train/attention.h"
#include "compute/reference/reference.h"

/* --- products of tiles, and how they are read ---
 *
 * What stays in a loop over tiles is transposed for the products, so that little is transposed per
 * pair. */

/* c[TILE_TOKENS, n] += a[TILE_TOKENS, k] b[k, n]; a's strides are free, b and c are row-major, n is
 * a multiple of REGISTER_COLUMNS. */
static inline void tile_product(float *restrict c, int ldc, const float *restrict a, int a_row,
                                int a_col, const float *restrict b, int ldb, int n, int k)
{
    for (int j = 0; j < n; j += REGISTER_COLUMNS) {
        for (int i = 0; i < TILE_TOKENS; i += REGISTER_ROWS) {
            float sums[REGISTER_ROWS][REGISTER_COLUMNS];
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                for (int x = 0; x < REGISTER_COLUMNS; x++)
                    sums[r][x] = c[(i + r) * ldc + j + x];
            for (int p = 0; p < k; p++)
                for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                    for (int x = 0; x < REGISTER_COLUMNS; x++)
                        sums[r][x] += a[(i + r) * a_row + p * a_col] * b[p * ldb + j + x];
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                for (int x = 0; x < REGISTER_COLUMNS; x++)
                    c[(i + r) * ldc + j + x] = sums[r][x];
        }
    }
}

/* out[TILE_TOKENS, TILE_TOKENS] = rows transposed, of tiles [TILE_TOKENS, padded] and [padded,
 * TILE_TOKENS] */
static inline void compare(float *out, const float *rows, const float *transposed, int padded)
{
    memset(out, 0, TILE_TOKENS * TILE_TOKENS * sizeof *out);
    tile_product(out, TILE_TOKENS, rows, padded, 1, transposed, TILE_TOKENS, TILE_TOKENS, padded);
}

/* rows [count, padded] of one head, zeros after them; times factor */
static inline void load_tile(float *out, const struct attention *at, const void *from, int heads,
                             int head, int64_t first, int count, float factor)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < TILE_TOKENS; i++) {
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

/* out[padded, TILE_TOKENS] of rows [TILE_TOKENS, padded], by lines of the cache. */
static inline void transpose_tile(float *restrict out, const float *restrict rows, int padded)
{
    enum { LINE = 16 };
    for (int i = 0; i < TILE_TOKENS; i += LINE)
        for (int d = 0; d < padded; d++)
            for (int x = 0; x < LINE; x++)
                out[d * TILE_TOKENS + i + x] = rows[(i + x) * padded + d];
}

/* -inf in a row but for columns [begin, end), which may lie outside of it. */
static inline void mask_row(float *row, int64_t begin, int64_t end)
{
    for (int64_t i = 0; i < begin && i < TILE_TOKENS; i++)
        row[i] = -INFINITY;
    for (int64_t i = end < 0 ? 0 : end; i < TILE_TOKENS; i++)
        row[i] = -INFINITY;
}

/* --- forwards --- */

/* Scores of keys (rows) with queries (columns), -inf where a query does not see a key, and where
 * the tile has none. */
static void score_by_key(float *scores, const struct attention *at, const float *k,
                         const float *q_transposed, const struct tile *queries,
                         const struct keys *keys)
{
    int window = at->shape.window;
    compare(scores, k, q_transposed, at->padded);
    for (int j = 0; j < TILE_TOKENS; j++) {
        int64_t begin = j < keys->count ? keys->place + j - queries->first : TILE_TOKENS;
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

/* One tile of queries of one head, over all tiles of keys that it sees, the last of which is its
 * own. */
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
    for (int64_t index = 0; index < key_tiles(&queries); index++) {
        struct keys keys = key_tile(&queries, index);
        if (is_out_of_window(at, queries.first, keys.place))
            continue;
        /* scores of this tile's keys; what was summed so far shrinks to the largest of them */
        load_tile(rows, at, at->k, at->shape.kv_heads, kv_head, keys.from, keys.count, 1);
        score_by_key(scores, at, rows, q_transposed, &queries, &keys);
        absorb(&running, sums, scores, at->padded);
        /* sums += exp(scores - largest) v */
        load_tile(rows, at, at->v, at->shape.kv_heads, kv_head, keys.from, keys.count, 1);
        tile_product(sums, at->padded, scores, 1, TILE_TOKENS, rows, at->padded, at->padded,
                     TILE_TOKENS);
    }
    finish_rows(at, out, &queries, head, sums, &running);
}

/* A tile of queries to a thread. Those late in a document have the most keys, and are begun first,
 * so that no thread is left with a long one at the end. */
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

/* --- backwards ---
 *
 * Pair by pair of a tile of queries and one of keys, diagonal by diagonal, so that no two threads
 * write the same place, and the sums' order does not depend on them (op.h has the formulas; Dao et
 * al. 2022, algorithm 4). */

/* Scores of queries (rows) with keys (columns), -inf where a query does not see a key. */
static void score_by_query(float *scores, const struct attention *at, const float *q,
                           const float *k_transposed, const struct tile *queries,
                           const struct tile *keys)
{
    int window = at->shape.window;
    compare(scores, q, k_transposed, at->padded);
    for (int i = 0; i < TILE_TOKENS; i++) {
        int64_t end = queries->first + i + 1 - keys->first;
        mask_row(scores + i * TILE_TOKENS, window > 0 ? end - window : 0, end);
    }
}

/* Rows are queries, columns keys: probabilities from the kept log-sum-exp, and the scores'
 * gradients p (go v - delta). */
static void probabilities(float *p, float *ds, const struct statistics *s)
{
    for (int i = 0; i < TILE_TOKENS; i++) {
        float lse = s->lse[i], delta = s->delta[i];
        float *row = p + i * TILE_TOKENS, *grad = ds + i * TILE_TOKENS;
#pragma omp simd
        for (int j = 0; j < TILE_TOKENS; j++) {
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
    float q[TILE_TOKENS * DIM_MAX], go[TILE_TOKENS * DIM_MAX], dq[TILE_TOKENS * DIM_MAX];
    float k[TILE_TOKENS * DIM_MAX], v[TILE_TOKENS * DIM_MAX], dk[TILE_TOKENS * DIM_MAX],
        dv[TILE_TOKENS * DIM_MAX];
    float k_transposed[TILE_TOKENS * DIM_MAX], v_transposed[TILE_TOKENS * DIM_MAX];
    float scores[TILE_TOKENS * TILE_TOKENS], ds[TILE_TOKENS * TILE_TOKENS];
    struct statistics statistics;
};

/* Queries with the scale in them, their output's gradients, and what softmax has left of each
 * row. */
static void load_queries(struct pair_tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load_tile(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count, at->scale);
    load_tile(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count, 1);
    read_statistics(&t->statistics, at, head, queries);
}

/* Keys and values, also transposed: they stay while the heads of their group take turns. */
static void load_keys(struct pair_tiles *t, const struct attention *at, int kv_head,
                      const struct tile *keys)
{
    load_tile(t->k, at, at->k, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    load_tile(t->v, at, at->v, at->shape.kv_heads, kv_head, keys->first, keys->count, 1);
    transpose_tile(t->k_transposed, t->k, at->padded);
    transpose_tile(t->v_transposed, t->v, at->padded);
}

/* A tile's sums so far: nothing where it is the first time. */
static void load_sums(float *out, const struct attention *at, const float *from, int heads,
                      int head, const struct tile *tile, bool first)
{
    int dim = at->shape.head_dim;
    memset(out, 0, (size_t)(TILE_TOKENS * at->padded) * sizeof *out);
    for (int i = 0; !first && i < tile->count; i++)
        memcpy(out + i * at->padded, from + ((tile->first + i) * heads + head) * dim,
               (size_t)dim * sizeof *out);
}

/* Rows after the tile's tokens are not written: they belong to the next document. */
static void store_sums(const struct attention *at, float *out, int heads, int head,
                       const struct tile *tile, const float *sums)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < tile->count; i++)
        memcpy(out + ((tile->first + i) * heads + head) * dim, sums + i * at->padded,
               (size_t)dim * sizeof *out);
}

/* One head's part in the three gradients. Rows of scores and of ds are queries, columns keys. */
static void add_head(struct pair_tiles *t, const struct attention *at, int head,
                     const struct tile *queries, const struct tile *keys)
{
    int width = at->padded;
    load_queries(t, at, head, queries);
    /* p = exp(q k^T - lse), and ds = p (go v^T - delta) */
    score_by_query(t->scores, at, t->q, t->k_transposed, queries, keys);
    compare(t->ds, t->go, t->v_transposed, width);
    probabilities(t->scores, t->ds, &t->statistics);
    /* dv += p^T go,  dk += ds^T q,  dq += ds k */
    tile_product(t->dv, width, t->scores, 1, TILE_TOKENS, t->go, width, width, TILE_TOKENS);
    tile_product(t->dk, width, t->ds, 1, TILE_TOKENS, t->q, width, width, TILE_TOKENS);
    tile_product(t->dq, width, t->ds, TILE_TOKENS, 1, t->k, width, width, TILE_TOKENS);
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
    return (most + TILE_TOKENS - 1) / TILE_TOKENS;
}

/* All pairs, diagonal by diagonal: no two of one write the same tile, and every tile's sum is in
 * the order of the diagonals, whatever the threads. */
static void backward_diagonals(const struct attention *at, const struct gradients *sums,
                               int threads)
{
    int64_t tiles = token_tiles(&at->documents), diagonals = longest(&at->documents);
#pragma omp parallel num_threads(threads)
    for (int64_t away = 0; away < diagonals && !is_out_of_window(at, away * TILE_TOKENS, 0); away++)
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t index = 0; index < tiles; index++)
            for (int kv_head = 0; kv_head < at->shape.kv_heads; kv_head++) {
                struct tile keys = token_tile(&at->documents, index);
                int64_t first = keys.first + away * TILE_TOKENS;
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
static void backward_f32(const struct attention *at, void *grad_q, void *grad_k, void *grad_v,
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

static size_t backward_f32_workspace(struct attention_shape shape, enum storage type)
{
    int64_t sums = shape.tokens * (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    return type == STORAGE_F32 ? 0 : (size_t)sums * sizeof(float);
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

/* delta first, for all rows; then all pairs of tiles. */
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
    backward_f32(&at, dq, dk, dv, rest, threads);
}

/* delta, and after it the sums of what is not summed in place. */
size_t CPU(attention_workspace)(const struct op_attention_backward *a)
{
    if (a->head_dim > DIM_MAX)
        return reference_attention_workspace(a);
    struct attention_shape shape = attention_shape(&a->q, &a->k, a->head_dim, a->window);
    size_t delta = (size_t)(shape.tokens * shape.heads) * sizeof(float);
    return delta +
           (multiplies_bf16(a->q.storage) ? 0 : backward_f32_workspace(shape, a->q.storage));
}
