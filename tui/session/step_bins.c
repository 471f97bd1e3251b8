#include "tui/session/step_bins.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int step_bins_init(struct step_bins *bins, size_t keys, struct error *err)
{
    *bins = (struct step_bins){.keys = keys, .width = 1};
    bins->bins = array_alloc(STEP_BINS * keys, sizeof *bins->bins, err);
    return bins->bins ? 0 : -1;
}

void step_bins_free(struct step_bins *bins)
{
    free(bins->bins);
    *bins = (struct step_bins){.width = 1};
}

static void begin(struct step_bins *bins, bool fixed, int64_t first, int64_t width)
{
    memset(bins->bins, 0, bins->used * bins->keys * sizeof *bins->bins);
    bins->used = 0;
    bins->fixed = fixed;
    bins->first = first;
    bins->width = width;
}

void step_bins_begin(struct step_bins *bins)
{
    begin(bins, false, 0, 1);
}

void step_bins_begin_part(struct step_bins *bins, int64_t first, int64_t steps)
{
    begin(bins, true, first, steps / STEP_BINS + 1);
}

/* What `from` has is added to `to`. */
static void join(struct step_bin *to, const struct step_bin *from)
{
    if (from->count == 0)
        return;
    if (to->count == 0) {
        *to = *from;
        return;
    }
    to->low = fmin(to->low, from->low);
    to->high = fmax(to->high, from->high);
    to->sum += from->sum;
    to->count += from->count;
}

/* Bins 2 i and 2 i + 1 become bin i. */
static void halve(struct step_bins *bins)
{
    size_t keys = bins->keys;
    for (size_t i = 0; i < bins->used; i++)
        for (size_t key = 0; key < keys; key++) {
            struct step_bin *from = &bins->bins[i * keys + key];
            struct step_bin *to = &bins->bins[i / 2 * keys + key];
            if (i % 2 == 1)
                join(to, from);
            else
                *to = *from;
        }
    size_t used = (bins->used + 1) / 2;
    memset(bins->bins + used * keys, 0, (bins->used - used) * keys * sizeof *bins->bins);
    bins->used = used;
    bins->width *= 2;
}

/* Where the steps no longer fit, all bins are joined in pairs: the number of bins is fixed, their
 * width doubles. */
void step_bins_add(struct step_bins *bins, size_t key, int64_t step, double value)
{
    if (step < bins->first || !isfinite(value))
        return;
    while (!bins->fixed && (step - bins->first) / bins->width >= STEP_BINS)
        halve(bins);
    int64_t at = (step - bins->first) / bins->width;
    if (at >= STEP_BINS)
        return;
    join(&bins->bins[(size_t)at * bins->keys + key], &(struct step_bin){value, value, value, 1});
    if (bins->used <= (size_t)at)
        bins->used = (size_t)at + 1;
}

const struct step_bin *step_bins_at(const struct step_bins *bins, size_t i, size_t key)
{
    return &bins->bins[i * bins->keys + key];
}

int64_t step_bins_first(const struct step_bins *bins, size_t i)
{
    return bins->first + (int64_t)i * bins->width;
}

int64_t step_bins_last(const struct step_bins *bins, size_t i)
{
    return step_bins_first(bins, i) + bins->width - 1;
}

size_t step_bins_find(const struct step_bins *bins, int64_t step)
{
    if (step <= bins->first)
        return 0;
    int64_t at = (step - bins->first) / bins->width;
    return at < (int64_t)bins->used ? (size_t)at : bins->used;
}

bool step_bins_cover(const struct step_bins *bins, int64_t from, int64_t to)
{
    return from >= bins->first &&
           (!bins->fixed || to < bins->first + (int64_t)STEP_BINS * bins->width);
}
