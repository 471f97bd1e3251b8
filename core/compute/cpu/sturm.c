/* Eigenvalues of a tridiagonal matrix T, LANES at a time. The pivots of T - x I,
 *
 *     q_1 = d_1 - x,   q_i = d_i - x - e_(i-1)^2 / q_(i-1),
 *
 * tell by their signs how many eigenvalues lie below x (Sturm; Barth, Martin & Wilkinson 1967), and
 * the sum of their logarithmic derivatives is p'(x) / p(x) of the characteristic polynomial. Each
 * lane narrows its bracket by counts, of all lanes, until it holds one eigenvalue, and then takes
 * Newton's steps inside it, as long as each is at most half the one before: the bracket or the step
 * is halved every time, so that it ends.
 */
#include "compute/cpu/symmetric.h"

#include <math.h>

enum { GROUPS = 4, LANES = GROUPS * WIDTH };

struct tridiagonal {
    const double *diagonal, *squares; /* squares[i]: of the element between i - 1 and i; [0] = 0 */
    int64_t n;
    double tolerance; /* half a unit of rounding of the norm */
    double least;     /* pivots are at least that far from zero */
};

struct lane {
    double low, high;              /* the eigenvalue lies in between */
    int64_t below_low, below_high; /* eigenvalues below each end; -1: not counted */
    double step;                   /* the last one */
    bool done;
};

struct counts {
    int64_t below[LANES];
    double slope[LANES];
};

static void count(struct counts *out, const double x[LANES], const struct tridiagonal *t)
{
    vector at[GROUPS], inverse[GROUPS], derivative[GROUPS], slope[GROUPS];
    mask below[GROUPS];
    const vector least = splat(t->least);
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        at[g] = load(x + g * WIDTH);
        inverse[g] = derivative[g] = slope[g] = splat(0);
        below[g] = (mask)splat(0);
    }
    for (int64_t i = 0; i < t->n; i++) {
        const vector d = splat(t->diagonal[i]), square = splat(t->squares[i]);
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            vector ratio = square * inverse[g];
            vector pivot = d - at[g] - ratio;
            mask tiny = (pivot < least) & (pivot > -least);
            pivot = (vector)(((mask)pivot & ~tiny) | ((mask)-least & tiny));
            derivative[g] = ratio * inverse[g] * derivative[g] - 1.0;
            below[g] -= pivot < 0;
            inverse[g] = 1.0 / pivot;
            slope[g] += derivative[g] * inverse[g];
        }
    }
    memcpy(out->below, below, sizeof out->below);
    memcpy(out->slope, slope, sizeof out->slope);
}

/* What every evaluation says about the eigenvalue of this lane. */
static void learn(struct lane *lane, int64_t wanted, const double x[LANES],
                  const struct counts *counts)
{
    for (int i = 0; i < LANES; i++) {
        if (counts->below[i] <= wanted && x[i] > lane->low) {
            lane->low = x[i];
            lane->below_low = counts->below[i];
        } else if (counts->below[i] > wanted && x[i] < lane->high) {
            lane->high = x[i];
            lane->below_high = counts->below[i];
        }
    }
}

/* Where to look next; sets `done`, and returns the eigenvalue, once it is known. */
static double next_point(struct lane *lane, int64_t wanted, double x, double slope,
                         double tolerance)
{
    double middle = lane->low + (lane->high - lane->low) / 2, newton = x - 1 / slope;
    bool alone = lane->below_low == wanted && lane->below_high == wanted + 1;
    lane->done = lane->high - lane->low <= 2 * tolerance;
    if (lane->done || !alone || (x != lane->low && x != lane->high))
        return middle;
    double step = fabs(newton - x);
    if (step <= 2 * tolerance) {
        lane->done = true;
        return x;
    }
    bool good = newton > lane->low && newton < lane->high && step <= lane->step / 2;
    lane->step = good ? step : (lane->high - lane->low) / 2;
    return good ? newton : middle;
}

/* Eigenvalues first to first + size - 1, which lie in [low, high]. */
static void solve_lanes(double *values, int64_t first, int size, double low, double high,
                        const struct tridiagonal *t)
{
    struct lane lanes[LANES];
    struct counts counts;
    double x[LANES];
    int left = size;
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){low, high, -1, -1, high - low, false};
        x[i] = low + (high - low) * (i + 1) / (LANES + 1);
    }
    while (left > 0) {
        count(&counts, x, t);
        for (int i = 0; i < size; i++)
            if (!lanes[i].done)
                learn(&lanes[i], first + i, x, &counts);
        for (int i = 0; i < size; i++) {
            if (lanes[i].done)
                continue;
            x[i] = next_point(&lanes[i], first + i, x[i], counts.slope[i], t->tolerance);
            left -= lanes[i].done;
        }
    }
    memcpy(values + first, x, (size_t)size * sizeof *x);
}

void CPU(tridiagonal_values)(double *values, double *squares, const double *diagonal,
                             const double *off_diagonal, int64_t n)
{
    double low = INFINITY, high = -INFINITY; /* Gershgorin's discs */
    for (int64_t i = 0; i < n; i++) {
        double before = i > 0 ? off_diagonal[i - 1] : 0, behind = i + 1 < n ? off_diagonal[i] : 0;
        double radius = fabs(before) + fabs(behind);
        low = fmin(low, diagonal[i] - radius);
        high = fmax(high, diagonal[i] + radius);
        squares[i] = before * before;
    }
    double norm = fmax(fabs(low), fabs(high));
    struct tridiagonal t = {diagonal, squares, n, norm * 0x1p-52, norm * 0x1p-100 + 0x1p-960};
    low -= 4 * t.tolerance + t.least;
    high += 4 * t.tolerance + t.least;
    for (int64_t first = 0; first < n; first += LANES) {
        int size = n - first < LANES ? (int)(n - first) : LANES;
        solve_lanes(values, first, size, low, high, &t);
        low = values[first + size - 1] - 4 * t.tolerance; /* they come in order */
    }
}
