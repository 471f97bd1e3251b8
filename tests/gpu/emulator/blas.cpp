/* What is used of cuBLAS, by the CPU's BLAS. Scalars are read at the call, matrices when the stream
 * gets there. */
#include "calls.h"
#include "failure.h"
#include "faults.h"
#include "memory.h"
#include "stream.h"

#include <cublas_v2.h>

#include <algorithm>
#include <cblas.h>

struct cublasContext {
    int device;
    cudaStream_t stream;
    void *workspace;
    size_t workspace_bytes;
};

static cublasStatus_t status_now()
{
    return fault_device_is_dead() ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/* A full device answers as a lost one does. */
cublasStatus_t cublasCreate(cublasHandle_t *out)
{
    if (fault_of_call() != cudaSuccess ||
        emulated_counted("cuBLAS handles") >= setting("EMULATED_CUDA_HANDLES", INT64_MAX))
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *out = new struct cublasContext();
    (*out)->device = emulated_device();
    emulated_count("cuBLAS handles", 1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    if (!handle)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    emulated_count("cuBLAS handles", -1);
    return status_now();
}

/* The library goes back to a workspace of its own. */
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    if (stream_device(stream) != handle->device)
        emulated_abort("cuBLAS: the stream is another device's");
    handle->stream = stream;
    handle->workspace_bytes = 0;
    return status_now();
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes)
{
    if ((uintptr_t)workspace % 256 != 0)
        return CUBLAS_STATUS_INVALID_VALUE;
    memory_check(handle->device, workspace, bytes, "cuBLAS's workspace");
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return status_now();
}

/* Puts a product on the handle's stream, with its checks now and then. The workspace is overwritten
 * as the real one may be. */
template <class Check, class Product>
static cublasStatus_t put(cublasHandle_t handle, Check check, Product product)
{
    if (emulated_device() != handle->device)
        emulated_abort("cuBLAS: the handle is another device's than the current one");
    check();
    int device = handle->device;
    void *workspace = handle->workspace;
    size_t bytes = handle->workspace_bytes;
    cudaError_t status = stream_put(handle->stream, [=] {
        memory_check(device, workspace, bytes, "cuBLAS's workspace");
        std::fill_n((unsigned char *)workspace, bytes, (unsigned char)0xff);
        check();
        product();
    });
    return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

static CBLAS_TRANSPOSE cblas_of(cublasOperation_t operation)
{
    return operation == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                           int m, int n, int k, const double *alpha_at, const double *a, int ld_a,
                           const double *b, int ld_b, const double *beta_at, double *c, int ld_c)
{
    int rows_a = op_a == CUBLAS_OP_N ? m : k, cols_a = op_a == CUBLAS_OP_N ? k : m;
    int rows_b = op_b == CUBLAS_OP_N ? k : n, cols_b = op_b == CUBLAS_OP_N ? n : k;
    if (m < 0 || n < 0 || k < 0 || ld_a < std::max(1, rows_a) || ld_b < std::max(1, rows_b) ||
        ld_c < std::max(1, m))
        return CUBLAS_STATUS_INVALID_VALUE;
    double alpha = *alpha_at, beta = *beta_at;
    int device = handle->device;
    auto check = [=] {
        memory_check_matrix(device, a, rows_a, cols_a, ld_a, "Dgemm's A");
        memory_check_matrix(device, b, rows_b, cols_b, ld_b, "Dgemm's B");
        memory_check_matrix(device, c, m, n, ld_c, "Dgemm's C");
    };
    return put(handle, check, [=] {
        cblas_dgemm(CblasColMajor, cblas_of(op_a), cblas_of(op_b), m, n, k, alpha, a, ld_a, b, ld_b,
                    beta, c, ld_c);
    });
}

cublasStatus_t cublasDsyrk(cublasHandle_t handle, cublasFillMode_t triangle, cublasOperation_t op,
                           int n, int k, const double *alpha_at, const double *a, int ld_a,
                           const double *beta_at, double *c, int ld_c)
{
    int rows = op == CUBLAS_OP_N ? n : k, cols = op == CUBLAS_OP_N ? k : n;
    if (n < 0 || k < 0 || ld_a < std::max(1, rows) || ld_c < std::max(1, n))
        return CUBLAS_STATUS_INVALID_VALUE;
    double alpha = *alpha_at, beta = *beta_at;
    int device = handle->device;
    auto check = [=] {
        memory_check_matrix(device, a, rows, cols, ld_a, "Dsyrk's A");
        memory_check_matrix(device, c, n, n, ld_c, "Dsyrk's C");
    };
    return put(handle, check, [=] {
        cblas_dsyrk(CblasColMajor, triangle == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper,
                    cblas_of(op), n, k, alpha, a, ld_a, beta, c, ld_c);
    });
}

const char *cublasGetStatusString(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
        return "another status of cuBLAS";
    }
}
