/* A panel's columns made triangular by Householder reflections H_j = I - tau_j v_j v_j^T (v_j is 1
 * in its row j, 0 above), and all of them as one, H_1 ... H_band = I - V T V^T (Schreiber & Van
 * Loan 1989):
 *
 *     beta = -sign(alpha) sqrt(alpha^2 + |x|^2)     of a column (alpha, x), which becomes (beta, 0)
 *     tau = (beta - alpha) / beta,   v = (1, x / (alpha - beta))
 *     T[j, j] = tau_j,   T[0..j, j] = -tau_j T[0..j, 0..j] (V^T v_j)[0..j]
 */
#include "compute/cpu/spectra/stages.h"

#include <math.h>

/* Small ones, so that many threads have one, but of no more than a few parts where a matrix is
 * small and each costs what it saves. */
int64_t CPU(strip_tiles)(int64_t n)
{
    return n <= 1024 ? 16 : 8;
}

static int64_t strips_of(int64_t n)
{
    return (tile_count(n) + CPU(strip_tiles)(n) - 1) / CPU(strip_tiles)(n);
}

size_t CPU(reflections_workspace)(int64_t n, int band)
{
    int64_t padded = tile_count(n) * TILE;
    return (size_t)(2 * padded * band + (3 + strips_of(n)) * band * band + 3 * BAND_MAX);
}

struct reflections CPU(reflections_in)(struct team *team, double *workspace, int64_t n, int band)
{
    int64_t padded = tile_count(n) * TILE, tall = padded * band, square = band * band;
    struct reflections p = {.v = workspace,
                            .n = n,
                            .padded = padded,
                            .strip = CPU(strip_tiles)(n),
                            .band = band,
                            .team = team};
    p.y = p.v + tall;
    p.r = p.y + tall;
    p.t = p.r + square;
    p.s = p.t + square;
    p.parts = p.s + square;
    p.tau = p.parts + strips_of(n) * square;
    p.scale = p.tau + BAND_MAX;
    p.dots = p.scale + BAND_MAX;
    return p;
}

/* One column of v[m, band]: row j holds R's row j from now on, the column below it x, to be scaled
 * to v (v_j = 1) when all is done. dots[c] comes in as the sum over rows i > j of v[i][j] v[i][c],
 * and leaves as that of the next column: one pass over the rows does both. */
INLINE void reflect_column(struct reflections *p, double *v, int64_t m, const int band, int j)
{
    double alpha = v[j * band + j], tail = p->dots[j], head[BAND_MAX];
    bool is_column = tail > no_tail;
    double beta = is_column ? -copysign(sqrt(alpha * alpha + tail), alpha) : alpha;
    double scale = is_column ? 1 / (alpha - beta) : 0, tau = is_column ? (beta - alpha) / beta : 0;
    vector first[BAND_MAX / WIDTH], sums[BAND_MAX / WIDTH];
    int next = j + 1 < band ? j + 1 : j;
    p->tau[j] = tau;
    p->scale[j] = scale;
    for (int c = 0; c < band; c++)
        head[c] = c > j ? (v[j * band + c] + scale * p->dots[c]) * tau : 0;
    for (int c = j + 1; c < band; c++)
        v[j * band + c] -= head[c];
    v[j * band + j] = beta;
    for (int c = 0; c < band / WIDTH; c++) {
        first[c] = load(head + c * WIDTH);
        sums[c] = splat(0);
    }
    for (int64_t i = j + 1; i < m; i++) {
        double *row = v + i * band;
        vector own = splat(row[j] * scale), values[BAND_MAX / WIDTH];
        UNROLL
        for (int c = 0; c < band / WIDTH; c++) {
            values[c] = load(row + c * WIDTH) - own * first[c];
            store(row + c * WIDTH, values[c]);
        }
        vector of_next = splat(i > j + 1 ? row[next] : 0);
        UNROLL
        for (int c = 0; c < band / WIDTH; c++)
            sums[c] += of_next * values[c];
    }
    for (int c = 0; c < band / WIDTH; c++)
        store(p->dots + c * WIDTH, sums[c]);
}

/* R out of the head of v, and V's unit lower trapezoid in its place. */
INLINE void split_panel(struct reflections *p, double *v, int64_t m, const int band)
{
    for (int j = 0; j < band && j < m; j++)
        for (int c = 0; c < band; c++) {
            p->r[j * band + c] = c >= j ? v[j * band + c] : 0;
            v[j * band + c] = c < j ? v[j * band + c] * p->scale[c] : c == j;
        }
    for (int64_t i = band; i < m; i++) {
        UNROLL
        for (int c = 0; c < band; c += WIDTH)
            store(v + i * band + c, load(v + i * band + c) * load(p->scale + c));
    }
}

INLINE void reflect_panel(struct reflections *p, const int band)
{
    double *v = p->v + p->begin * band;
    int64_t m = p->n - p->begin;
    memset(p->dots, 0, BAND_MAX * sizeof *p->dots);
    memset(p->tau, 0, BAND_MAX * sizeof *p->tau);
    memset(p->scale, 0, BAND_MAX * sizeof *p->scale);
    memset(p->r, 0, (size_t)(band * band) * sizeof *p->r);
    for (int64_t i = 1; i < m; i++) {
        UNROLL
        for (int c = 0; c < band; c += WIDTH)
            store(p->dots + c, load(p->dots + c) + splat(v[i * band]) * load(v + i * band + c));
    }
    for (int j = 0; j < band && j < m; j++)
        reflect_column(p, v, m, band, j);
    split_panel(p, v, m, band);
}

/* --- what follows of V --- */

struct columns {
    const struct reflections *p;
    const double *a, *b;
};

static void multiply_strip(const void *context, int64_t index)
{
    const struct columns *c = context;
    const struct strip strip = strip_at(c->p, index);
    int band = c->p->band;
    double *part = c->p->parts + index * band * band;
    memset(part, 0, (size_t)(band * band) * sizeof *part);
    product_of_columns(part, band, c->a + strip.from * band, band, c->b + strip.from * band, band,
                       band, strip.to - strip.from);
}

void CPU(multiply_columns)(struct reflections *p, const double *a, const double *b)
{
    const struct columns columns = {p, a, b};
    int square = p->band * p->band;
    int64_t count = strip_count(p);
    team_each(p->team, multiply_strip, &columns, count);
    memcpy(p->s, p->parts, (size_t)square * sizeof *p->s);
    for (int64_t part = 1; part < count; part++)
        for (int i = 0; i < square; i++)
            p->s[i] += p->parts[part * square + i];
}

static void fill_y(const void *context, int64_t index)
{
    const struct reflections *p = context;
    const struct strip strip = strip_at(p, index);
    int64_t at = strip.from * p->band, rows = strip.to - strip.from;
    memset(p->y + at, 0, (size_t)(rows * p->band) * sizeof *p->y);
    product_of_rows(p->y + at, p->band, p->v + at, p->band, p->t, rows, p->band);
}

/* T of I - V T V^T (Schreiber & Van Loan 1989), upper triangular, and Y = V T. */
static void accumulate(struct reflections *p)
{
    int band = p->band;
    CPU(multiply_columns)(p, p->v, p->v);
    memset(p->t, 0, (size_t)(band * band) * sizeof *p->t);
    for (int j = 0; j < band; j++) {
        for (int i = 0; i < j; i++) {
            double sum = 0;
            for (int l = i; l < j; l++)
                sum += p->t[i * band + l] * p->s[l * band + j];
            p->t[i * band + j] = -p->tau[j] * sum;
        }
        p->t[j * band + j] = p->tau[j];
    }
    team_each(p->team, fill_y, p, strip_count(p));
}

/* The width as a constant, so that a row of the panel lives in registers. */
void CPU(reflect)(struct reflections *p)
{
    switch (p->band) {
    case 16:
        reflect_panel(p, 16);
        break;
    case 32:
        reflect_panel(p, 32);
        break;
    case 48:
        reflect_panel(p, 48);
        break;
    default:
        reflect_panel(p, 64);
    }
    accumulate(p);
}

/* out[band, PANEL] = sign rows[PANEL, band]^T */
static void pack_rows(double *out, double sign, const double *rows, int band)
{
    for (int i = 0; i < PANEL; i += WIDTH)
        for (int c = 0; c < band; c += WIDTH) {
            vector block[WIDTH];
            UNROLL
            for (int k = 0; k < WIDTH; k++)
                block[k] = splat(sign) * load(rows + (i + k) * band + c);
            transpose(block);
            UNROLL
            for (int k = 0; k < WIDTH; k++)
                store(out + (c + k) * PANEL + i, block[k]);
        }
}

void CPU(pack_pair)(double *out, double sign, const double *first, const double *second,
                    struct strip strip, int band)
{
    for (int64_t at = strip.from; at < strip.to; at += PANEL) {
        double *panel = out + at * 2 * band;
        pack_rows(panel, sign, first + at * band, band);
        pack_rows(panel + band * PANEL, sign, second + at * band, band);
    }
}
