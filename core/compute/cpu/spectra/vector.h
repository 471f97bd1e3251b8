/* Vectors of doubles as wide as the level's registers, and the one product that the eigenvalue
 * solver is made of. GCC's and clang's vector extensions: the same source for every level. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_VECTOR_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_VECTOR_H

#include <stdint.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { WIDTH = 8, PRODUCT_ROWS = 8 };
#elif defined(__AVX2__)
enum { WIDTH = 4, PRODUCT_ROWS = 4 };
#else
enum { WIDTH = 2, PRODUCT_ROWS = 4 };
#endif
enum { PANEL = 2 * WIDTH }; /* columns of a packed panel */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

typedef double vector __attribute__((vector_size(8 * WIDTH)));
typedef int64_t mask __attribute__((vector_size(8 * WIDTH)));
typedef double unaligned_vector __attribute__((vector_size(8 * WIDTH), aligned(8)));

INLINE vector load(const double *from)
{
    return *(const unaligned_vector *)from;
}

INLINE void store(double *to, vector v)
{
    *(unaligned_vector *)to = v;
}

INLINE vector splat(double x)
{
#if defined(__AVX512F__)
    return (vector){x, x, x, x, x, x, x, x};
#elif defined(__AVX2__)
    return (vector){x, x, x, x};
#else
    return (vector){x, x};
#endif
}

INLINE double sum_of(vector v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_pd((__m512d)v);
#elif defined(__AVX2__)
    return (v[0] + v[2]) + (v[1] + v[3]);
#else
    return v[0] + v[1];
#endif
}

/* Rows become columns. */
INLINE void transpose(vector v[WIDTH])
{
#if defined(__AVX512F__)
    __m512d pairs[8], fours[8];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm512_unpacklo_pd((__m512d)v[i], (__m512d)v[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_pd((__m512d)v[i], (__m512d)v[i + 1]);
    }
    UNROLL
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            fours[i + k] = _mm512_shuffle_f64x2(pairs[i + k], pairs[i + k + 2], 0x88);
            fours[i + k + 2] = _mm512_shuffle_f64x2(pairs[i + k], pairs[i + k + 2], 0xdd);
        }
    UNROLL
    for (int k = 0; k < 4; k++) {
        v[k] = (vector)_mm512_shuffle_f64x2(fours[k], fours[k + 4], 0x88);
        v[k + 4] = (vector)_mm512_shuffle_f64x2(fours[k], fours[k + 4], 0xdd);
    }
#else
    for (int i = 0; i < WIDTH; i++)
        for (int j = 0; j < i; j++) {
            double x = v[i][j];
            v[i][j] = v[j][i];
            v[j][i] = x;
        }
#endif
}

/* c[PRODUCT_ROWS, PANEL] += a[PRODUCT_ROWS, k] b[k, PANEL]: element (i, p) of a is at i * a_row +
 * p * a_col; rows of b and c are contiguous. Twice as many sums as the multipliers' latency needs.
 */
INLINE void product_block(double *c, int64_t c_row, const double *a, int64_t a_row, int64_t a_col,
                          const double *b, int64_t b_row, int64_t k)
{
    vector sums[PRODUCT_ROWS][2];
    UNROLL
    for (int i = 0; i < PRODUCT_ROWS; i++) {
        sums[i][0] = load(c + i * c_row);
        sums[i][1] = load(c + i * c_row + WIDTH);
    }
    for (int64_t p = 0; p < k; p++) {
        vector left = load(b), right = load(b + WIDTH);
        UNROLL
        for (int i = 0; i < PRODUCT_ROWS; i++) {
            vector x = splat(a[i * a_row]);
            sums[i][0] += x * left;
            sums[i][1] += x * right;
        }
        a += a_col;
        b += b_row;
    }
    UNROLL
    for (int i = 0; i < PRODUCT_ROWS; i++) {
        store(c + i * c_row, sums[i][0]);
        store(c + i * c_row + WIDTH, sums[i][1]);
    }
}

/* out[rows, cols] += a^T b: a[k, rows] and b[k, cols] are row-major; rows is a multiple of
 * PRODUCT_ROWS, cols of PANEL. */
INLINE void product_of_columns(double *out, int64_t cols, const double *a, int64_t a_row,
                               const double *b, int64_t b_row, int64_t rows, int64_t k)
{
    for (int64_t j = 0; j < cols; j += PANEL)
        for (int64_t i = 0; i < rows; i += PRODUCT_ROWS)
            product_block(out + i * cols + j, cols, a + i, 1, a_row, b + j, b_row, k);
}

/* out[rows, cols] += a[rows, k] b[k, cols], all row-major. */
INLINE void product_of_rows(double *out, int64_t cols, const double *a, int64_t a_row,
                            const double *b, int64_t rows, int64_t k)
{
    for (int64_t j = 0; j < cols; j += PANEL)
        for (int64_t i = 0; i < rows; i += PRODUCT_ROWS)
            product_block(out + i * cols + j, cols, a + i * a_row, a_row, 1, b + j, cols, k);
}

#endif
