/* By what rows of a scan are ranked: a number of their scores, or, as controls for that, what no score
 * says. Whether a scan's choice is worth anything shows only beside a choice of the same size that no
 * scan made. */
#ifndef SPECTRUM_PLAN_ORDER_H
#define SPECTRUM_PLAN_ORDER_H

#include "model/score_metric.h"

enum plan_order_kind {
    ORDER_METRIC, /* the higher, the better */
    ORDER_RANDOM, /* drawn from the seed, row by row of the scan */
    ORDER_LAST,   /* the later its block, the better; a row without a block's number has no rank */
    ORDER_FIRST,
    ORDER_KINDS
};

/* All zero: by SNR, as the reference. */
struct plan_order {
    enum plan_order_kind kind;
    enum metric metric;
    uint64_t seed;
};

/* "snr", "mp", ..., "random", "last", "first"; a NULL ends them. */
enum { ORDER_COUNT = METRIC_COUNT + ORDER_KINDS - 1 };
extern const char *const plan_order_names[ORDER_COUNT + 1];

/* That of a number of the list, with a seed, which only a random one keeps. */
struct plan_order plan_order_numbered(int number, uint64_t seed);
const char *plan_order_name(const struct plan_order *order);
bool plan_order_is_snr(const struct plan_order *order); /* the reference's */
bool plan_order_is_same(const struct plan_order *a, const struct plan_order *b);

/* values[rows of the scan]: the higher, the better; NaN: it has none, or not yet. */
void plan_order_values(double *values, const struct scan *scan, const struct plan_order *order);

#endif
