#include "train/spike.h"

#include <math.h>

static int filled(const struct spike_window *window)
{
    return window->count < SPIKE_WINDOW ? window->count : SPIKE_WINDOW;
}

static double score(const struct spike_window *window, double loss)
{
    int n = filled(window);
    double mean = 0, squares = 0;
    if (n < SPIKE_LEAST)
        return NAN;
    for (int i = 0; i < n; i++)
        mean += window->losses[i] / n;
    for (int i = 0; i < n; i++)
        squares += (window->losses[i] - mean) * (window->losses[i] - mean);
    double deviation = sqrt(squares / (n - 1));
    return deviation > 0 ? (loss - mean) / deviation : loss > mean ? INFINITY : 0;
}

bool spike_found(struct spike_window *window, double limit, double loss, double *z)
{
    *z = score(window, loss);
    if (*z > limit && window->left_out < SPIKE_IN_A_ROW) {
        window->left_out++;
        return true;
    }
    if (*z > limit)
        *window = (struct spike_window){0};
    window->left_out = 0;
    window->losses[window->count % SPIKE_WINDOW] = loss;
    window->count++;
    if (window->count == 2 * SPIKE_WINDOW) /* the place in the ring is the same */
        window->count = SPIKE_WINDOW;
    return false;
}
