/* The emulated device itself: work is done as late as may be, mistakes end the process with a line
 * that says what is wrong, and it fails on request as real devices do. */
#include "test.h"

#include "device.h"
#include "misuse.h"

#include <cublas_v2.h>
#include <cusolverDn.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>

enum { COUNT = 64 };

/* --- when work is done --- */

static void copies_wait_for_the_stream(void **state)
{
    (void)state;
    int in[COUNT] = {1}, out[COUNT] = {0};
    int *there = device_new(sizeof in);
    assert_cuda(cudaMemcpyAsync(there, in, sizeof in, cudaMemcpyHostToDevice, stream));
    in[0] = 2; /* too early: the copy has not read it yet */
    assert_cuda(cudaMemcpyAsync(out, there, sizeof out, cudaMemcpyDeviceToHost, stream));
    assert_int_equal(out[0], 0);
    assert_cuda(cudaStreamSynchronize(stream));
    assert_int_equal(out[0], 2);
    setenv("EMULATED_CUDA_EAGER", "1", 1);
    assert_cuda(cudaMemcpyAsync(there, in, sizeof in, cudaMemcpyHostToDevice, stream));
    in[0] = 3;
    assert_cuda(cudaMemcpyAsync(out, there, sizeof out, cudaMemcpyDeviceToHost, stream));
    unsetenv("EMULATED_CUDA_EAGER");
    assert_int_equal(out[0], 2);
    device_free(there);
}

static void events_order_streams(void **state)
{
    (void)state;
    int in = 1, out = 0;
    int *there = device_new(sizeof in);
    cudaStream_t other;
    cudaEvent_t from, to;
    float milliseconds;
    assert_cuda(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    assert_cuda(cudaEventCreateWithFlags(&from, cudaEventDefault));
    assert_cuda(cudaEventCreateWithFlags(&to, cudaEventDefault));
    assert_cuda(cudaEventRecord(from, stream));
    assert_cuda(cudaMemcpyAsync(there, &in, sizeof in, cudaMemcpyHostToDevice, stream));
    assert_cuda(cudaEventRecord(to, stream));
    assert_cuda(cudaStreamWaitEvent(other, to, 0));
    assert_int_equal(cudaEventElapsedTime(&milliseconds, from, to), cudaErrorNotReady);
    assert_int_equal(cudaGetLastError(), cudaErrorNotReady);
    assert_cuda(cudaMemcpyAsync(&out, there, sizeof out, cudaMemcpyDeviceToHost, other));
    assert_cuda(cudaStreamSynchronize(other));
    assert_int_equal(out, 1);
    assert_cuda(cudaEventElapsedTime(&milliseconds, from, to));
    assert_true(milliseconds >= 0);
    assert_cuda(cudaEventDestroy(from));
    assert_cuda(cudaEventDestroy(to));
    assert_cuda(cudaStreamDestroy(other));
    device_free(there);
}

static void rows_are_copied(void **state)
{
    (void)state;
    double in[6] = {1, 2, 3, 4, 5, 6}, out[6] = {0}, *there = device_new(sizeof in);
    assert_cuda(cudaMemcpy2DAsync(there, 3 * sizeof *in, in, 2 * sizeof *in, 2 * sizeof *in, 2,
                                  cudaMemcpyHostToDevice, stream));
    device_read(out, there, sizeof out);
    assert_true(out[0] == 1 && out[1] == 2 && isnan(out[2]) && out[3] == 3 && out[4] == 4);
    assert_true(isnan(out[5])); /* fresh memory */
    device_free(there);
}

/* --- mistakes --- */

/* Runs it in a child with its stderr; the child must be ended by abort(), with these words. */
static void assert_aborts(void (*mistake)(void), const char *words)
{
    char text[4096];
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would go on with the tests */
        mistake();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(text, words))
        fail_msg("status %x, \"%s\" instead of \"%s\"", status, text, words);
}

static void run_misuse(enum misuse what)
{
    int *out = device_copy((int[COUNT]){0}, COUNT * sizeof *out);
    misuse(what, out, stream);
    cudaStreamSynchronize(stream);
    cudaFree(out);
}

static void leave_a_barrier(void)
{
    run_misuse(LEAVES_A_BARRIER);
}

static void wait_for_nobody(void)
{
    run_misuse(WAITS_FOR_NOBODY);
}

static void meet_elsewhere(void)
{
    run_misuse(MEETS_ELSEWHERE);
}

static void write_behind(void)
{
    run_misuse(WRITES_BEHIND);
}

static void launch_with_host_memory(void)
{
    int out[COUNT];
    misuse(RACES, out, stream);
}

static void copy_beyond(void)
{
    int in[COUNT + 1] = {0}, *there = device_new(COUNT * sizeof *in);
    cudaMemcpyAsync(there, in, sizeof in, cudaMemcpyHostToDevice, stream);
}

static void copy_the_wrong_way(void)
{
    int in[COUNT] = {0}, *there = device_new(sizeof in);
    cudaMemcpyAsync(there, in, sizeof in, cudaMemcpyDeviceToHost, stream);
}

static void multiply_beyond(void)
{
    cublasHandle_t blas;
    const double one = 1, *a = device_new(63 * sizeof *a);
    double *c = device_new(64 * sizeof *c);
    cublasCreate(&blas);
    cublasSetStream(blas, stream);
    cublasDsyrk(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 8, 8, &one, a, 8, &one, c, 8);
}

static void use_a_destroyed_stream(void)
{
    cudaStreamDestroy(stream);
    cudaStreamSynchronize(stream);
}

static void mistakes_are_said(void **state)
{
    (void)state;
    assert_aborts(leave_a_barrier, "waits at __syncthreads");
    assert_aborts(wait_for_nobody, "sleeps for ever");
    assert_aborts(meet_elsewhere, "lane 31 is at __syncwarp");
    assert_aborts(write_behind, "written behind an allocation");
    assert_aborts(launch_with_host_memory, "not in any memory of a device");
    assert_aborts(copy_beyond, "leave an allocation");
    assert_aborts(copy_the_wrong_way, "where the host's is wanted");
    assert_aborts(multiply_beyond, "Dsyrk's A");
    assert_aborts(use_a_destroyed_stream, "no longer one");
}

/* What is read too early differs with the order, and is not what was meant in the one by turns. */
static void races_show_themselves(void **state)
{
    (void)state;
    int first[COUNT], other[COUNT], *there = device_new(sizeof first);
    assert_cuda(misuse(RACES, there, stream));
    device_read(first, there, sizeof first);
    setenv("EMULATED_CUDA_SEED", "1", 1);
    assert_cuda(misuse(RACES, there, stream));
    device_read(other, there, sizeof other);
    unsetenv("EMULATED_CUDA_SEED");
    assert_int_equal(first[0], -1); /* all bits set */
    assert_memory_not_equal(first, other, sizeof first);
    device_free(there);
}

/* --- faults --- */

static void drivers_and_devices_are_missing(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        cudaError_t count, set;
        int version;
    } rows[] = {
        {"no-driver", cudaErrorInsufficientDriver, cudaErrorInsufficientDriver, 0},
        {"old-driver", cudaErrorInsufficientDriver, cudaErrorInsufficientDriver, 11040},
        {"no-device", cudaErrorNoDevice, cudaErrorNoDevice, CUDART_VERSION},
        {"busy", cudaSuccess, cudaErrorDevicesUnavailable, CUDART_VERSION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int count, version;
        void *memory;
        cublasHandle_t blas;
        setenv("EMULATED_CUDA_FAULT", rows[i].fault, 1);
        assert_int_equal(cudaGetDeviceCount(&count), rows[i].count);
        assert_cuda(cudaDriverGetVersion(&version));
        assert_int_equal(version, rows[i].version);
        assert_int_equal(cudaSetDevice(0), rows[i].set);
        assert_int_equal(cudaMalloc(&memory, 8), rows[i].set);
        assert_int_equal(cudaFree(NULL), rows[i].set);
        assert_int_equal(cublasCreate(&blas), CUBLAS_STATUS_NOT_INITIALIZED);
        unsetenv("EMULATED_CUDA_FAULT");
    }
    cudaGetLastError();
}

static void there_are_as_many_as_wished(void **state)
{
    (void)state;
    int count;
    setenv("EMULATED_CUDA_DEVICES", "2", 1);
    assert_cuda(cudaGetDeviceCount(&count));
    assert_int_equal(count, 2);
    assert_cuda(cudaSetDevice(1));
    assert_int_equal(misuse(RACES, NULL, stream), cudaErrorInvalidResourceHandle);
    assert_int_equal(cudaSetDevice(2), cudaErrorInvalidDevice);
    assert_cuda(cudaSetDevice(0));
    unsetenv("EMULATED_CUDA_DEVICES");
    cudaGetLastError();
}

static void memory_ends(void **state)
{
    (void)state;
    size_t left, all;
    void *memory, *more;
    setenv("EMULATED_CUDA_MEMORY", "1000", 1);
    memory = device_new(600);
    assert_int_equal(cudaMalloc(&more, 401), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_cuda(cudaGetLastError());
    assert_cuda(cudaMemGetInfo(&left, &all));
    assert_int_equal(left, 400);
    assert_int_equal(all, 1000);
    device_free(memory);
    unsetenv("EMULATED_CUDA_MEMORY");
}

static void devices_die(void **state)
{
    (void)state;
    int in = 1, out = 0, *there = device_new(sizeof in);
    setenv("EMULATED_CUDA_DIES_AFTER", "2", 1);
    assert_cuda(cudaMemcpyAsync(there, &in, sizeof in, cudaMemcpyHostToDevice, stream));
    assert_cuda(cudaMemcpyAsync(&out, there, sizeof in, cudaMemcpyDeviceToHost, stream));
    assert_int_equal(cudaStreamSynchronize(stream), cudaErrorUnknown);
    assert_int_equal(out, 0);
    assert_int_equal(cudaMemsetAsync(there, 0, sizeof in, stream), cudaErrorUnknown);
    assert_int_equal(cudaGetLastError(), cudaErrorUnknown);
    assert_int_equal(cudaGetLastError(), cudaErrorUnknown);
    assert_int_equal(cudaFree(there), cudaErrorUnknown); /* and yet it is not left at exit */
    unsetenv("EMULATED_CUDA_DIES_AFTER");
    assert_cuda(cudaStreamSynchronize(stream));
    cudaGetLastError();
}

/* --- cuSOLVER --- */

static void gesvd_wants_tall_matrices(void **state)
{
    (void)state;
    enum { M = 3, N = 2 };
    const double a[M * N] = {3, 0, 0, 0, 0, -4};
    double *a_there = device_copy(a, sizeof a), *s_there = device_new(N * sizeof *a), s[N];
    int *info_there = device_new(sizeof *info_there), info;
    size_t bytes, on_host;
    cusolverDnHandle_t solver;
    cusolverDnParams_t params;
    const cudaDataType type = CUDA_R_64F;
    assert_int_equal(cusolverDnCreate(&solver), 0);
    assert_int_equal(cusolverDnSetStream(solver, stream), 0);
    assert_int_equal(cusolverDnCreateParams(&params), 0);
    assert_int_equal(cusolverDnXgesvd_bufferSize(solver, params, 'N', 'N', M, N, type, a_there, M,
                                                 type, s_there, type, NULL, M, type, NULL, N, type,
                                                 &bytes, &on_host),
                     0);
    void *buffer = device_new(bytes), *buffer_on_host = malloc(on_host);
    assert_int_equal(cusolverDnXgesvd(solver, params, 'N', 'N', M, N, type, a_there, M, type,
                                      s_there, type, NULL, M, type, NULL, N, type, buffer, bytes,
                                      buffer_on_host, on_host, info_there),
                     0);
    assert_int_equal(cusolverDnXgesvd(solver, params, 'N', 'N', N, M, type, a_there, M, type,
                                      s_there, type, NULL, M, type, NULL, N, type, buffer, bytes,
                                      buffer_on_host, on_host, info_there),
                     CUSOLVER_STATUS_INVALID_VALUE);
    device_read(&info, info_there, sizeof info);
    device_read(s, s_there, sizeof s);
    assert_int_equal(info, 0);
    assert_true(fabs(s[0] - 4) < 1e-15 && fabs(s[1] - 3) < 1e-15);
    assert_int_equal(cusolverDnDestroyParams(params), 0);
    assert_int_equal(cusolverDnDestroy(solver), 0);
    void *all[] = {a_there, s_there, info_there, buffer};
    for (size_t i = 0; i < 4; i++)
        device_free(all[i]);
    free(buffer_on_host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_wait_for_the_stream),
        cmocka_unit_test(events_order_streams),
        cmocka_unit_test(rows_are_copied),
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(races_show_themselves),
        cmocka_unit_test(drivers_and_devices_are_missing),
        cmocka_unit_test(there_are_as_many_as_wished),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(devices_die),
        cmocka_unit_test(gesvd_wants_tall_matrices),
    };
    return cmocka_run_group_tests(tests, stream_setup, stream_teardown);
}
