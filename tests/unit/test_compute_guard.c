/* The guard back end: operations work, and a pointer into its memory is death. And the promise of
 * one thread pool. */
#include "test.h"

#include "compute/host.h"

#include <cblas.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void operations_see_what_others_cannot(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    float values[] = {1, 2, 3}, sum[3] = {0};
    assert_int_equal(backend_open(&backend, "guard", 1, NULL), 0);
    struct place place = {backend->alloc(backend->self, sizeof values, NULL), 0};
    backend->write(backend->self, place, values, sizeof values);
    backend->train->add(backend->self, place, place, STORAGE_F32, 3);
    backend->read(backend->self, sum, place, sizeof sum);
    assert_true(sum[0] == 2 && sum[1] == 4 && sum[2] == 6);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(*(volatile float *)host_pointer(place) == 2 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    backend_close(backend);
}

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    for (const struct dirent *entry; tasks && (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

/* BLAS, oneDNN and our own loops, in turn: two threads in all. */
static void one_thread_pool(void **state)
{
    (void)state;
    enum { N = 256 };
    struct backend *backend = NULL;
    int before = count_threads();
    static double a[N * N], b[N * N], c[N * N];
    if (before == 0)
        skip(); /* no /proc */
#ifdef __clang__
    skip(); /* LLVM's OpenMP beside the GNU one that oneDNN and OpenBLAS are linked with */
#endif
    assert_int_equal(backend_open(&backend, "cpu", 2, NULL), 0);
    struct place x = {backend->alloc(backend->self, N * N * 4, NULL), 0};
    struct place y = {backend->alloc(backend->self, N * N * 4, NULL), 0};
    struct weight weight = {.data = x, .storage = STORAGE_F32, .rows = N, .cols = N};
    backend->train->fill_zero(backend->self, x, N * N * 4);
    for (int round = 0; round < 3; round++) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, b, N, 0, c, N);
        backend->train->linear_forward(backend->self, y, x, STORAGE_F32, weight, (struct place){0},
                                       N);
        backend->train->swiglu_forward(backend->self, y, x, x, STORAGE_F32, N * N);
    }
    assert_int_equal(before, 1);
    assert_true(count_threads() <= 2);
    backend->free(backend->self, x.buffer);
    backend->free(backend->self, y.buffer);
    backend_close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_see_what_others_cannot),
        cmocka_unit_test(one_thread_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
