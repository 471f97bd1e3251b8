/* Attention on tiles of bf16, where the processor multiplies pairs of them (AVX512_BF16): the same
 * algorithm as attention.c. Scores, their exponentials and all sums are fp32; probabilities and the
 * scores' gradients are rounded to bf16 for the products after them, as in PyTorch's kernels.
 *
 * A product adds along pairs, two bf16 in a 32-bit word: an operand [TILE_TOKENS, k] has its rows'
 * pairs as they lie in memory; an operand [k, n] has words of two rows, or of a matrix transposed
 * by words.
 */
#include "compute/cpu/train/attention.h"

#ifdef __AVX512BF16__

#include <immintrin.h>

enum { WORDS_MAX = DIM_MAX / 2, PAIRS = TILE_TOKENS / 2, LANES = 16 };

/* c[TILE_TOKENS, n] += a[TILE_TOKENS, 2 k] b[2 k, n], n a multiple of REGISTER_COLUMNS */
static void pair_product(float *restrict c, int ldc, const uint32_t *restrict a, int lda,
                         const uint32_t *restrict b, int n, int k)
{
    for (int j = 0; j < n; j += REGISTER_COLUMNS) {
        for (int i = 0; i < TILE_TOKENS; i += REGISTER_ROWS) {
            __m512 sums[REGISTER_ROWS][2];
#pragma GCC unroll 8
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma GCC unroll 2
                for (int x = 0; x < 2; x++)
                    sums[r][x] = _mm512_loadu_ps(c + (i + r) * ldc + j + x * LANES);
            for (int p = 0; p < k; p++) {
                __m512bh b0 = (__m512bh)_mm512_loadu_si512(b + p * n + j);
                __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + p * n + j + LANES);
#pragma GCC unroll 8
                for (int r = 0; r < REGISTER_ROWS; r++) {
                    __m512bh pair = (__m512bh)_mm512_set1_epi32((int)a[(i + r) * lda + p]);
                    sums[r][0] = _mm512_dpbf16_ps(sums[r][0], pair, b0);
                    sums[r][1] = _mm512_dpbf16_ps(sums[r][1], pair, b1);
                }
            }
#pragma GCC unroll 8
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma GCC unroll 2
                for (int x = 0; x < 2; x++)
                    _mm512_storeu_ps(c + (i + r) * ldc + j + x * LANES, sums[r][x]);
        }
    }
}

/* One head's rows as pairs, zeros after `count` and after the head's width. */
static void load_pairs(uint32_t *out, const struct attention *at, const void *from, int heads,
                       int head, int64_t first, int count)
{
    int dim = at->shape.head_dim;
    size_t width = (size_t)at->padded * sizeof(uint16_t), own = (size_t)dim * sizeof(uint16_t);
    for (int i = 0; i < TILE_TOKENS; i++) {
        char *row = (char *)out + (size_t)i * width;
        if (i < count)
            memcpy(row, element(from, at->type, ((first + i) * heads + head) * dim), own);
        memset(row + (i < count ? own : 0), 0, width - (i < count ? own : 0));
    }
}

/* 16 x 16 words transposed: out[j, i] = in[i, j]. */
static void transpose_block(uint32_t *out, int ldo, const uint32_t *in, int ldi)
{
    __m512i rows[LANES], t[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        rows[i] = _mm512_loadu_si512(in + i * ldi);
    for (int i = 0; i < LANES; i += 2) { /* 2 x 2 in words */
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) { /* in pairs of words */
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) { /* in quarters of a vector */
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        rows[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        rows[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
    for (int i = 0; i < LANES; i++)
        _mm512_storeu_si512(out + i * ldo, rows[i]);
}

/* out[words, TILE_TOKENS] of rows [TILE_TOKENS, words] */
static void transpose_words(uint32_t *out, const uint32_t *rows, int words)
{
    for (int i = 0; i < TILE_TOKENS; i += LANES)
        for (int j = 0; j < words; j += LANES)
            transpose_block(out + j * TILE_TOKENS + i, TILE_TOKENS, rows + i * words + j, words);
}

/* out[PAIRS, 2 words]: each word has an element of two rows that follow one another. */
static void pair_rows(uint32_t *restrict out, const uint32_t *restrict rows, int words)
{
    const uint16_t *elements = (const uint16_t *)rows;
    int width = 2 * words;
    for (int p = 0; p < PAIRS; p++)
#pragma omp simd
        for (int d = 0; d < width; d++)
            out[p * width + d] =
                elements[2 * p * width + d] | (uint32_t)elements[(2 * p + 1) * width + d] << 16;
}

/* [TILE_TOKENS, PAIRS] of fp32 [TILE_TOKENS, TILE_TOKENS] */
static void round_pairs(uint32_t *out, const float *values)
{
    for (int i = 0; i < TILE_TOKENS * TILE_TOKENS; i += LANES)
        _mm256_storeu_si256((__m256i *)(void *)(out + i / 2),
                            (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(values + i)));
}

/* Does this query see this key? */
static bool sees(const struct attention *at, int64_t query, int64_t key)
{
    return key <= query && (at->shape.window == 0 || query - key < at->shape.window);
}

/* Does every query of a tile see every key of another? */
static bool all_see(const struct attention *at, int64_t first_query, int64_t first_key)
{
    return sees(at, first_query, first_key + TILE_TOKENS - 1) &&
           sees(at, first_query + TILE_TOKENS - 1, first_key);
}

/* Scales the scores of queries (rows) with keys (columns); -inf where one is not seen. */
static void mask_rows(float *scores, const struct attention *at, int64_t first_query,
                      int64_t first_key)
{
    bool all = all_see(at, first_query, first_key);
    for (int i = 0; i < TILE_TOKENS; i++) {
        float *row = scores + i * TILE_TOKENS;
#pragma omp simd
        for (int j = 0; j < TILE_TOKENS; j++)
            row[j] *= at->scale;
        for (int j = 0; !all && j < TILE_TOKENS; j++)
            row[j] = sees(at, first_query + i, first_key + j) ? row[j] : -INFINITY;
    }
}

/* -inf after the tile's keys. */
static void hide_rest(float *scores, int count)
{
    for (int i = 0; count < TILE_TOKENS && i < TILE_TOKENS; i++)
        for (int j = count; j < TILE_TOKENS; j++)
            scores[i * TILE_TOKENS + j] = -INFINITY;
}

/* Scores become exp(score - largest); what was summed so far is scaled to the new largest. */
static void absorb(struct running *running, float *sums, float *scores, int padded)
{
    for (int i = 0; i < TILE_TOKENS; i++) {
        float *row = scores + i * TILE_TOKENS, largest = running->largest[i], total = 0;
#pragma omp simd reduction(max : largest)
        for (int j = 0; j < TILE_TOKENS; j++)
            largest = row[j] > largest ? row[j] : largest;
        if (largest == -INFINITY) { /* nothing seen so far */
            memset(row, 0, TILE_TOKENS * sizeof *row);
            continue;
        }
        float shrink = exp_vector(running->largest[i] - largest);
#pragma omp simd reduction(+ : total)
        for (int j = 0; j < TILE_TOKENS; j++) {
            float value = exp_vector(row[j] - largest); /* for all: that is vectorised */
            row[j] = row[j] == -INFINITY ? 0 : value;
            total += row[j];
        }
        running->sum[i] = running->sum[i] * shrink + total;
        running->largest[i] = largest;
#pragma omp simd
        for (int d = 0; d < padded; d++)
            sums[i * padded + d] *= shrink;
    }
}

/* As forward_tile() of attention.c, but that p is rounded to bf16 before it meets v. */
void CPU(attention_forward_tile_bf16)(const struct attention *at, void *out, struct tile queries,
                                      int head)
{
    uint32_t q[TILE_TOKENS * WORDS_MAX], k[TILE_TOKENS * WORDS_MAX], b[TILE_TOKENS * WORDS_MAX],
        p[TILE_TOKENS * PAIRS];
    float sums[TILE_TOKENS * DIM_MAX] = {0}, scores[TILE_TOKENS * TILE_TOKENS];
    struct running running = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads), words = at->padded / 2;
    for (int i = 0; i < TILE_TOKENS; i++)
        running.largest[i] = -INFINITY;
    load_pairs(q, at, at->q, at->shape.heads, head, queries.first, queries.count);
    for (int64_t index = 0; index < key_tiles(&queries); index++) {
        struct keys keys = key_tile(&queries, index);
        if (is_out_of_window(at, queries.first, keys.place))
            continue;
        load_pairs(k, at, at->k, at->shape.kv_heads, kv_head, keys.from, keys.count);
        transpose_words(b, k, words);
        memset(scores, 0, sizeof scores);
        pair_product(scores, TILE_TOKENS, q, words, b, TILE_TOKENS, words);
        mask_rows(scores, at, queries.first, keys.place);
        hide_rest(scores, keys.count);
        absorb(&running, sums, scores, at->padded);
        round_pairs(p, scores);
        load_pairs(k, at, at->v, at->shape.kv_heads, kv_head, keys.from, keys.count);
        pair_rows(b, k, words);
        pair_product(sums, at->padded, p, PAIRS, b, at->padded, PAIRS);
    }
    finish_rows(at, out, &queries, head, sums, &running);
}

/* --- backwards --- */

/* What both passes hold. */
struct tiles {
    uint32_t q[TILE_TOKENS * WORDS_MAX], go[TILE_TOKENS * WORDS_MAX], k[TILE_TOKENS * WORDS_MAX],
        v[TILE_TOKENS * WORDS_MAX];
    uint32_t b[TILE_TOKENS * WORDS_MAX], p[TILE_TOKENS * PAIRS], ds[TILE_TOKENS * PAIRS];
    float scores[TILE_TOKENS * TILE_TOKENS], grad[TILE_TOKENS * TILE_TOKENS];
};

/* What a tile of queries brings into the formulas: q and its output's gradient. */
static void load_queries(struct tiles *t, const struct attention *at, int head,
                         const struct tile *queries)
{
    load_pairs(t->q, at, at->q, at->shape.heads, head, queries->first, queries->count);
    load_pairs(t->go, at, at->grad_out, at->shape.heads, head, queries->first, queries->count);
}

static void load_keys(struct tiles *t, const struct attention *at, int kv_head,
                      const struct tile *keys)
{
    load_pairs(t->k, at, at->k, at->shape.kv_heads, kv_head, keys->first, keys->count);
    load_pairs(t->v, at, at->v, at->shape.kv_heads, kv_head, keys->first, keys->count);
}

/* out[TILE_TOKENS, TILE_TOKENS] = rows transposed^T, by the words of both */
static void compare(float *out, struct tiles *t, const uint32_t *rows, const uint32_t *transposed,
                    int words)
{
    transpose_words(t->b, transposed, words);
    memset(out, 0, TILE_TOKENS * TILE_TOKENS * sizeof *out);
    pair_product(out, TILE_TOKENS, rows, words, t->b, TILE_TOKENS, words);
}

/* Rows are keys, columns queries: probabilities, and the scores' gradients p (go v - delta). */
static void probabilities_by_key(struct tiles *t, const struct attention *at,
                                 const struct statistics *s, int64_t first_query, int64_t first_key)
{
    bool all = all_see(at, first_query, first_key);
    for (int j = 0; j < TILE_TOKENS; j++) {
        float *p = t->scores + j * TILE_TOKENS, *grad = t->grad + j * TILE_TOKENS;
#pragma omp simd
        for (int i = 0; i < TILE_TOKENS; i++)
            p[i] = exp_vector(p[i] * at->scale - s->lse[i]);
        for (int i = 0; !all && i < TILE_TOKENS; i++)
            p[i] = sees(at, first_query + i, first_key + j) ? p[i] : 0;
#pragma omp simd
        for (int i = 0; i < TILE_TOKENS; i++)
            grad[i] = p[i] * (grad[i] - s->delta[i]);
    }
}

/* Rows are queries, columns keys; the gradients alone. */
static void gradients_by_query(struct tiles *t, const struct attention *at,
                               const struct statistics *s, int64_t first_query, int64_t first_key)
{
    bool all = all_see(at, first_query, first_key);
    for (int i = 0; i < TILE_TOKENS; i++) {
        float *p = t->scores + i * TILE_TOKENS, *grad = t->grad + i * TILE_TOKENS;
        float lse = s->lse[i], delta = s->delta[i];
#pragma omp simd
        for (int j = 0; j < TILE_TOKENS; j++)
            grad[j] = exp_vector(p[j] * at->scale - lse) * (grad[j] - delta);
        for (int j = 0; !all && j < TILE_TOKENS; j++)
            grad[j] = sees(at, first_query + i, first_key + j) ? grad[j] : 0;
    }
}

/* A tile's rows of one head, times factor; they are overwritten. */
static void store_scaled(const struct attention *at, void *out, int heads, int head,
                         const struct tile *tile, float *sums, float factor)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < tile->count * at->padded; i++)
        sums[i] *= factor;
    for (int i = 0; i < tile->count; i++)
        narrow(element_of(out, at->type, ((tile->first + i) * heads + head) * dim),
               sums + i * at->padded, at->type, dim);
}

/* A head's part in dk and dv of a tile of keys: rows of scores are keys, columns queries. */
static void add_head(struct tiles *t, const struct attention *at, int head,
                     const struct tile *queries, int64_t first_key, float *dk, float *dv)
{
    struct statistics s;
    int words = at->padded / 2;
    load_queries(t, at, head, queries);
    read_statistics(&s, at, head, queries);
    /* p = exp(k q^T scale - lse), and ds = p (v go^T - delta) */
    compare(t->scores, t, t->k, t->q, words);
    compare(t->grad, t, t->v, t->go, words);
    probabilities_by_key(t, at, &s, queries->first, first_key);
    round_pairs(t->p, t->scores);
    round_pairs(t->ds, t->grad);
    /* dv += p go,  dk += ds q */
    pair_rows(t->b, t->go, words);
    pair_product(dv, at->padded, t->p, PAIRS, t->b, at->padded, PAIRS);
    pair_rows(t->b, t->q, words);
    pair_product(dk, at->padded, t->ds, PAIRS, t->b, at->padded, PAIRS);
}

/* dk and dv of one tile of keys: over all tiles of queries at or after it, and all heads of its
 * group. */
static void backward_keys(const struct attention *at, void *grad_k, void *grad_v, struct tile keys,
                          int kv_head)
{
    struct tiles t;
    float dk[TILE_TOKENS * DIM_MAX] = {0}, dv[TILE_TOKENS * DIM_MAX] = {0};
    int group = at->shape.heads / at->shape.kv_heads;
    load_keys(&t, at, kv_head, &keys);
    for (int64_t first = keys.first; first < keys.document_end; first += TILE_TOKENS) {
        if (is_out_of_window(at, first, keys.first))
            break;
        struct tile queries = queries_from(keys, first);
        for (int head = kv_head * group; head < (kv_head + 1) * group; head++)
            add_head(&t, at, head, &queries, keys.first, dk, dv);
    }
    store_scaled(at, grad_k, at->shape.kv_heads, kv_head, &keys, dk, at->scale);
    store_scaled(at, grad_v, at->shape.kv_heads, kv_head, &keys, dv, 1);
}

/* dq of one tile of queries: over all tiles of keys at or before it. */
static void backward_queries(const struct attention *at, void *grad_q, struct tile queries,
                             int head)
{
    struct tiles t;
    struct statistics s;
    float dq[TILE_TOKENS * DIM_MAX] = {0};
    int kv_head = head / (at->shape.heads / at->shape.kv_heads), words = at->padded / 2;
    load_queries(&t, at, head, &queries);
    read_statistics(&s, at, head, &queries);
    for (int64_t first = queries.document_begin; first <= queries.first; first += TILE_TOKENS) {
        struct tile keys = keys_from(queries, first);
        if (is_out_of_window(at, queries.first, first))
            continue;
        load_keys(&t, at, kv_head, &keys);
        /* ds = p (go v^T - delta), with p = exp(q k^T scale - lse); dq += ds k */
        compare(t.scores, &t, t.q, t.k, words);
        compare(t.grad, &t, t.go, t.v, words);
        gradients_by_query(&t, at, &s, queries.first, first);
        round_pairs(t.ds, t.grad);
        pair_rows(t.b, t.k, words);
        pair_product(dq, at->padded, t.ds, PAIRS, t.b, at->padded, PAIRS);
    }
    store_scaled(at, grad_q, at->shape.heads, head, &queries, dq, at->scale);
}

/* The probabilities are computed twice, once for the keys' gradients and once for the queries': no
 * two threads write the same place, and the sums' order does not depend on them. */
void CPU(attention_backward_bf16)(const struct attention *at, void *grad_q, void *grad_k,
                                  void *grad_v, int threads)
{
    int64_t tiles = token_tiles(&at->documents);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(threads)
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < at->shape.kv_heads; head++)
            backward_keys(at, grad_k, grad_v, token_tile(&at->documents, index), head);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(threads)
    for (int64_t index = 0; index < tiles; index++)
        for (int head = 0; head < at->shape.heads; head++)
            backward_queries(at, grad_q, token_tile(&at->documents, tiles - 1 - index), head);
}

#endif
