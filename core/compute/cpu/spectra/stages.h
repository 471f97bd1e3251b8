/* Singular values in fp64, at one level of instructions. The way of a matrix, a file a stage:
 *
 *     matrix -> Gram matrix of its shorter side -> band -> tridiagonal -> eigenvalues -> values
 *               (gram.c)                       (band.c)  (chase.c)      (sturm.c)   (values.c)
 *
 * The Gram matrix has the squares of the values: its condition is the matrix's squared. Where the
 * smallest values are too small for that, the direct way, which is a third as fast:
 *
 *     matrix -> R of its shorter side (QR, the longer side block by block: Demmel et al. 2012)
 *            -> upper band, by reflections from both sides (upper_band.c)
 *            -> the band matrix of Golub & Kahan (1965), of twice the order, whose eigenvalues are
 *               the singular values and their negatives
 *            -> tridiagonal -> values, by the same stages
 *
 * tiles.h has the one product that all of it is made of, reflections.c the panels of both
 * reductions. What a stage needs of memory it says in doubles (..._workspace()); it owns none.
 *
 * Each stage works with a team (compute/team.h; NULL: the caller alone). What its parts are depends
 * on the matrix's shape alone, and each sum has one order, so that values are the same to the bit
 * whatever the number of threads.
 */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_STAGES_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_STAGES_H

#include "compute/cpu/spectra/tiles.h"
#include "compute/team.h"

/* What a back end takes of all this (values.c). */
extern const struct spectra_ops CPU(spectra_ops);

/* --- the Gram matrix of the shorter side (gram.c) --- */

/* tiles = the lower triangle (tiles.h) of the Gram matrix of matrix[rows, cols]. The workspace is
 * of that many doubles. */
size_t CPU(gram_workspace)(int64_t n);
void CPU(gram)(struct team *team, double *tiles, double *workspace, const float *matrix,
               int64_t rows, int64_t cols);

/* --- reflections that make a panel's columns triangular: I - V T V^T (reflections.c) --- */

enum { BAND_MAX = 64 };

/* Squares of a column's tail that add up to less count as none: where they are denormal, the
 * reflection would not be orthogonal. Matrices here have elements of 2^-298 at least, or none. */
static const double no_tail = 0x1p-960;

/* A panel of `band` (16, 32, 48 or 64) columns of a matrix of order n, padded to whole tiles. */
struct reflections {
    double *v;     /* [padded, band]: the panel, zeros before row `begin`; then V */
    double *y;     /* [padded, band]: V T, from row `begin` on */
    double *r;     /* [band, band]: what becomes of the panel's head */
    double *t, *s; /* [band, band]: T; a workspace */
    double *tau, *scale, *dots;
    double *parts; /* [strips, band, band]: what each adds to s */
    int64_t n, padded, begin;
    int64_t strip; /* tiles */
    int band;
    struct team *team;
};

/* In doubles. */
size_t CPU(reflections_workspace)(int64_t n, int band);
struct reflections CPU(reflections_in)(struct team *team, double *workspace, int64_t n, int band);

/* From v, which holds the panel from row `begin` on, to V, R, T and Y. */
void CPU(reflect)(struct reflections *p);

/* s = a^T b, each [padded, band], over the rows from `begin` on. */
void CPU(multiply_columns)(struct reflections *p, const double *a, const double *b);

/* What a team works at rows by: strips of a few tiles, counted from the one that row `begin` lies
 * in. */
struct strip {
    int64_t from, to; /* rows, none before `begin` */
};

int64_t CPU(strip_tiles)(int64_t n);

INLINE int64_t strip_count(const struct reflections *p)
{
    return (tile_count(p->n) + p->strip - 1) / p->strip - p->begin / (p->strip * TILE);
}

INLINE struct strip strip_at(const struct reflections *p, int64_t index)
{
    int64_t rows = p->strip * TILE, from = (p->begin / rows + index) * rows;
    return (struct strip){from < p->begin ? p->begin : from,
                          from + rows < p->padded ? from + rows : p->padded};
}

/* out = sign [first second], each [padded, band], transposed: of a strip's rows, panels of
 * [2 band, PANEL], as tile_add_product() takes them. */
void CPU(pack_pair)(double *out, double sign, const double *first, const double *second,
                    struct strip strip, int band);

/* --- a symmetric matrix to a band, by blocked reflections (band.c; Bischof, Lang & Sun 2000) ---
 */

/* The band that suits an order: wider ones take more work in the chase and less memory traffic
 * before it. */
int CPU(band_width)(int64_t n);

/* Reduces it to a band of `band` (16, 32, 48 or 64) diagonals below the main one, in place: what
 * lies further down is not zeroed and means nothing. The workspace is of that many doubles. */
size_t CPU(band_workspace)(int64_t n, int band);
void CPU(to_band)(struct team *team, double *tiles, double *workspace, int64_t n, int band);

/* That band, as chase() takes it. */
void CPU(band_of_tiles)(double *a, double *tiles, int64_t n, int band);

/* --- a square matrix to an upper band, by reflections from both sides (upper_band.c) --- */

/* The grid's matrix, reduced to an upper band, as the band matrix of Golub and Kahan, of order 2 n
 * and with 2 band (32 or 64) diagonals, that chase() takes: row i and column j of the band are its
 * 2 i + 1 and 2 j. The tiles are used up. */
size_t CPU(upper_band_workspace)(int64_t n, int band);
void CPU(to_golub_kahan)(struct team *team, double *golub_kahan, double *tiles, double *workspace,
                         int64_t n, int band);

/* --- a band matrix to a tridiagonal one, by bulges that are chased down the band (chase.c) --- */

/* A band matrix as chase() takes it, of that many doubles: cleared, then elements i, j with
 * j <= i <= j + band; the mirror image comes by itself. */
size_t CPU(chase_workspace)(int64_t n, int band);
void CPU(chase_clear)(double *a, int64_t n, int band);
void CPU(chase_put)(double *a, int64_t i, int64_t j, double value, int band);

/* The band's diagonal and subdiagonal once it is tridiagonal; a is used up. */
void CPU(chase)(struct team *team, double *diagonal, double *off_diagonal, double *a, int64_t n,
                int band);

/* --- eigenvalues of a tridiagonal matrix, by Sturm counts and Newton steps (sturm.c) --- */

/* Eigenvalues `from` to n - 1, ascending, into values[n - from], to a few units of rounding of the
 * matrix's norm. off_diagonal[n - 1]; squares: a workspace of n doubles. */
void CPU(tridiagonal_values)(struct team *team, double *values, double *squares,
                             const double *diagonal, const double *off_diagonal, int64_t n,
                             int64_t from);

#endif
