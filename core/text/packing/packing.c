/* The rows of an epoch: which pieces it has, in which order, in which rows.
 *
 * Order. Each source has floor(w) turns of its units, and of a part p = w - floor(w) of its n units
 * one more: they lie in an order that was drawn once for the source, and epoch e takes from it
 *
 *     [ceil(e p n), ceil((e + 1) p n)), counted round and round
 *
 * so that over the epochs each comes as often as any other. Then all pieces are shuffled
 * (indices_shuffle(), by the seed and the epoch's number).
 *
 * Rows. Pieces come in that order and each goes whole into a row: the open row with the least room
 * that is enough, else a new one, for which, where 64 are open, the fullest is closed. That is best
 * fit with bounded space (Csirik & Johnson, "Bounded Space On-Line Bin Packing: Best is Better than
 * First", Algorithmica 31, 2001: best fit, the fullest bin closed; at worst about 1.7 times the
 * fewest rows). A layout takes O(64 n) for n pieces. An epoch is laid out whole when it begins, so
 * that the position in it is two numbers, and going to any of them costs one layout.
 */
#include "text/packing/packing.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the order of an epoch --- */

/* A source's part of the units, and how often they come. */
struct epoch_share {
    size_t begin, count;
    uint64_t whole;
    double part; /* below 1 */
};

struct epoch_order {
    size_t *items; /* [count] numbers of pieces, of the epoch that was made last */
    size_t count;
    size_t most;     /* what any epoch can have */
    uint32_t *units; /* [unit_count + 1]: the piece that each begins with (pieces.h) */
    size_t unit_count;
    size_t *drawn; /* [unit_count], each source's shuffled: parts are taken from these; or NULL */
    struct epoch_share *shares; /* [share_count] */
    size_t share_count;
    uint64_t seed;
    bool shuffle;
};

/* Where the part of epoch e begins among the drawn units, counted on from epoch 0. Rounded up,
 * so that the first epoch has one of each source that has a weight; but not for what a weight such
 * as 1.3 is beyond its decimals. */
static double part_begin(const struct epoch_share *share, uint64_t epoch)
{
    return ceil((double)epoch * share->part * (double)share->count - 1e-6);
}

static void add_unit(struct epoch_order *o, size_t unit)
{
    for (uint32_t piece = o->units[unit]; piece < o->units[unit + 1]; piece++)
        o->items[o->count++] = piece;
}

/* The order of an epoch: whole turns of each source, then its part, then all of it shuffled. */
static void epoch_order_make(struct epoch_order *o, uint64_t epoch)
{
    o->count = 0;
    for (size_t s = 0; s < o->share_count; s++) {
        const struct epoch_share *share = &o->shares[s];
        for (uint64_t turn = 0; turn < share->whole; turn++)
            for (size_t i = 0; i < share->count; i++)
                add_unit(o, share->begin + i);
        if (!(share->part > 0) || share->count == 0)
            continue;
        double from = part_begin(share, epoch), count = part_begin(share, epoch + 1) - from;
        size_t next = (size_t)fmod(from, (double)share->count);
        for (size_t i = 0; i < share->count && (double)i < count; i++)
            add_unit(o, o->drawn[share->begin + (next + i) % share->count]);
    }
    if (o->shuffle)
        indices_shuffle(o->items, o->count, o->seed, epoch);
}

/* The first unit of which the pieces come at or after `piece`, with which a unit begins. */
static size_t unit_at(const struct epoch_order *o, size_t piece)
{
    size_t low = 0, high = o->unit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->units[middle] < piece)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One share for each source, where sources count; one of everything where they do not. */
static int make_shares(struct epoch_order *o, const struct piece_list *pieces, struct error *err)
{
    const struct dataset *data = pieces->data;
    bool weighted = o->shuffle && data->source_count > 0;
    o->share_count = weighted ? data->source_count : 1;
    o->shares = array_alloc(o->share_count, sizeof *o->shares, err);
    if (!o->shares)
        return -1;
    o->shares[0] = (struct epoch_share){0, o->unit_count, 1, 0};
    for (size_t s = 0; weighted && s < o->share_count; s++) {
        double weight = data->sources[s].weight, whole = floor(weight);
        size_t begin = unit_at(o, pieces_source_begin(pieces, s));
        size_t end = unit_at(o, pieces_source_begin(pieces, s + 1));
        o->shares[s] = (struct epoch_share){begin, end - begin, (uint64_t)whole, weight - whole};
    }
    for (size_t s = 0; s < o->share_count; s++) {
        const struct epoch_share *share = &o->shares[s];
        size_t own = o->units[share->begin + share->count] - o->units[share->begin];
        o->most += ((size_t)share->whole + (share->part > 0)) * own;
    }
    return 0;
}

static void epoch_order_free(struct epoch_order *o)
{
    free(o->items);
    free(o->units);
    free(o->drawn);
    free(o->shares);
    *o = (struct epoch_order){0};
}

/* Of all pieces of a list. Without `shuffle` the order stays, and weights do not count. */
static int epoch_order_new(struct epoch_order *o, const struct piece_list *pieces, uint64_t seed,
                           bool shuffle, struct error *err)
{
    *o = (struct epoch_order){.seed = seed, .shuffle = shuffle};
    bool parts = false;
    if (!(o->units = array_alloc(pieces_units(pieces) + 1, sizeof *o->units, err)))
        goto fail;
    for (size_t i = 0; i < pieces->count; i++)
        if (pieces_begin_unit(pieces, i))
            o->units[o->unit_count++] = (uint32_t)i;
    o->units[o->unit_count] = (uint32_t)pieces->count;
    if (make_shares(o, pieces, err) != 0)
        goto fail;
    for (size_t s = 0; s < o->share_count; s++)
        parts = parts || o->shares[s].part > 0;
    if (parts && !(o->drawn = array_alloc(o->unit_count, sizeof *o->drawn, err)))
        goto fail;
    for (size_t i = 0; parts && i < o->unit_count; i++)
        o->drawn[i] = i;
    for (size_t s = 0; parts && s < o->share_count; s++)
        indices_shuffle(o->drawn + o->shares[s].begin, o->shares[s].count, o->seed,
                        UINT64_MAX - 1 - s); /* no epoch has such a number */
    if (o->most > UINT32_MAX - 1) {
        error_set(err,
                  "%zu parts of documents an epoch are too many to be packed; smaller weights, or "
                  "a longer --seq-len, help",
                  o->most);
        goto fail;
    }
    if ((o->items = array_alloc(o->most, sizeof *o->items, err)))
        return 0;
fail:
    epoch_order_free(o);
    return -1;
}

/* --- its rows --- */

enum { OPEN_ROWS = 64 };

/* A piece, by its number in the list, and the row that it is in. */
struct placed {
    uint32_t piece, row;
};

struct packing {
    const struct piece_list *list;
    struct epoch_order order;
    struct placed *placed; /* row by row: those of row r are placed[starts[r]] to [starts[r + 1]) */
    struct placed *laid;   /* in the epoch's order, before they are sorted by row */
    uint32_t *starts;      /* [most + 1] */
    int32_t *ids;          /* [seq_len + 1], of the piece in hand */
    float *weights;        /* [seq_len + 1] */
    size_t count, most;    /* pieces of this epoch, of any */
    uint64_t rows;
    int32_t pad;
    struct packing_position position;
};

/* A document for each token is the most that a batch can have. */
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
    batch->weights = array_alloc(tokens, sizeof *batch->weights, err);
    batch->positions = array_alloc(tokens, sizeof *batch->positions, err);
    batch->offsets = array_alloc(tokens + 1, sizeof *batch->offsets, err);
    for (size_t i = 0; batch->weights && i < tokens; i++)
        batch->weights[i] = 1;
    if (batch->ids && batch->targets && batch->weights && batch->positions && batch->offsets)
        return 0;
    batch_free(batch);
    return -1;
}

void batch_free(struct batch *batch)
{
    free(batch->ids);
    free(batch->targets);
    free(batch->weights);
    free(batch->positions);
    free(batch->offsets);
    *batch = (struct batch){0};
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

/* Every piece of the epoch gets its row. */
static void lay_out_pieces(struct packing *p)
{
    struct open_rows open = {.count = 0};
    p->rows = 0;
    p->count = p->order.count;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t piece = (uint32_t)p->order.items[i];
        int64_t length, known;
        piece_tokens(p->list, &p->list->items[piece], &length, &known);
        uint64_t row = place_piece(&open, length, p->list->seq_len, &p->rows);
        p->laid[i] = (struct placed){piece, (uint32_t)row};
    }
}

/* By row, in the epoch's order within each: a counting sort, which leaves in `starts` where each
 * row's pieces end, one place before where that is wanted. */
static void sort_pieces(struct packing *p)
{
    memset(p->starts, 0, (p->count + 1) * sizeof *p->starts);
    for (size_t i = 0; i < p->count; i++)
        p->starts[p->laid[i].row]++;
    uint32_t sum = 0;
    for (uint64_t row = 0; row <= p->rows; row++) {
        uint32_t own = row < p->rows ? p->starts[row] : 0;
        p->starts[row] = sum;
        sum += own;
    }
    for (size_t i = 0; i < p->count; i++)
        p->placed[p->starts[p->laid[i].row]++] = p->laid[i];
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

int packing_new(struct packing **out, const struct piece_list *pieces, uint64_t seed, bool shuffle,
                int32_t pad, struct error *err)
{
    size_t row = (size_t)pieces->seq_len + 1;
    struct packing *p = array_alloc(1, sizeof *p, err);
    if (!p)
        return -1;
    *p = (struct packing){.list = pieces, .pad = pad};
    if (epoch_order_new(&p->order, pieces, seed, shuffle, err) != 0)
        goto fail;
    p->most = p->order.most; /* room for any epoch, and a piece */
    p->placed = array_alloc(p->most, sizeof *p->placed, err);
    p->laid = array_alloc(p->most, sizeof *p->laid, err);
    p->starts = array_alloc(p->most + 1, sizeof *p->starts, err);
    p->ids = array_alloc(row, sizeof *p->ids, err);
    p->weights = array_alloc(row, sizeof *p->weights, err);
    if (!p->placed || !p->laid || !p->starts || !p->ids || !p->weights)
        goto fail;
    lay_out_epoch(p);
    *out = p;
    return 0;
fail:
    packing_free(p);
    return -1;
}

/* The pieces and their data set stay, which are the caller's. */
void packing_free(struct packing *packing)
{
    if (!packing)
        return;
    epoch_order_free(&packing->order);
    free(packing->ids);
    free(packing->weights);
    free(packing->placed);
    free(packing->laid);
    free(packing->starts);
    free(packing);
}

uint64_t packing_rows(const struct packing *packing)
{
    return packing->rows;
}

uint64_t packing_targets(const struct packing *packing)
{
    uint64_t targets = 0;
    for (size_t i = 0; i < packing->count; i++)
        targets += packing->list->items[packing->placed[i].piece].targets;
    return targets;
}

/* Epochs differ in rows where sources have parts of a turn, so each is laid out and counted; a part
 * of an epoch is that part of its steps. */
int64_t packing_steps(struct packing *packing, double epochs, int64_t rows_per_step)
{
    double whole = floor(epochs), part = epochs - whole;
    int64_t steps = 0;
    for (uint64_t epoch = 0; (double)epoch < epochs; epoch++) {
        epoch_order_make(&packing->order, epoch);
        lay_out_pieces(packing);
        int64_t own = ((int64_t)packing->rows + rows_per_step - 1) / rows_per_step;
        steps += (double)epoch < whole ? own : (int64_t)ceil(part * (double)own - 1e-9);
    }
    lay_out_epoch(packing);
    return steps;
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

/* Copies a piece to place `at`; returns its length, or -1. The target of a token is the one that
 * follows in its document, and counts as much as that weighs. */
static int64_t put_piece(const struct packing *p, struct batch *batch, uint32_t piece, int64_t at,
                         struct error *err)
{
    int64_t length, known;
    uint64_t from = piece_tokens(p->list, &p->list->items[piece], &length, &known);
    if (dataset_read(p->list->data, from, (size_t)known, p->ids, p->weights, err) != 0)
        return -1;
    for (int64_t i = 0; i < length; i++) {
        float weight = i + 1 < known ? p->weights[i + 1] : 0;
        batch->ids[at + i] = p->ids[i];
        batch->targets[at + i] = weight > 0 ? p->ids[i + 1] : -1;
        batch->weights[at + i] = weight;
        batch->positions[at + i] = (int32_t)i;
        batch->supervised += weight > 0;
        batch->weight += (double)weight;
    }
    batch->offsets[++batch->documents] = (int32_t)(at + length);
    return length;
}

/* Padding is a document of its own: it sees no other token and none sees it, and nothing of it
 * trains. */
static void put_padding(const struct packing *p, struct batch *batch, int64_t at, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        batch->ids[at + i] = p->pad;
        batch->targets[at + i] = -1;
        batch->weights[at + i] = 0;
        batch->positions[at + i] = (int32_t)i;
    }
    if (count > 0)
        batch->offsets[++batch->documents] = (int32_t)(at + count);
}

/* Writes row `row` of the epoch at place `at`. */
static int put_row(const struct packing *p, struct batch *batch, uint64_t row, int64_t at,
                   struct error *err)
{
    int64_t end = at + p->list->seq_len;
    for (uint64_t i = p->starts[row]; i < p->starts[row + 1]; i++) {
        int64_t length = put_piece(p, batch, p->placed[i].piece, at, err);
        if (length < 0)
            return -1;
        at += length;
    }
    put_padding(p, batch, at, end - at);
    return 0;
}

/* Rows that are left of the last batch are padding, so that every batch has the same shape. */
int packing_next(struct packing *packing, struct batch *batch, int64_t batch_rows,
                 struct error *err)
{
    int64_t seq_len = packing->list->seq_len;
    int filled = 0;
    if (batch_rows < 1 || batch_rows > batch->tokens / seq_len ||
        batch->tokens != batch_rows * seq_len)
        return error_set(err, "a batch of %lld tokens does not hold %lld rows of %lld",
                         (long long)batch->tokens, (long long)batch_rows, (long long)seq_len);
    batch->documents = 0;
    batch->supervised = 0;
    batch->weight = 0;
    batch->offsets[0] = 0;
    for (; filled < batch_rows && packing->position.row < packing->rows; filled++)
        if (put_row(packing, batch, packing->position.row++, filled * seq_len, err) != 0)
            return -1;
    for (int64_t row = filled; row < batch_rows; row++)
        put_padding(packing, batch, row * seq_len, seq_len);
    return filled;
}
