/* One thread pool: after BLAS, LAPACK, oneDNN and loops of our own have worked, the process has
 * OpenMP's threads and no others. */
#include "test.h"

#include "compute/backend.h"

#include <dirent.h>
#include <string.h>

enum { THREADS = 2, N = 256 };

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    if (!tasks)
        return -1;
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void scan_a_matrix(const struct backend *backend, const float *matrix)
{
    double values[N];
    void *room =
        aligned_alloc(64, (backend->spectra->workspace(backend->self, N, N) + 63) / 64 * 64);
    assert_int_equal(backend->spectra->values(backend->self, values, matrix, N, N, room, NULL), 0);
    free(room);
}

static void multiply_and_square(struct backend *backend, const float *matrix)
{
    struct device_buffer *buffer = backend->alloc(backend->self, 4 * N * N * sizeof(float), NULL);
    struct place a = {buffer, 0}, b = {buffer, N * N * sizeof(float)};
    struct weight weight = {a, {NULL, 0}, STORAGE_F32, N, N};
    struct place none = {NULL, 0}, sum = {buffer, 2 * N * N * sizeof(float)};
    assert_non_null(buffer);
    backend->write(backend->self, a, matrix, N * N * sizeof(float));
    backend->train->linear_forward(backend->self, b, REPLACE, a, STORAGE_F32, weight, none, N);
    backend->train->fill_zero(backend->self, sum, sizeof(double));
    backend->train->sum_squares(backend->self, sum, b, N * N);
    backend->free(backend->self, buffer);
}

static void there_is_one_pool(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    float *matrix = malloc(N * N * sizeof *matrix);
    for (int i = 0; i < N * N; i++)
        matrix[i] = (float)((i * 2654435761u >> 8) % 1000) / 1000 - 0.5f;
    if (count_threads() < 0)
        skip();
    assert_int_equal(backend_open(&backend, "cpu", THREADS, NULL), 0);
    for (int round = 0; round < 3; round++) {
        scan_a_matrix(backend, matrix);
        multiply_and_square(backend, matrix);
    }
    int threads = count_threads();
    if (threads > THREADS)
        fail_msg("%d threads, where OpenMP was given %d", threads, THREADS);
    assert_true(threads > 1);
    backend_close(backend);
    free(matrix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_is_one_pool)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
