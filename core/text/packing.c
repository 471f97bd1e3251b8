#include "text/packing.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* A row is found by its number: prefix sums over the shuffled documents say where it begins. So the
 * position is two numbers, and going to any of them costs one shuffle. */
struct packing {
    const struct dataset *data;
    size_t *documents; /* as given */
    size_t *order;     /* of this epoch */
    uint64_t *starts;  /* [count + 1] of order[i] in the laid-out epoch */
    size_t count;
    int64_t seq_len;
    uint64_t seed, tokens, rows;
    bool shuffle;
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

static void shuffle_indices(size_t *items, size_t count, uint64_t seed, uint64_t epoch)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)epoch, (uint32_t)(epoch >> 32), 0x7061636Bu, 0};
    uint32_t words[4]; /* the epoch's own seed */
    random_philox(key, counter, words);
    struct random_stream stream = {(uint64_t)words[0] << 32 | words[1], 0};
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(&stream, (uint32_t)i), kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

static uint64_t document_length(const struct packing *p, size_t document)
{
    return p->data->offsets[document + 1] - p->data->offsets[document];
}

static void lay_out_epoch(struct packing *p)
{
    memcpy(p->order, p->documents, p->count * sizeof *p->order);
    if (p->shuffle)
        shuffle_indices(p->order, p->count, p->seed, p->position.epoch);
    p->starts[0] = 0;
    for (size_t i = 0; i < p->count; i++)
        p->starts[i + 1] = p->starts[i] + document_length(p, p->order[i]);
}

static bool has_target(const struct dataset *data, const size_t *documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = data->offsets[documents[i]], end = data->offsets[documents[i] + 1];
        if (end - begin > 1 && memchr(data->mask + begin + 1, 1, (size_t)(end - begin - 1)))
            return true;
    }
    return false;
}

int packing_new(struct packing **out, const struct dataset *data, const size_t *documents,
                size_t count, int64_t seq_len, uint64_t seed, bool shuffle, int32_t pad,
                struct error *err)
{
    if (count > UINT32_MAX || seq_len < 2)
        return error_set(err, "%zu documents in rows of %lld tokens cannot be packed", count,
                         (long long)seq_len);
    if (!has_target(data, documents, count))
        return error_set(err, "no token of the %zu documents is supervised: nothing to learn from",
                         count);
    struct packing *p = array_alloc(1, sizeof *p, err);
    if (!p)
        return -1;
    *p = (struct packing){.data = data,
                          .count = count,
                          .seq_len = seq_len,
                          .seed = seed,
                          .shuffle = shuffle,
                          .pad = pad};
    p->documents = array_alloc(count, sizeof *p->documents, err);
    p->order = array_alloc(count, sizeof *p->order, err);
    p->starts = array_alloc(count + 1, sizeof *p->starts, err);
    if (!p->documents || !p->order || !p->starts) {
        packing_free(p);
        return -1;
    }
    memcpy(p->documents, documents, count * sizeof *documents);
    lay_out_epoch(p);
    p->tokens = p->starts[count];
    p->rows = (p->tokens + (uint64_t)seq_len - 1) / (uint64_t)seq_len;
    *out = p;
    return 0;
}

void packing_free(struct packing *packing)
{
    if (!packing)
        return;
    free(packing->documents);
    free(packing->order);
    free(packing->starts);
    free(packing);
}

uint64_t packing_rows(const struct packing *packing)
{
    return packing->rows;
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

/* The document of this epoch's order that holds token `at`. */
static size_t find_document(const struct packing *p, uint64_t at)
{
    size_t low = 0, high = p->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p->starts[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void add_offset(struct batch *batch, int64_t end)
{
    batch->offsets[++batch->documents] = (int32_t)end;
}

/* Copies tokens [from, to) of a document to place `at`; returns how many of them are supervised.
 * The token after a cut is still the target of the last one before it. */
static int64_t put_document(const struct packing *p, struct batch *batch, size_t document,
                            uint64_t from, uint64_t to, int64_t at)
{
    const struct dataset *data = p->data;
    uint64_t base = data->offsets[document], length = document_length(p, document);
    int64_t supervised = 0;
    for (uint64_t i = from; i < to; i++, at++) {
        bool counts = i + 1 < length && data->mask[base + i + 1];
        batch->ids[at] = data->ids[base + i];
        batch->targets[at] = counts ? data->ids[base + i + 1] : -1;
        batch->positions[at] = (int32_t)(i - from);
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

/* Writes row `row` of the epoch at place `at`; returns its supervised targets. */
static int64_t put_row(const struct packing *p, struct batch *batch, uint64_t row, int64_t at)
{
    uint64_t begin = row * (uint64_t)p->seq_len, end = begin + (uint64_t)p->seq_len;
    uint64_t last = end < p->tokens ? end : p->tokens;
    int64_t supervised = 0;
    for (size_t i = find_document(p, begin); begin < last; i++) {
        uint64_t stop = p->starts[i + 1] < last ? p->starts[i + 1] : last;
        if (stop <= begin)
            continue;
        supervised +=
            put_document(p, batch, p->order[i], begin - p->starts[i], stop - p->starts[i], at);
        at += (int64_t)(stop - begin);
        begin = stop;
    }
    put_padding(p, batch, at, (int64_t)(end - begin));
    return supervised;
}

/* The next row of this epoch that has a target, at place `at`; false at the epoch's end. */
static bool take_row(struct packing *p, struct batch *batch, int64_t at)
{
    while (p->position.row < p->rows) {
        int documents = batch->documents;
        int64_t supervised = put_row(p, batch, p->position.row++, at);
        if (supervised > 0) {
            batch->supervised += supervised;
            return true;
        }
        batch->documents = documents;
    }
    return false;
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
    for (int64_t row = 0; row < batch_rows; row++)
        while (!take_row(packing, batch, row * packing->seq_len))
            packing_seek(packing, (struct packing_position){packing->position.epoch + 1, 0});
    return 0;
}

int packing_next_in_epoch(struct packing *packing, struct batch *batch, int64_t batch_rows,
                          struct error *err)
{
    int filled = 0;
    if (begin_batch(packing, batch, batch_rows, err) != 0)
        return -1;
    while (filled < batch_rows && take_row(packing, batch, filled * packing->seq_len))
        filled++;
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
    shuffle_indices(order, count, seed, UINT64_MAX); /* no epoch has that number */
    memcpy(kept, order + held, (count - held) * sizeof *kept);
    qsort(order, held, sizeof *order, compare_indices);
    qsort(kept, count - held, sizeof *kept, compare_indices);
    *train = kept;
    *train_count = count - held;
    *eval = order;
    *eval_count = held;
    return 0;
}
