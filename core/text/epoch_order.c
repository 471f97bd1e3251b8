#include "text/epoch_order.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void indices_shuffle(size_t *items, size_t count, uint64_t seed, uint64_t what)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)what, (uint32_t)(what >> 32), 0x7061636Bu, 0};
    uint32_t words[4]; /* the epoch's own seed */
    random_philox(key, counter, words);
    struct random_stream stream = {(uint64_t)words[0] << 32 | words[1], 0};
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(&stream, (uint32_t)i), kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

/* --- making an epoch's --- */

/* Where the part of epoch e begins among the drawn documents, counted on from epoch 0. Rounded up,
 * so that the first epoch has one of each source that has a weight; but not for what a weight such
 * as 1.3 is beyond its decimals. */
static double part_begin(const struct epoch_share *share, uint64_t epoch)
{
    return ceil((double)epoch * share->part * (double)share->count - 1e-6);
}

static void add_part(struct epoch_order *o, const struct epoch_share *share, uint64_t epoch)
{
    double from = part_begin(share, epoch), count = part_begin(share, epoch + 1) - from;
    size_t next = (size_t)fmod(from, (double)share->count);
    for (size_t i = 0; i < share->count && (double)i < count; i++)
        o->items[o->count++] = o->drawn[share->begin + (next + i) % share->count];
}

void epoch_order_make(struct epoch_order *o, uint64_t epoch)
{
    o->count = 0;
    for (size_t s = 0; s < o->share_count; s++) {
        const struct epoch_share *share = &o->shares[s];
        for (uint64_t turn = 0; turn < share->whole; turn++) {
            memcpy(o->items + o->count, o->documents + share->begin,
                   share->count * sizeof *o->items);
            o->count += share->count;
        }
        if (share->part > 0 && share->count > 0)
            add_part(o, share, epoch);
    }
    if (o->shuffle)
        indices_shuffle(o->items, o->count, o->seed, epoch);
}

/* --- making the whole --- */

/* One share for each source, where sources count; one of everything where they do not. */
static int make_shares(struct epoch_order *o, const struct dataset *data, size_t count,
                       struct error *err)
{
    bool weighted = o->shuffle && data->source_count > 0;
    o->share_count = weighted ? data->source_count : 1;
    o->shares = array_alloc(o->share_count, sizeof *o->shares, err);
    if (!o->shares)
        return -1;
    o->shares[0] = (struct epoch_share){0, count, 1, 0};
    for (size_t s = 0; weighted && s < o->share_count; s++) {
        double weight = data->sources[s].weight, whole = floor(weight);
        size_t begin = dataset_source_begin(data, s, o->documents, count);
        size_t end = dataset_source_begin(data, s + 1, o->documents, count);
        o->shares[s] = (struct epoch_share){begin, end - begin, (uint64_t)whole, weight - whole};
    }
    for (size_t s = 0; s < o->share_count; s++)
        o->most += ((size_t)o->shares[s].whole + (o->shares[s].part > 0)) * o->shares[s].count;
    return 0;
}

/* The order in which each source's documents have their turn in the parts of the epochs. */
static int draw(struct epoch_order *o, size_t count, struct error *err)
{
    bool any = false;
    for (size_t s = 0; s < o->share_count; s++)
        any = any || o->shares[s].part > 0;
    if (!any)
        return 0;
    o->drawn = array_alloc(count, sizeof *o->drawn, err);
    if (!o->drawn)
        return -1;
    memcpy(o->drawn, o->documents, count * sizeof *o->drawn);
    for (size_t s = 0; s < o->share_count; s++)
        indices_shuffle(o->drawn + o->shares[s].begin, o->shares[s].count, o->seed,
                        UINT64_MAX - 1 - s); /* no epoch has such a number */
    return 0;
}

static int fill(struct epoch_order *o, const struct dataset *data, const size_t *documents,
                size_t count, struct error *err)
{
    o->documents = array_alloc(count, sizeof *o->documents, err);
    if (!o->documents)
        return -1;
    memcpy(o->documents, documents, count * sizeof *documents);
    if (make_shares(o, data, count, err) != 0 || draw(o, count, err) != 0)
        return -1;
    if (o->most > UINT32_MAX)
        return error_set(err,
                         "%zu documents an epoch are too many to be shuffled; smaller weights "
                         "help",
                         o->most);
    o->items = array_alloc(o->most, sizeof *o->items, err);
    return o->items ? 0 : -1;
}

int epoch_order_new(struct epoch_order *out, const struct dataset *data, const size_t *documents,
                    size_t count, uint64_t seed, bool shuffle, struct error *err)
{
    *out = (struct epoch_order){.seed = seed, .shuffle = shuffle};
    if (fill(out, data, documents, count, err) == 0)
        return 0;
    epoch_order_free(out);
    return -1;
}

void epoch_order_free(struct epoch_order *o)
{
    free(o->items);
    free(o->documents);
    free(o->drawn);
    free(o->shares);
    *o = (struct epoch_order){0};
}
