/* The smoothed curve of a noisy one: an exponential moving average without the pull of its
 * beginning, as TensorBoard computes it (debiased EMA; the correction is Adam's, arXiv 1412.6980,
 * section 3), over steps rather than points, so that a point that is missing, or stands for many
 * steps, weighs as many as it is.
 *
 *     of points (step s_i, value y_i), with the weight w in [0, 1) and d_i = s_i - s_(i-1), d_1 = 1:
 *         m_i = w^d_i m_(i-1) + (1 - w^d_i) y_i      m_0 = 0
 *         c_i = w^d_i c_(i-1) + (1 - w^d_i)          c_0 = 0; where all d are 1 this is 1 - w^i
 *         smoothed_i = m_i / c_i
 *
 * w = 0 gives the values themselves. After h = ln(1/2) / ln(w) steps a value counts half.
 */
#ifndef SPECTRUM_TUI_SESSION_SMOOTHING_H
#define SPECTRUM_TUI_SESSION_SMOOTHING_H

#include <stdint.h>

struct smoothing {
    double weight;
    double mean, mass; /* m and c */
    int64_t step;      /* of the last value; before the first one any */
};

/* The average after one value more; steps rise. */
double smoothing_add(struct smoothing *smoothing, int64_t step, double value);

/* After how many steps a value counts half; 0 for w = 0. And the weight for which that is so. */
double smoothing_half_life(double weight);
double smoothing_weight(double half_life);

#endif
