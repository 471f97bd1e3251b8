/* The guard back end: operations work, and a pointer into its memory is death. */
#include "test.h"

#include "compute/host.h"

#include <signal.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_see_what_others_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
