/* Times the singular values of random matrices of one shape, many side by side as a scan has them:
 *
 *     bench_spectra ROWS COLS THREADS SECONDS
 *
 * One JSON object: milliseconds a matrix (all threads together), those of its stages on one thread,
 * and the floor: what the Gram product and 4/3 n^3 operations take at the peak of double-precision
 * products measured here (the best of OpenBLAS and of our own, all threads at once), and the
 * tridiagonal solve. Compiled for one level of instructions (LEVEL). */
#include "spectra_bench.h"

#include "base/process.h"
#include "compute/cpu/spectra/stages.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEAK = 1024 };

/* GFLOP/s of all threads, each with a product of its own. */
static double peak_of(int threads, bool own)
{
    double best = 0;
    for (int repeat = 0; repeat < 4; repeat++) {
        double start = clock_seconds();
#pragma omp parallel num_threads(threads)
        {
            float *matrix = own ? random_matrix(PEAK, PEAK, 1) : NULL;
            double *a = take(4 * PEAK * PEAK * sizeof *a), *c = a + 2 * PEAK * PEAK;
            double *room = take(CPU(gram_workspace)(PEAK) * sizeof *room);
#pragma omp barrier
#pragma omp single
            start = clock_seconds();
            if (own)
                CPU(gram)(NULL, a, room, matrix, PEAK, PEAK);
            else
                cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, PEAK, PEAK, PEAK, 1, a, PEAK,
                            a, PEAK, 0, c, PEAK);
#pragma omp barrier
#pragma omp single
            {
                double flops = (own ? 1.0 + 16.0 / PEAK : 2.0) * PEAK * PEAK * PEAK * threads;
                double rate = flops / (clock_seconds() - start) / 1e9;
                best = rate > best ? rate : best;
            }
            free(matrix);
            free(a);
            free(room);
        }
    }
    return best;
}

static double time_side_by_side(struct backend *backend, int64_t rows, int64_t cols, int threads,
                                double seconds)
{
    int64_t n = rows < cols ? rows : cols, done = 0;
    double start = 0, end = 0;
#pragma omp parallel num_threads(threads) reduction(+ : done)
    {
        float *matrix = random_matrix(rows, cols, (uint64_t)omp_get_thread_num());
        void *room = take(backend->spectra->workspace(backend->self, rows, cols));
        double *values = take((size_t)n * sizeof *values);
        backend->spectra->values(backend->self, values, matrix, rows, cols, room, NULL);
#pragma omp barrier
#pragma omp single
        start = clock_seconds();
        do {
            backend->spectra->values(backend->self, values, matrix, rows, cols, room, NULL);
            done++;
        } while (clock_seconds() - start < seconds);
#pragma omp critical
        end = clock_seconds();
        free(matrix);
        free(room);
        free(values);
    }
    return (end - start) / (double)done * 1e3;
}

struct stages {
    double gram, band, chase, tridiagonal; /* ms */
};

static struct stages time_stages(int64_t rows, int64_t cols, int band)
{
    int64_t n = rows < cols ? rows : cols, count = tile_count(n);
    float *matrix = random_matrix(rows, cols, 1);
    double *tiles = take((size_t)(count * (count + 1) / 2 * TILE_SIZE) * sizeof *tiles);
    double *gram = take(CPU(gram_workspace)(n) * sizeof *gram);
    double *to_band = take(CPU(band_workspace)(n, band) * sizeof *to_band);
    double *chase = take(CPU(chase_workspace)(n, band) * sizeof *chase);
    double *vectors = take(4 * (size_t)n * sizeof *vectors);
    struct stages best = {1e9, 1e9, 1e9, 1e9};
    for (int repeat = 0; repeat < (n > 2000 ? 2 : 5); repeat++) {
        double t[5] = {clock_seconds()};
        CPU(gram)(NULL, tiles, gram, matrix, rows, cols);
        t[1] = clock_seconds();
        CPU(to_band)(NULL, tiles, to_band, n, band);
        t[2] = clock_seconds();
        CPU(band_of_tiles)(chase, tiles, n, band);
        CPU(chase)(NULL, vectors, vectors + n, chase, n, band);
        t[3] = clock_seconds();
        CPU(tridiagonal_values)(NULL, vectors + 2 * n, vectors + 3 * n, vectors, vectors + n, n, 0);
        t[4] = clock_seconds();
        double *const out[] = {&best.gram, &best.band, &best.chase, &best.tridiagonal};
        for (int i = 0; i < 4; i++)
            if ((t[i + 1] - t[i]) * 1e3 < *out[i])
                *out[i] = (t[i + 1] - t[i]) * 1e3;
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int64_t rows = atoll(argv[1]), cols = atoll(argv[2]), n = rows < cols ? rows : cols;
    int64_t longer = rows < cols ? cols : rows;
    int threads = atoi(argv[3]);
    struct backend *backend = NULL;
    if (backend_open(&backend, "cpu", threads, NULL) != 0)
        return 1;
    double blas = peak_of(threads, false), own = peak_of(threads, true);
    double peak = blas > own ? blas : own;
    double ms = time_side_by_side(backend, rows, cols, threads, atof(argv[4]));
    struct stages s = time_stages(rows, cols, CPU(band_width)(n));
    double order = (double)n,
           flops = order * order * (double)longer + 4.0 / 3 * order * order * order;
    printf("{\"ms\": %.4f, \"openblas\": %.1f, \"own\": %.1f, \"floor_ms\": %.4f, \"gram\": %.3f, "
           "\"band\": %.3f, \"chase\": %.3f, \"tridiagonal\": %.3f}\n",
           ms, blas, own, flops / peak / 1e6 + s.tridiagonal / threads, s.gram, s.band, s.chase,
           s.tridiagonal);
    backend_close(backend);
    return 0;
}
