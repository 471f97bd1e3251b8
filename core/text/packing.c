#include "text/packing.h"

#include "base/memory.h"
#include "text/epoch_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_ROWS = 64 };

/* A piece, by its number in the list, and the row that it is in. */
struct placed {
    uint32_t piece, row;
};

/* An epoch is laid out whole when it begins, so that the position in it is two numbers, and going
 * to any of them costs one layout. */
struct packing {
    const struct piece_list *list;
    struct epoch_order order;
    struct placed *placed; /* row by row: those of row r are placed[starts[r]] to [starts[r + 1]) */
    struct placed *laid;   /* in the epoch's order, before they are sorted by row */
    uint32_t *starts;      /* [most + 1] */
    int32_t *ids;          /* [seq_len + 1], of the piece in hand */
    float *weights;
    size_t count, most; /* pieces of this epoch, of any */
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

static int64_t piece_length(const struct packing *p, uint32_t piece)
{
    int64_t length, known;
    piece_tokens(p->list, &p->list->items[piece], &length, &known);
    return length;
}

/* Every piece of the epoch gets its row. */
static void lay_out_pieces(struct packing *p)
{
    struct open_rows open = {.count = 0};
    p->rows = 0;
    p->count = p->order.count;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t piece = (uint32_t)p->order.items[i];
        uint64_t row = place_piece(&open, piece_length(p, piece), p->list->seq_len, &p->rows);
        p->laid[i] = (struct placed){piece, (uint32_t)row};
    }
}

/* By row, in the epoch's order within each. */
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

/* Room for any epoch and a piece. */
static int allocate(struct packing *p, struct error *err)
{
    size_t row = (size_t)p->list->seq_len + 1;
    p->most = p->order.most;
    p->placed = array_alloc(p->most, sizeof *p->placed, err);
    p->laid = array_alloc(p->most, sizeof *p->laid, err);
    p->starts = array_alloc(p->most + 1, sizeof *p->starts, err);
    p->ids = array_alloc(row, sizeof *p->ids, err);
    p->weights = array_alloc(row, sizeof *p->weights, err);
    return p->placed && p->laid && p->starts && p->ids && p->weights ? 0 : -1;
}

int packing_new(struct packing **out, const struct piece_list *pieces, uint64_t seed, bool shuffle,
                int32_t pad, struct error *err)
{
    struct packing *p = array_alloc(1, sizeof *p, err);
    if (!p)
        return -1;
    *p = (struct packing){.list = pieces, .pad = pad};
    if (epoch_order_new(&p->order, pieces, seed, shuffle, err) != 0 || allocate(p, err) != 0) {
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

static void add_offset(struct batch *batch, int64_t end)
{
    batch->offsets[++batch->documents] = (int32_t)end;
}

/* Copies a piece to place `at`; returns its length, or -1. */
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
    add_offset(batch, at + length);
    return length;
}

static void put_padding(const struct packing *p, struct batch *batch, int64_t at, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        batch->ids[at + i] = p->pad;
        batch->targets[at + i] = -1;
        batch->weights[at + i] = 0;
        batch->positions[at + i] = (int32_t)i;
    }
    if (count > 0)
        add_offset(batch, at + count);
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
