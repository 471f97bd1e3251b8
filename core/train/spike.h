/* The loss-spike guard: a step whose loss stands far above those before it is left out, so that one
 * broken batch does not throw the weights.
 *
 * "Far" is a z-score: (loss - mean) / deviation over the last SPIKE_WINDOW losses that were not
 * left out, from SPIKE_LEAST of them on. After SPIKE_IN_A_ROW steps left out one after another the
 * losses are believed, and the window starts over: the level has changed.
 */
#ifndef SPECTRUM_TRAIN_SPIKE_H
#define SPECTRUM_TRAIN_SPIKE_H

#include <stdbool.h>

enum { SPIKE_WINDOW = 64, SPIKE_LEAST = 16, SPIKE_IN_A_ROW = 8 };

/* {0} at first; part of a run's state. */
struct spike_window {
    double losses[SPIKE_WINDOW]; /* a ring, the next goes to count % SPIKE_WINDOW */
    int count;                   /* since it began; from 2 SPIKE_WINDOW on it goes round */
    int left_out;                /* in a row */
};

/* Is this loss to be left out, where `limit` > 0 standard deviations are too far? If not, it joins
 * the window. *z is its score, NaN where there are too few to tell. */
bool spike_found(struct spike_window *window, double limit, double loss, double *z);

#endif
