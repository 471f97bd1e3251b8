/* Band to tridiagonal: every sweep takes one column's elements below the subdiagonal away by a
 * reflection of `band` rows, and chases the bulge that this makes down the band, block by block
 * (Murata & Horikoshi 1975). Only two blocks are touched in a step:
 *
 *     v   | D            D: reflected from both sides by (v, tau)
 *         | B  .         B: from the right; then from the left by the reflection that takes its
 *         |    .  .         first column's elements away, which is the next step's
 *
 * A sweep may follow the one before it at a distance of two steps: several are in flight at once,
 * so that a stretch of the band is used many times while it is near. For a team, such a flight is a
 * part: it keeps behind the flight before it, whose progress it watches.
 *
 * The band is stored as if it were the whole matrix with 3 * band rows a column: columns overlap
 * where the band ends. Above the diagonal, D's mirror image is kept as far as the blocks need it.
 * Zeros stand after the last row, so that no block is cut short.
 */
#include "compute/cpu/spectra/stages.h"

#include <math.h>

enum { FLIGHT = 8 };

/* After the band: how far each flight's last sweep is, a cache line each. */
enum { LINE = 8 };

static int64_t band_size(int64_t n, int band)
{
    return ((n + 4 * band) * (3 * band + 1) + LINE - 1) / LINE * LINE;
}

static int64_t flight_count(int64_t n)
{
    return (n + FLIGHT - 1) / FLIGHT;
}

size_t CPU(chase_workspace)(int64_t n, int band)
{
    return (size_t)(band_size(n, band) + flight_count(n) * LINE);
}

struct sweep {
    double v[BAND_MAX], tau;
    int64_t at; /* first row of the block that comes next */
};

/* The reflection of x[band] onto its first element: x becomes (beta, 0, ...), v (1, ...). Whole
 * vectors are stored: one that is read after a part of it was written waits. */
INLINE double reflection(double *v, double *x, const int band)
{
    vector part[BAND_MAX / WIDTH], sum = splat(0), first = splat(0);
    double alpha = x[0];
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        part[c] = load(x + c * WIDTH);
        part[c][0] = c == 0 ? 0 : part[c][0];
        sum += part[c] * part[c];
    }
    double tail = sum_of(sum), beta = alpha, scale = 0, tau = 0;
    if (tail > no_tail) {
        beta = -copysign(sqrt(alpha * alpha + tail), alpha);
        scale = 1 / (alpha - beta);
        tau = (beta - alpha) / beta;
    }
    first[0] = beta;
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        part[c] *= splat(scale);
        part[c][0] = c == 0 ? 1 : part[c][0];
        store(v + c * WIDTH, part[c]);
        store(x + c * WIDTH, c == 0 ? first : splat(0));
    }
    return tau;
}

/* w = D v and y = B v, in two sums each for the sake of latency. */
INLINE void multiply(vector *w, vector *y, const double *d, const double *b, int64_t column,
                     const double *v, const int band)
{
    vector odd_w[BAND_MAX / WIDTH], odd_y[BAND_MAX / WIDTH];
    UNROLL
    for (int c = 0; c < band / WIDTH; c++)
        w[c] = y[c] = odd_w[c] = odd_y[c] = splat(0);
    for (int j = 0; j < band; j += 2) {
        vector even = splat(v[j]), odd = splat(v[j + 1]);
        UNROLL
        for (int c = 0; c < band / WIDTH; c++) {
            w[c] += even * load(d + j * column + c * WIDTH);
            y[c] += even * load(b + j * column + c * WIDTH);
            odd_w[c] += odd * load(d + (j + 1) * column + c * WIDTH);
            odd_y[c] += odd * load(b + (j + 1) * column + c * WIDTH);
        }
    }
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        w[c] += odd_w[c];
        y[c] += odd_y[c];
    }
}

/* D := D - v w^T - w v^T, where w = tau (D v) - tau^2 (v^T D v) / 2 v */
INLINE void update_diagonal(double *d, int64_t column, vector *w, const double *v, double tau,
                            const int band)
{
    vector x[BAND_MAX / WIDTH], dot = splat(0);
    double of_w[BAND_MAX];
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        x[c] = load(v + c * WIDTH);
        dot += w[c] * x[c];
    }
    double half = -0.5 * tau * tau * sum_of(dot);
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        w[c] = w[c] * splat(tau) + splat(half) * x[c];
        store(of_w + c * WIDTH, w[c]);
    }
    for (int j = 0; j < band; j++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a band is a multiple of WIDTH */
        vector a = splat(v[j]), b = splat(of_w[j]);
        UNROLL
        for (int c = 0; c < band / WIDTH; c++) {
            double *at = d + j * column + c * WIDTH;
            store(at, load(at) - x[c] * b - w[c] * a);
        }
    }
}

/* Columns 1 to band - 1 of B: from the right by y v^T, from the left by (u, tau). */
INLINE void update_below(double *b, int64_t column, const vector *y, const double *v,
                         const double *u, double tau, const int band)
{
    vector x[BAND_MAX / WIDTH];
    UNROLL
    for (int c = 0; c < band / WIDTH; c++)
        x[c] = load(u + c * WIDTH);
    for (int j = 1; j < band; j++) {
        vector own = splat(v[j]), dot = splat(0), part[BAND_MAX / WIDTH];
        UNROLL
        for (int c = 0; c < band / WIDTH; c++) {
            part[c] = load(b + j * column + c * WIDTH) - own * y[c];
            dot += part[c] * x[c];
        }
        vector factor = splat(tau * sum_of(dot));
        UNROLL
        for (int c = 0; c < band / WIDTH; c++)
            store(b + j * column + c * WIDTH, part[c] - factor * x[c]);
    }
}

INLINE void step(double *a, struct sweep *s, int64_t sweep, const int band)
{
    int64_t column = 3 * band;
    double *d = a + s->at * column + s->at, *b = d + band, u[BAND_MAX];
    vector w[BAND_MAX / WIDTH], y[BAND_MAX / WIDTH];
    if (s->at == sweep + 1)
        s->tau = reflection(s->v, a + sweep * column + s->at, band);
    multiply(w, y, d, b, column, s->v, band);
    UNROLL
    for (int c = 0; c < band / WIDTH; c++) {
        y[c] *= splat(s->tau);
        store(b + c * WIDTH, load(b + c * WIDTH) - y[c]);
    }
    double tau = reflection(u, b, band);
    update_diagonal(d, column, w, s->v, s->tau, band);
    update_below(b, column, y, s->v, u, tau, band);
    for (int i = 1; i < band; i++) /* what the next sweep's D gains by this one */
        d[band * column + i] = b[i * column];
    UNROLL
    for (int c = 0; c < band; c += WIDTH)
        store(s->v + c, load(u + c));
    s->tau = tau;
    s->at += band;
}

struct band_matrix {
    double *a;
    int64_t n;
    int band;
};

/* The row at which flight number `index`'s last sweep goes on; INT64_MAX: it has ended. */
static _Atomic int64_t *progress_of(const struct band_matrix *m, int64_t index)
{
    return (_Atomic int64_t *)(m->a + band_size(m->n, m->band) + index * LINE);
}

/* A flight's sweeps, one two steps after the other, and the first as far behind the flight
 * before. */
INLINE void fly(const struct band_matrix *m, int64_t index, const int band)
{
    struct sweep flight[FLIGHT];
    int64_t n = m->n, first = index * FLIGHT;
    int count = n - 2 - first < FLIGHT ? (int)(n - 2 - first) : FLIGHT;
    if (count < 1)
        return;
    for (int i = 0; i < count; i++)
        flight[i].at = first + i + 1;
    for (int64_t time = 0; flight[count - 1].at < n; time++) {
        if (index > 0 && flight[0].at < n)
            team_wait_for(progress_of(m, index - 1), flight[0].at - 1 + 3 * band);
        for (int i = 0; i < count && 2 * i <= time; i++)
            if (flight[i].at < n)
                step(m->a, &flight[i], first + i, band);
        atomic_store_explicit(progress_of(m, index), flight[count - 1].at, memory_order_release);
    }
    atomic_store_explicit(progress_of(m, index), INT64_MAX, memory_order_release);
}

static void fly_part(const void *context, int64_t index)
{
    const struct band_matrix *m = context;
    switch (m->band) {
    case 16:
        fly(m, index, 16);
        break;
    case 32:
        fly(m, index, 32);
        break;
    case 48:
        fly(m, index, 48);
        break;
    default:
        fly(m, index, 64);
    }
}

void CPU(chase_clear)(double *a, int64_t n, int band)
{
    memset(a, 0, CPU(chase_workspace)(n, band) * sizeof *a);
}

void CPU(chase_put)(double *a, int64_t i, int64_t j, double value, int band)
{
    a[j * 3 * band + i] = value;
    if (i < j + band)
        a[i * 3 * band + j] = value;
}

void CPU(chase)(struct team *team, double *diagonal, double *off_diagonal, double *a, int64_t n,
                int band)
{
    const struct band_matrix m = {a, n, band};
    int64_t column = 3 * band;
    team_each(team, fly_part, &m, n > 2 ? flight_count(n - 2) : 0);
    for (int64_t j = 0; j < n; j++) {
        diagonal[j] = a[j * column + j];
        if (j + 1 < n)
            off_diagonal[j] = a[j * column + j + 1];
    }
}
