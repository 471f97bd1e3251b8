/* Times one matrix by a team of threads against one thread alone, in turn:
 *
 *     bench_team ROWS COLS THREADS PAIRS
 *
 * Each pair's times and its ratio, the processor time that the team took more, and the medians; then
 * each stage once (LEVEL, compiled for this machine). That both find the same values to the bit is
 * checked. On a machine with other work a pair has it on both sides, more or less: look at the load.
 */
#include "spectra_bench.h"

#include "base/process.h"
#include "compute/cpu/spectra/stages.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "compute/team.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PAIRS_MAX = 99 };

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct work {
    struct backend *backend;
    int64_t rows, cols;
    float *matrix;
    double *values;
    void *room;
    double stages[4]; /* seconds */
};

static void whole(struct work *w, struct team *team)
{
    if (w->backend->spectra->team_values(w->backend->self, team, w->values, w->matrix, w->rows,
                                         w->cols, w->room, NULL) != 0)
        exit(1);
}

/* As values.c has them. */
static void each_stage(struct work *w, struct team *team)
{
    int64_t n = shorter(w->rows, w->cols), count = tile_count(n);
    int band = CPU(band_width)(n);
    double *tiles = w->room, *stage = tiles + count * (count + 1) / 2 * TILE_SIZE;
    double *diagonal = take(3 * (size_t)n * sizeof *diagonal);
    double t[5] = {clock_seconds()};
    CPU(gram)(team, tiles, stage, w->matrix, w->rows, w->cols);
    t[1] = clock_seconds();
    CPU(to_band)(team, tiles, stage, n, band);
    t[2] = clock_seconds();
    CPU(band_of_tiles)(stage, tiles, n, band);
    CPU(chase)(team, diagonal, diagonal + n, stage, n, band);
    t[3] = clock_seconds();
    CPU(tridiagonal_values)(team, w->values, diagonal + 2 * n, diagonal, diagonal + n, n, 0);
    t[4] = clock_seconds();
    for (int i = 0; i < 4; i++)
        w->stages[i] = t[i + 1] - t[i];
    free(diagonal);
}

/* Seconds; *processor: of all threads. */
static double time_work(struct work *w, void (*run)(struct work *, struct team *), int threads,
                        double *processor)
{
    struct team team;
    double seconds = 0;
    *processor = processor_seconds();
    if (threads == 1) {
        double start = clock_seconds();
        run(w, NULL);
        seconds = clock_seconds() - start;
    } else {
        team_init(&team);
        team_open(&team);
#pragma omp parallel num_threads(threads)
        {
#pragma omp barrier
            if (omp_get_thread_num() == 0) {
                double start = clock_seconds();
                run(w, &team);
                seconds = clock_seconds() - start;
                team_close(&team);
            } else {
                team_help(&team);
            }
        }
        team_free(&team);
    }
    *processor = processor_seconds() - *processor;
    return seconds;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *numbers, int count)
{
    qsort(numbers, (size_t)count, sizeof *numbers, ascending);
    return numbers[count / 2];
}

static double machine_load(void)
{
    double average = 0;
    return getloadavg(&average, 1) == 1 ? average : 0;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    struct work w = {.rows = atoll(argv[1]), .cols = atoll(argv[2])};
    int threads = atoi(argv[3]), pairs = atoi(argv[4]);
    int64_t n = shorter(w.rows, w.cols);
    if (threads < 2 || pairs < 1 || pairs > PAIRS_MAX ||
        backend_open(&w.backend, "cpu", threads, NULL) != 0) {
        fprintf(stderr, "at least two threads and one pair, %d at most\n", PAIRS_MAX);
        return 2;
    }
    w.matrix = random_matrix(w.rows, w.cols, 1);
    w.room = take(w.backend->spectra->workspace(w.backend->self, w.rows, w.cols));
    w.values = take((size_t)n * sizeof *w.values);
    double *expected = take((size_t)n * sizeof *expected);
    double alone[PAIRS_MAX], together[PAIRS_MAX], ratios[PAIRS_MAX];
    for (int i = 0; i < pairs; i++) {
        double one, all;
        alone[i] = time_work(&w, whole, 1, &one);
        memcpy(expected, w.values, (size_t)n * sizeof *expected);
        together[i] = time_work(&w, whole, threads, &all);
        if (memcmp(expected, w.values, (size_t)n * sizeof *expected) != 0) {
            printf("the team's values are others\n");
            return 1;
        }
        ratios[i] = together[i] / alone[i];
        printf(
            "one thread %8.3f s, %d threads %8.3f s, ratio %.3f, processor time %.3f, load %.1f\n",
            alone[i], threads, together[i], ratios[i], all / one, machine_load());
        fflush(stdout);
    }
    double middle[] = {median(alone, pairs), median(together, pairs), median(ratios, pairs)};
    printf("%lld x %lld: medians %.3f s, %.3f s, of the ratios %.3f; least %.3f s, %.3f s (%.3f)\n",
           (long long)w.rows, (long long)w.cols, middle[0], middle[1], middle[2], alone[0],
           together[0], together[0] / alone[0]);
    for (int i = 1; i <= threads; i += threads - 1) {
        double processor;
        time_work(&w, each_stage, i, &processor);
        printf("%2d: gram %.3f, band %.3f, chase %.3f, tridiagonal %.3f s\n", i, w.stages[0],
               w.stages[1], w.stages[2], w.stages[3]);
    }
    backend_close(w.backend);
    return 0;
}
