/* The backward pass of attention on tiles of fp32 (op.h has the formulas; Dao et al. 2022,
 * "FlashAttention", the algorithm): pair by pair of a tile of queries and one of
 * keys, diagonal by diagonal, so that no two threads write the same place, and the sums' order does
 * not depend on them.
 */
#include "compute/cpu/train/attention_backward.h"

#include "compute/cpu/train/attention_f32.h"

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

static void load_queries(struct pair_tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load_tile(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count, at->scale);
    load_tile(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count, 1);
    read_statistics(&t->statistics, at, head, queries);
}

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
void CPU(attention_backward_f32)(const struct attention *at, void *grad_q, void *grad_k,
                                 void *grad_v, float *workspace, int threads)
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

size_t CPU(attention_backward_f32_workspace)(struct attention_shape shape, enum storage type)
{
    int64_t sums = shape.tokens * (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    return type == STORAGE_F32 ? 0 : (size_t)sums * sizeof(float);
}
