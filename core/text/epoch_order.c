#include "text/epoch_order.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- making an epoch's --- */

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

static void add_part(struct epoch_order *o, const struct epoch_share *share, uint64_t epoch)
{
    double from = part_begin(share, epoch), count = part_begin(share, epoch + 1) - from;
    size_t next = (size_t)fmod(from, (double)share->count);
    for (size_t i = 0; i < share->count && (double)i < count; i++)
        add_unit(o, o->drawn[share->begin + (next + i) % share->count]);
}

void epoch_order_make(struct epoch_order *o, uint64_t epoch)
{
    o->count = 0;
    for (size_t s = 0; s < o->share_count; s++) {
        const struct epoch_share *share = &o->shares[s];
        for (uint64_t turn = 0; turn < share->whole; turn++)
            for (size_t i = 0; i < share->count; i++)
                add_unit(o, share->begin + i);
        if (share->part > 0 && share->count > 0)
            add_part(o, share, epoch);
    }
    if (o->shuffle)
        indices_shuffle(o->items, o->count, o->seed, epoch);
}

/* --- making the whole --- */

static int list_units(struct epoch_order *o, const struct piece_list *pieces, struct error *err)
{
    o->units = array_alloc(pieces_units(pieces) + 1, sizeof *o->units, err);
    for (size_t i = 0; o->units && i < pieces->count; i++)
        if (pieces_begin_unit(pieces, i))
            o->units[o->unit_count++] = (uint32_t)i;
    if (!o->units)
        return -1;
    o->units[o->unit_count] = (uint32_t)pieces->count;
    return 0;
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

/* The order in which each source's units have their turn in the parts of the epochs. */
static int draw(struct epoch_order *o, struct error *err)
{
    bool any = false;
    size_t count = o->unit_count;
    for (size_t s = 0; s < o->share_count; s++)
        any = any || o->shares[s].part > 0;
    if (!any)
        return 0;
    o->drawn = array_alloc(count, sizeof *o->drawn, err);
    if (!o->drawn)
        return -1;
    for (size_t i = 0; i < count; i++)
        o->drawn[i] = i;
    for (size_t s = 0; s < o->share_count; s++)
        indices_shuffle(o->drawn + o->shares[s].begin, o->shares[s].count, o->seed,
                        UINT64_MAX - 1 - s); /* no epoch has such a number */
    return 0;
}

static int fill(struct epoch_order *o, const struct piece_list *pieces, struct error *err)
{
    if (list_units(o, pieces, err) != 0 || make_shares(o, pieces, err) != 0 || draw(o, err) != 0)
        return -1;
    if (o->most > UINT32_MAX - 1)
        return error_set(err,
                         "%zu parts of documents an epoch are too many to be packed; smaller "
                         "weights, or a longer --seq-len, help",
                         o->most);
    o->items = array_alloc(o->most, sizeof *o->items, err);
    return o->items ? 0 : -1;
}

int epoch_order_new(struct epoch_order *out, const struct piece_list *pieces, uint64_t seed,
                    bool shuffle, struct error *err)
{
    *out = (struct epoch_order){.seed = seed, .shuffle = shuffle};
    if (fill(out, pieces, err) == 0)
        return 0;
    epoch_order_free(out);
    return -1;
}

void epoch_order_free(struct epoch_order *o)
{
    free(o->items);
    free(o->units);
    free(o->drawn);
    free(o->shares);
    *o = (struct epoch_order){0};
}
