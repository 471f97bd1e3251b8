/* What both ways of attention share, on tiles of fp32 (attention.c) and of bf16 (attention_bf16.c):
 * tiles of a document, the running softmax and its end. Internal to this folder.
 *
 * A tile is TILE_TOKENS consecutive tokens of one document, of one head; the last one of a document
 * may have fewer, and stands in memory with zeros after them. */
#ifndef SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_H
#define SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_H

#include "compute/cpu/train/operations.h"

#include <math.h>

/* Tokens of a tile; the widest head. */
enum { TILE_TOKENS = 64, DIM_MAX = 128 };
/* Columns and rows that a product holds in registers: two vectors wide, 16 of 32 registers, or 8 of
 * 16. */
#if defined(__AVX512F__)
enum { REGISTER_COLUMNS = 32, REGISTER_ROWS = 8 };
#elif defined(__AVX__)
enum { REGISTER_COLUMNS = 16, REGISTER_ROWS = 4 };
#else
enum { REGISTER_COLUMNS = 8, REGISTER_ROWS = 4 };
#endif

/* One layer's operands. */
struct attention {
    const void *q, *k, *v, *out, *grad_out;
    float *lse, *delta; /* [heads, T] */
    enum storage type;
    struct attention_shape shape;
    struct documents documents;
    int padded; /* head_dim, up to a multiple of REGISTER_COLUMNS */
    float scale;
};

/* A tile of tokens of one document. */
struct tile {
    int64_t document_begin, document_end, first;
    int count;
    struct token_range before; /* what the document goes on from */
};

/* Tiles of all documents together, which do not share any. */
static inline int64_t token_tiles(const struct documents *documents)
{
    int64_t count = 0;
    for (int n = 0; n < documents->count; n++)
        count +=
            (documents->offsets[n + 1] - documents->offsets[n] + TILE_TOKENS - 1) / TILE_TOKENS;
    return count;
}

/* The tile of this number, in the order of the documents. */
static inline struct tile token_tile(const struct documents *documents, int64_t index)
{
    int n = 0;
    for (;; n++) {
        int64_t own =
            (documents->offsets[n + 1] - documents->offsets[n] + TILE_TOKENS - 1) / TILE_TOKENS;
        if (index < own)
            break;
        index -= own;
    }
    int64_t begin = documents->offsets[n], end = documents->offsets[n + 1];
    int64_t first = begin + index * TILE_TOKENS, left = end - first;
    struct token_range none = {0, 0};
    return (struct tile){begin, end, first, (int)(left < TILE_TOKENS ? left : TILE_TOKENS),
                         documents->before ? documents->before[n] : none};
}

/* A tile of keys as queries see it: `count` tokens from `from` on, which stand for those from
 * `place` on. These are the same but where they lie before the queries' document. */
struct keys {
    int64_t from, place;
    int count;
};

/* Tiles of keys in front of a tile of queries, and the queries' own: how many, and each. */
static inline int64_t key_tiles(const struct tile *queries)
{
    int64_t before = queries->before.end - queries->before.begin;
    return (before + TILE_TOKENS - 1) / TILE_TOKENS +
           (queries->first - queries->document_begin) / TILE_TOKENS + 1;
}

static inline struct keys key_tile(const struct tile *queries, int64_t index)
{
    int64_t before = queries->before.end - queries->before.begin, at = index * TILE_TOKENS;
    int64_t left = before - at, tiles = (before + TILE_TOKENS - 1) / TILE_TOKENS;
    if (left > 0)
        return (struct keys){queries->before.begin + at, queries->document_begin - before + at,
                             (int)(left < TILE_TOKENS ? left : TILE_TOKENS)};
    int64_t first = queries->document_begin + (index - tiles) * TILE_TOKENS;
    return (struct keys){first, first, first == queries->first ? queries->count : TILE_TOKENS};
}

/* The tile of queries from `first` on, in the document of a tile of keys. */
static inline struct tile queries_from(struct tile keys, int64_t first)
{
    int64_t left = keys.document_end - first;
    keys.first = first;
    keys.count = (int)(left < TILE_TOKENS ? left : TILE_TOKENS);
    return keys;
}

/* The tile of keys from `first` on, at or in front of a tile of queries. */
static inline struct tile keys_from(struct tile queries, int64_t first)
{
    if (first < queries.first)
        queries.count = TILE_TOKENS;
    queries.first = first;
    return queries;
}

/* Is every key of the tile out of every query's window? */
static inline bool is_out_of_window(const struct attention *at, int64_t first_query,
                                    int64_t first_key)
{
    return at->shape.window > 0 && first_query - (first_key + TILE_TOKENS - 1) >= at->shape.window;
}

/* Of each query of a tile: its largest score so far, and the sum of e^(score - largest). */
struct running {
    float largest[TILE_TOKENS], sum[TILE_TOKENS];
};

static inline struct attention attention_of(const struct tensor *q, const struct tensor *k,
                                            const struct tensor *v, const struct tensor *lse,
                                            struct attention_shape shape,
                                            struct documents documents)
{
    return (struct attention){.q = host_data(q),
                              .k = host_data(k),
                              .v = host_data(v),
                              .lse = host_data(lse),
                              .type = q->storage,
                              .shape = shape,
                              .documents = documents,
                              .padded = (shape.head_dim + REGISTER_COLUMNS - 1) / REGISTER_COLUMNS *
                                        REGISTER_COLUMNS,
                              .scale = 1 / sqrtf((float)shape.head_dim)};
}

/* A tile's log-sum-exp and delta. After the tile an infinite log-sum-exp leaves as good as no
 * probability, and the rows of go and q, which are zeros there, nothing of that. */
struct statistics {
    float lse[TILE_TOKENS], delta[TILE_TOKENS];
};

static inline void read_statistics(struct statistics *out, const struct attention *at, int head,
                                   const struct tile *queries)
{
    for (int i = 0; i < TILE_TOKENS; i++) {
        int64_t token = head * at->shape.tokens + queries->first + i;
        out->lse[i] = i < queries->count ? at->lse[token] : INFINITY;
        out->delta[i] = i < queries->count ? at->delta[token] : 0;
    }
}

/* A tile's output rows and log-sum-exp from what was summed over its keys. */
static inline void finish_rows(const struct attention *at, void *out, const struct tile *queries,
                               int head, float *sums, const struct running *running)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < queries->count; i++) {
        int64_t token = queries->first + i;
        float factor = 1 / running->sum[i];
        for (int d = 0; d < dim; d++)
            sums[i * at->padded + d] *= factor;
        narrow(element_of(out, at->type, (token * at->shape.heads + head) * dim),
               sums + i * at->padded, at->type, dim);
        at->lse[head * at->shape.tokens + token] = running->largest[i] + logf(running->sum[i]);
    }
}

/* --- tiles of bf16, at levels of instructions that multiply those (attention_bf16.c) --- */

/* A tile of queries of one head; for the backward pass delta is filled. */
void CPU(attention_forward_tile_bf16)(const struct attention *at, void *out, struct tile queries,
                                      int head);
void CPU(attention_backward_bf16)(const struct attention *at, void *grad_q, void *grad_k,
                                  void *grad_v, int threads);

/* Are they there, and of use? */
static inline bool multiplies_bf16(enum storage type)
{
#ifdef __AVX512BF16__
    return type == STORAGE_BF16;
#else
    (void)type;
    return false;
#endif
}

#endif
