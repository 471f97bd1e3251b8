#include "text/packing.h"

#include "base/memory.h"
#include "text/epoch_order.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_ROWS = 64 };

/* Part of a document, no longer than a row: its tokens from part * seq_len on. Small, because there
 * are as many as documents. */
struct piece {
    uint32_t document, part, row;
};

/* An epoch is laid out whole when it begins, so that the position in it is two numbers, and going
 * to any of them costs one layout. */
struct packing {
    const struct dataset *data;
    struct epoch_order order;
    struct piece *pieces; /* row by row: those of row r are pieces[starts[r]] to [starts[r + 1]) */
    struct piece *laid;   /* in the epoch's order, before they are sorted by row */
    uint32_t *starts;     /* [most_pieces + 1] */
    int32_t *ids;         /* [seq_len + 1], of the piece in hand */
    uint8_t *mask;
    size_t piece_count, most_pieces, cut;
    int64_t seq_len;
    uint64_t rows;
    int32_t pad;
    struct packing_position position;
};

int batch_alloc(struct batch *batch, int64_t batch_rows, int64_t seq_len, struct error *err)
{
    *batch = (struct batch){0};
    if (batch_rows < 1 || seq_len < 2 || batch_rows > INT32_MAX / 4 / seq_len)
        return error_set(err, "a batch of %lld rows of %lld tokens does not fit; make it smaller",
                         (long long)batch_rows, (long long)seq_len);
    size_t tokens = (size_t)(batch_rows * seq_len);
    batch->tokens = (int64_t)tokens;
    batch->ids = array_alloc(tokens, sizeof *batch->ids, err);
    batch->targets = array_alloc(tokens, sizeof *batch->targets, err);
    batch->positions = array_alloc(tokens, sizeof *batch->positions, err);
    batch->offsets = array_alloc(tokens + 1, sizeof *batch->offsets, err);
    if (batch->ids && batch->targets && batch->positions && batch->offsets)
        return 0;
    batch_free(batch);
    return -1;
}

void batch_free(struct batch *batch)
{
    free(batch->ids);
    free(batch->targets);
    free(batch->positions);
    free(batch->offsets);
    *batch = (struct batch){0};
}

static uint64_t document_length(const struct packing *p, size_t document)
{
    return p->data->offsets[document + 1] - p->data->offsets[document];
}

/* Rows that are not full yet. */
struct open_rows {
    struct {
        uint64_t row;
        int64_t room;
    } items[OPEN_ROWS];
    int count;
};

/* The open row with the least room that is enough; a new one where there is none, for which the
 * fullest is closed if there are too many. */
static uint64_t place_piece(struct open_rows *open, int64_t length, int64_t seq_len, uint64_t *rows)
{
    int best = -1, fullest = 0;
    for (int i = 0; i < open->count; i++) {
        int64_t room = open->items[i].room;
        if (room >= length && (best < 0 || room < open->items[best].room))
            best = i;
        if (room < open->items[fullest].room)
            fullest = i;
    }
    if (best < 0) {
        best = open->count < OPEN_ROWS ? open->count++ : fullest;
        open->items[best].row = (*rows)++;
        open->items[best].room = seq_len;
    }
    open->items[best].room -= length;
    return open->items[best].row;
}

static int64_t piece_length(const struct packing *p, const struct piece *piece)
{
    uint64_t left = document_length(p, piece->document) - piece->part * (uint64_t)p->seq_len;
    return left < (uint64_t)p->seq_len ? (int64_t)left : p->seq_len;
}

static uint32_t parts_of(const struct packing *p, size_t document)
{
    return (uint32_t)((document_length(p, document) - 1) / (uint64_t)p->seq_len + 1);
}

/* Every document of the epoch whole, or in parts of a row's length where it is longer. */
static void lay_out_pieces(struct packing *p)
{
    struct open_rows open = {.count = 0};
    p->rows = 0;
    p->piece_count = 0;
    for (size_t i = 0; i < p->order.count; i++) {
        struct piece piece = {.document = (uint32_t)p->order.items[i]};
        for (uint32_t parts = parts_of(p, piece.document); piece.part < parts; piece.part++) {
            piece.row = (uint32_t)place_piece(&open, piece_length(p, &piece), p->seq_len, &p->rows);
            p->laid[p->piece_count++] = piece;
        }
    }
}

/* By row, in the epoch's order within each. */
static void sort_pieces(struct packing *p)
{
    memset(p->starts, 0, (p->piece_count + 1) * sizeof *p->starts);
    for (size_t i = 0; i < p->piece_count; i++)
        p->starts[p->laid[i].row]++;
    uint32_t sum = 0;
    for (uint64_t row = 0; row <= p->rows; row++) {
        uint32_t own = row < p->rows ? p->starts[row] : 0;
        p->starts[row] = sum;
        sum += own;
    }
    for (size_t i = 0; i < p->piece_count; i++)
        p->pieces[p->starts[p->laid[i].row]++] = p->laid[i];
    for (uint64_t row = p->rows; row > 0; row--)
        p->starts[row] = p->starts[row - 1];
    p->starts[0] = 0;
}

static void lay_out_epoch(struct packing *p)
{
    epoch_order_make(&p->order, p->position.epoch);
    lay_out_pieces(p);
    sort_pieces(p);
}

/* What an epoch can have: of a document that comes in some only, as if it came in each. */
static void count_pieces(struct packing *p)
{
    for (size_t s = 0; s < p->order.share_count; s++) {
        const struct epoch_share *share = &p->order.shares[s];
        size_t times = (size_t)share->whole + (share->part > 0);
        for (size_t i = share->begin; i < share->begin + share->count; i++) {
            uint64_t length = document_length(p, p->order.documents[i]);
            p->most_pieces += times * (size_t)((length - 1) / (uint64_t)p->seq_len + 1);
            p->cut += length > (uint64_t)p->seq_len;
        }
    }
}

static int has_target(const struct dataset *data, const size_t *documents, size_t count,
                      struct error *err)
{
    enum { WINDOW = 4096 };
    uint8_t mask[WINDOW];
    for (size_t i = 0; i < count; i++) {
        uint64_t at = data->offsets[documents[i]] + 1, end = data->offsets[documents[i] + 1];
        for (size_t part; at < end; at += part) {
            part = end - at < WINDOW ? (size_t)(end - at) : WINDOW;
            if (dataset_read(data, at, part, NULL, mask, err) != 0)
                return -1;
            if (memchr(mask, 1, part))
                return 1;
        }
    }
    return 0;
}

/* Room for an epoch and a piece. */
static int allocate(struct packing *p, struct error *err)
{
    count_pieces(p);
    if (p->most_pieces > UINT32_MAX - 1)
        return error_set(err,
                         "%zu parts of documents an epoch are too many to be packed; a longer "
                         "--seq-len helps",
                         p->most_pieces);
    p->pieces = array_alloc(p->most_pieces, sizeof *p->pieces, err);
    p->laid = array_alloc(p->most_pieces, sizeof *p->laid, err);
    p->starts = array_alloc(p->most_pieces + 1, sizeof *p->starts, err);
    p->ids = array_alloc((size_t)p->seq_len + 1, sizeof *p->ids, err);
    p->mask = array_alloc((size_t)p->seq_len + 1, sizeof *p->mask, err);
    return p->pieces && p->laid && p->starts && p->ids && p->mask ? 0 : -1;
}

int packing_new(struct packing **out, const struct dataset *data, const size_t *documents,
                size_t count, int64_t seq_len, uint64_t seed, bool shuffle, int32_t pad,
                struct error *err)
{
    if (data->documents > UINT32_MAX || seq_len < 2)
        return error_set(err, "%zu documents in rows of %lld tokens cannot be packed", count,
                         (long long)seq_len);
    int target = has_target(data, documents, count, err);
    if (target <= 0)
        return target < 0 ? -1
                          : error_set(err,
                                      "no token of the %zu documents is supervised: nothing to "
                                      "learn from",
                                      count);
    struct packing *p = array_alloc(1, sizeof *p, err);
    if (!p)
        return -1;
    *p = (struct packing){.data = data, .seq_len = seq_len, .pad = pad};
    if (epoch_order_new(&p->order, data, documents, count, seed, shuffle, err) != 0 ||
        allocate(p, err) != 0) {
        packing_free(p);
        return -1;
    }
    lay_out_epoch(p);
    *out = p;
    return 0;
}

void packing_free(struct packing *packing)
{
    if (!packing)
        return;
    epoch_order_free(&packing->order);
    free(packing->ids);
    free(packing->mask);
    free(packing->pieces);
    free(packing->laid);
    free(packing->starts);
    free(packing);
}

uint64_t packing_rows(const struct packing *packing)
{
    return packing->rows;
}

size_t packing_cut_documents(const struct packing *packing)
{
    return packing->cut;
}

struct packing_position packing_position(const struct packing *packing)
{
    return packing->position;
}

void packing_seek(struct packing *packing, struct packing_position position)
{
    packing->position = position;
    lay_out_epoch(packing);
}

static void add_offset(struct batch *batch, int64_t end)
{
    batch->offsets[++batch->documents] = (int32_t)end;
}

/* Copies a piece to place `at`; returns how many of its tokens are supervised, or -1. The token
 * after a cut is still the target of the last one before it. */
static int64_t put_piece(const struct packing *p, struct batch *batch, const struct piece *piece,
                         int64_t at, struct error *err)
{
    uint64_t from = p->data->offsets[piece->document] + piece->part * (uint64_t)p->seq_len;
    uint64_t left = p->data->offsets[piece->document + 1] - from;
    int64_t supervised = 0, length = piece_length(p, piece);
    int64_t known = (uint64_t)length < left ? length + 1 : length;
    if (dataset_read(p->data, from, (size_t)known, p->ids, p->mask, err) != 0)
        return -1;
    for (int64_t i = 0; i < length; i++, at++) {
        bool counts = i + 1 < known && p->mask[i + 1];
        batch->ids[at] = p->ids[i];
        batch->targets[at] = counts ? p->ids[i + 1] : -1;
        batch->positions[at] = (int32_t)i;
        supervised += counts;
    }
    add_offset(batch, at);
    return supervised;
}

static void put_padding(const struct packing *p, struct batch *batch, int64_t at, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        batch->ids[at + i] = p->pad;
        batch->targets[at + i] = -1;
        batch->positions[at + i] = (int32_t)i;
    }
    if (count > 0)
        add_offset(batch, at + count);
}

/* Writes row `row` of the epoch at place `at`; returns its supervised targets, or -1. */
static int64_t put_row(const struct packing *p, struct batch *batch, uint64_t row, int64_t at,
                       struct error *err)
{
    int64_t supervised = 0, end = at + p->seq_len;
    for (uint64_t i = p->starts[row]; i < p->starts[row + 1]; i++) {
        int64_t own = put_piece(p, batch, &p->pieces[i], at, err);
        if (own < 0)
            return -1;
        supervised += own;
        at += piece_length(p, &p->pieces[i]);
    }
    put_padding(p, batch, at, end - at);
    return supervised;
}

/* 1: the next row of this epoch that has a target is at place `at`; 0: the epoch ends; -1. */
static int take_row(struct packing *p, struct batch *batch, int64_t at, struct error *err)
{
    while (p->position.row < p->rows) {
        int documents = batch->documents;
        int64_t supervised = put_row(p, batch, p->position.row, at, err);
        if (supervised < 0)
            return -1;
        p->position.row++;
        if (supervised > 0) {
            batch->supervised += supervised;
            return 1;
        }
        batch->documents = documents;
    }
    return 0;
}

static int begin_batch(const struct packing *p, struct batch *batch, int64_t batch_rows,
                       struct error *err)
{
    if (batch_rows < 1 || batch_rows > batch->tokens / p->seq_len ||
        batch->tokens != batch_rows * p->seq_len)
        return error_set(err, "a batch of %lld tokens does not hold %lld rows of %lld",
                         (long long)batch->tokens, (long long)batch_rows, (long long)p->seq_len);
    batch->documents = 0;
    batch->supervised = 0;
    batch->offsets[0] = 0;
    return 0;
}

int packing_next(struct packing *packing, struct batch *batch, int64_t batch_rows,
                 struct error *err)
{
    if (begin_batch(packing, batch, batch_rows, err) != 0)
        return -1;
    for (int64_t row = 0; row < batch_rows;) {
        int taken = take_row(packing, batch, row * packing->seq_len, err);
        if (taken < 0)
            return -1;
        if (taken == 0)
            packing_seek(packing, (struct packing_position){packing->position.epoch + 1, 0});
        row += taken;
    }
    return 0;
}

int packing_next_in_epoch(struct packing *packing, struct batch *batch, int64_t batch_rows,
                          struct error *err)
{
    int filled = 0, taken = 1;
    if (begin_batch(packing, batch, batch_rows, err) != 0)
        return -1;
    while (filled < batch_rows &&
           (taken = take_row(packing, batch, filled * packing->seq_len, err)) > 0)
        filled++;
    if (taken < 0)
        return -1;
    for (int64_t row = filled; row < batch_rows; row++)
        put_padding(packing, batch, row * packing->seq_len, packing->seq_len);
    return filled;
}

static int compare_indices(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

int dataset_split(const struct dataset *data, double fraction, uint64_t seed, size_t **train,
                  size_t *train_count, size_t **eval, size_t *eval_count, struct error *err)
{
    size_t count = data->documents;
    double wanted = fraction * (double)count + 0.5;
    if (!(fraction > 0 && fraction < 1) || count < 2)
        return error_set(err,
                         "%zu documents cannot be split at %g for evaluation; give --eval-data, or "
                         "a mark between documents",
                         count, fraction);
    size_t held = wanted < 1 ? 1 : wanted > (double)(count - 1) ? count - 1 : (size_t)wanted;
    size_t *order = array_alloc(count, sizeof *order, err);
    size_t *kept = array_alloc(count - held, sizeof *kept, err);
    if (!order || !kept) {
        free(order);
        free(kept);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    indices_shuffle(order, count, seed, UINT64_MAX); /* no epoch has that number */
    memcpy(kept, order + held, (count - held) * sizeof *kept);
    qsort(order, held, sizeof *order, compare_indices);
    qsort(kept, count - held, sizeof *kept, compare_indices);
    *train = kept;
    *train_count = count - held;
    *eval = order;
    *eval_count = held;
    return 0;
}
