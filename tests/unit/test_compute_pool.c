/* One thread pool: after BLAS, LAPACK, oneDNN and loops of our own have worked, the process has
 * OpenMP's threads and no others. */
#include "test.h"

#include "compute/devices/devices.h"
#include "compute/spectra.h"

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
    const size_t bytes = N * N * sizeof(float);
    struct tensor a = tensor_at((struct place){buffer, 0}, STORAGE_F32, N, N);
    struct tensor b = tensor_at((struct place){buffer, bytes}, STORAGE_F32, N, N);
    struct tensor sum = tensor_at((struct place){buffer, 2 * bytes}, STORAGE_F64, 1, 1);
    assert_non_null(buffer);
    backend->write(backend->self, a.data, matrix, bytes);
    const struct op_call calls[] = {
        {OP_LINEAR_FORWARD, .linear_forward = {.out = b, .x = a, .weight = a}},
        {OP_FILL_ZERO, .fill_zero = {sum}},
        {OP_SUM_SQUARES, .sum_squares = {.sum = sum, .x = b}},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        backend_run(backend, &calls[i]);
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
