/* Values by step, in a bounded number of bins: what curves of any length are drawn from.
 *
 *     step:   0 ........ 999 | 1000 ..... 1999 | 2000 ...          width 1000
 *     a key:  lowest, highest, sum and count of the values of these steps
 *
 * A bin keeps the extremes, so a spike of one step in a million is on the screen at every zoom. Two
 * kinds, by how they are begun:
 *
 *   growing  from step 0 on; when a step comes that lies beyond the last bin, neighbours are joined
 *            two by two and the width doubles. A value costs O(1), amortised, whatever there was.
 *   fixed    a part of the steps at a width of its own; steps outside are passed over.
 *
 * step_bins_init() -> step_bins_begin() -> step_bins_add() ... -> step_bins_free(). Begun again, all
 * is forgotten.
 */
#ifndef SPECTRUM_TUI_SESSION_STEP_BINS_H
#define SPECTRUM_TUI_SESSION_STEP_BINS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Twice the dots of the widest window and more: even after the width has doubled, a column of dots
 * has a bin of its own. */
enum { STEP_BINS = 4096 };

/* count 0: no value is known, and the others mean nothing. */
struct step_bin {
    double low, high, sum;
    uint64_t count;
};

struct step_bins {
    int64_t first, width; /* bin i has the steps from first + i width on, `width` of them */
    size_t keys;
    size_t used; /* bins up to the last one that has a value */
    bool fixed;
    struct step_bin *bins; /* [STEP_BINS][keys] */
};

int step_bins_init(struct step_bins *bins, size_t keys, struct error *err);
void step_bins_free(struct step_bins *bins);

/* Growing, from step 0 on. */
void step_bins_begin(struct step_bins *bins);
/* Fixed, from `first` on, as narrow as can be so that `steps` have room; all >= 0. */
void step_bins_begin_part(struct step_bins *bins, int64_t first, int64_t steps);

/* A value that is not finite is none, and neither is one of a step below 0. */
void step_bins_add(struct step_bins *bins, size_t key, int64_t step, double value);

/* Bin `i` of a key; and the steps that it has, first and last. */
const struct step_bin *step_bins_at(const struct step_bins *bins, size_t i, size_t key);
int64_t step_bins_first(const struct step_bins *bins, size_t i);
int64_t step_bins_last(const struct step_bins *bins, size_t i);

/* The bin of a step: from 0 to `used`, which is none. */
size_t step_bins_find(const struct step_bins *bins, int64_t step);

/* Does it have all the steps from `from` to `to`, of which a fixed one has a part? */
bool step_bins_cover(const struct step_bins *bins, int64_t from, int64_t to);

#endif
