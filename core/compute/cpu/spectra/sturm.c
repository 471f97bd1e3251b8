/* Eigenvalues of a tridiagonal matrix T, LANES at a time. The pivots of T - x I,
 *
 *     q_1 = d_1 - x,   q_i = d_i - x - e_(i-1)^2 / q_(i-1),
 *
 * tell by their signs how many eigenvalues lie below x (Sturm; Barth, Martin & Wilkinson 1967).
 * Their product is the characteristic polynomial p, so the sum of their logarithmic derivatives
 * is p' / p,
 *
 *     q_1' = -1,   q_i' = e_(i-1)^2 q_(i-1)' / q_(i-1)^2 - 1,   p' / p = sum of q_i' / q_i,
 *
 * and Newton's step from x is -p / p'.
 *
 * Each lane narrows its bracket by counts, of all lanes, until it holds one eigenvalue, and then
 * takes Newton's steps inside it, as long as each is at most half the one before: the bracket or
 * the step is halved every time, so that it ends.
 *
 * One group of lanes begins where the one before it ended, CHAIN groups long; a chain begins afresh,
 * and is a team's part.
 */
#include "compute/cpu/spectra/stages.h"

#include <math.h>

enum { GROUPS = 4, LANES = GROUPS * WIDTH, CHAIN = 8 };

struct tridiagonal {
    /* squares[i]: of the element between i - 1 and i, [0] of none. Far enough above zero that a
     * zero pivot, whose inverse is infinite, gives no NaN; so little that rounding does more. */
    const double *diagonal, *squares;
    int64_t n;
    double tolerance; /* a unit or two in the last place of the norm */
};

struct lanes {
    double low[LANES], high[LANES];              /* each eigenvalue lies in between */
    int64_t below_low[LANES], below_high[LANES]; /* eigenvalues below the ends; -1: not counted */
    int64_t wanted[LANES];                       /* which eigenvalue it is */
    double step[LANES];                          /* the last one */
    bool done[LANES];
};

struct counts {
    int64_t below[LANES];
    double slope[LANES]; /* p' / p; NaN where a pivot but the last was zero */
};

/* Counts and slopes of all lanes in one pass over the matrix: its elements are read once for LANES
 * shifts, and the divisions, which take longest, overlap. */
static void count(struct counts *out, const double x[LANES], const struct tridiagonal *t)
{
    vector at[GROUPS], inverse[GROUPS], derivative[GROUPS], slope[GROUPS];
    mask below[GROUPS];
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        at[g] = load(x + g * WIDTH);
        inverse[g] = derivative[g] = slope[g] = splat(0);
        below[g] = (mask)splat(0);
    }
    for (int64_t i = 0; i < t->n; i++) {
        /* a zero that is added leaves no negative one, whose inverse would miscount */
        const vector d = splat(t->diagonal[i] + 0.0), square = splat(t->squares[i]);
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            vector ratio = square * inverse[g];
            vector pivot = d - at[g] - ratio;
            derivative[g] = ratio * inverse[g] * derivative[g] - 1.0;
            below[g] -= pivot < 0;
            inverse[g] = 1.0 / pivot;
            slope[g] += derivative[g] * inverse[g];
        }
    }
    memcpy(out->below, below, sizeof out->below);
    memcpy(out->slope, slope, sizeof out->slope);
}

/* What every evaluation says about the eigenvalue of every lane. */
static void learn(struct lanes *lanes, const double x[LANES], const struct counts *counts)
{
    for (int e = 0; e < LANES; e++)
        for (int i = 0; i < LANES; i++) {
            bool lower = counts->below[e] <= lanes->wanted[i];
            bool up = lower && x[e] > lanes->low[i], down = !lower && x[e] < lanes->high[i];
            lanes->low[i] = up ? x[e] : lanes->low[i];
            lanes->below_low[i] = up ? counts->below[e] : lanes->below_low[i];
            lanes->high[i] = down ? x[e] : lanes->high[i];
            lanes->below_high[i] = down ? counts->below[e] : lanes->below_high[i];
        }
}

/* Where lane i looks next; sets `done`, and returns the eigenvalue, once it is known. */
static double next_point(struct lanes *lanes, int i, double x, double slope, double tolerance)
{
    double low = lanes->low[i], high = lanes->high[i];
    double middle = low + (high - low) / 2, newton = x - 1 / slope;
    bool alone =
        lanes->below_low[i] == lanes->wanted[i] && lanes->below_high[i] == lanes->wanted[i] + 1;
    lanes->done[i] = high - low <= 2 * tolerance;
    if (lanes->done[i] || !alone || (x != low && x != high))
        return middle;
    double step = fabs(newton - x);
    if (step <= 2 * tolerance) {
        lanes->done[i] = true;
        return x;
    }
    bool good = newton > low && newton < high && step <= lanes->step[i] / 2;
    lanes->step[i] = good ? step : (high - low) / 2;
    return good ? newton : middle;
}

/* Eigenvalues first to first + size - 1, which lie in [low, high]. */
static void solve_lanes(double *values, int64_t first, int size, double low, double high,
                        const struct tridiagonal *t)
{
    struct lanes lanes;
    struct counts counts;
    double x[LANES];
    int left = size;
    for (int i = 0; i < LANES; i++) {
        lanes.low[i] = low;
        lanes.high[i] = high;
        lanes.below_low[i] = lanes.below_high[i] = -1;
        lanes.wanted[i] = first + i;
        lanes.step[i] = high - low;
        lanes.done[i] = false;
        x[i] = low + (high - low) * (i + 1) / (LANES + 1);
    }
    while (left > 0) {
        count(&counts, x, t);
        learn(&lanes, x, &counts);
        for (int i = 0; i < size; i++) {
            if (lanes.done[i])
                continue;
            x[i] = next_point(&lanes, i, x[i], counts.slope[i], t->tolerance);
            left -= lanes.done[i];
        }
    }
    memcpy(values, x, (size_t)size * sizeof *x);
}

struct spectrum {
    double *values;
    struct tridiagonal t;
    int64_t from;
    double low, high; /* all eigenvalues lie in between */
    int64_t chain;    /* eigenvalues in one */
};

static void solve_chain(const void *context, int64_t index)
{
    const struct spectrum *s = context;
    int64_t n = s->t.n, begin = s->from + index * s->chain;
    int64_t end = n - begin < s->chain ? n : begin + s->chain;
    double low = s->low;
    for (int64_t first = begin; first < end; first += LANES) {
        int size = end - first < LANES ? (int)(end - first) : LANES;
        double *values = s->values + first - s->from;
        solve_lanes(values, first, size, low, s->high, &s->t);
        low = values[size - 1] - 4 * s->t.tolerance; /* they come in order */
    }
}

void CPU(tridiagonal_values)(struct team *team, double *values, double *squares,
                             const double *diagonal, const double *off_diagonal, int64_t n,
                             int64_t from)
{
    double low = INFINITY, high = -INFINITY; /* Gershgorin's discs */
    for (int64_t i = 0; i < n; i++) {
        double before = i > 0 ? off_diagonal[i - 1] : 0, after = i + 1 < n ? off_diagonal[i] : 0;
        double radius = fabs(before) + fabs(after);
        low = fmin(low, diagonal[i] - radius);
        high = fmax(high, diagonal[i] + radius);
        squares[i] = before * before;
    }
    double norm = fmax(fabs(low), fabs(high)), least = norm * norm * 0x1p-120 + 0x1p-960;
    for (int64_t i = 0; i < n; i++)
        squares[i] = fmax(squares[i], least);
    struct spectrum s = {values, {diagonal, squares, n, norm * 0x1p-52}, from, low, high, 0};
    s.low -= 4 * s.t.tolerance + sqrt(least);
    s.high += 4 * s.t.tolerance + sqrt(least);
    s.chain = n <= 1024 ? 1024 : CHAIN * LANES; /* small ones have no team */
    team_each(team, solve_chain, &s, (n - from + s.chain - 1) / s.chain);
}
