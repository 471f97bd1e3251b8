#include "gpu/status.h"

int status_check(cudaError_t status, struct error *err)
{
    if (status == cudaSuccess)
        return 0;
    cudaGetLastError();
    return error_set_kind(err, status == cudaErrorMemoryAllocation ? ERROR_NOT_HERE : ERROR_DEVICE,
                          "CUDA says: %s (%s)", cudaGetErrorString(status),
                          cudaGetErrorName(status));
}

/* Waits for everything on the device. */
static enum error_kind kind_of_refusal(void)
{
    cudaError_t status = cudaDeviceSynchronize();
    cudaGetLastError();
    return status == cudaSuccess ? ERROR_NOT_HERE : ERROR_DEVICE;
}

int status_check_blas(cublasStatus_t status, struct error *err)
{
    if (status == CUBLAS_STATUS_SUCCESS)
        return 0;
    return error_set_kind(err, kind_of_refusal(), "cuBLAS says: %s", cublasGetStatusString(status));
}

int status_check_solver(cusolverStatus_t status, struct error *err)
{
    if (status == CUSOLVER_STATUS_SUCCESS)
        return 0;
    return error_set_kind(err, kind_of_refusal(), "cuSOLVER says: status %d", (int)status);
}
