/* Which pieces an epoch has, and in what order: a function of (seed, epoch). Internal to
 * core/text; packing.h says what weights mean. */
#ifndef SPECTRUM_TEXT_EPOCH_ORDER_H
#define SPECTRUM_TEXT_EPOCH_ORDER_H

#include "text/pieces.h"

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
    size_t *drawn; /* all units, each source's shuffled: parts are taken from these; or NULL */
    struct epoch_share *shares;
    size_t share_count;
    uint64_t seed;
    bool shuffle;
};

/* Of all pieces of a list. Without `shuffle` the order stays, and weights do not count. */
int epoch_order_new(struct epoch_order *out, const struct piece_list *pieces, uint64_t seed,
                    bool shuffle, struct error *err);
void epoch_order_free(struct epoch_order *order);
void epoch_order_make(struct epoch_order *order, uint64_t epoch);

#endif
