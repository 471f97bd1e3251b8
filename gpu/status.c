#include "gpu/status.h"

int status_check(cudaError_t status, struct error *err)
{
    if (status == cudaSuccess)
        return 0;
    return error_set_kind(err, status == cudaErrorMemoryAllocation ? ERROR_NO_ROOM : ERROR_DEVICE,
                          "CUDA says: %s (%s)", cudaGetErrorString(status),
                          cudaGetErrorName(status));
}

int status_check_blas(cublasStatus_t status, struct error *err)
{
    if (status == CUBLAS_STATUS_SUCCESS)
        return 0;
    return error_set_kind(err, status == CUBLAS_STATUS_ALLOC_FAILED ? ERROR_NO_ROOM : ERROR_DEVICE,
                          "cuBLAS says: %s", cublasGetStatusString(status));
}

int status_check_solver(cusolverStatus_t status, struct error *err)
{
    if (status == CUSOLVER_STATUS_SUCCESS)
        return 0;
    return error_set_kind(err,
                          status == CUSOLVER_STATUS_ALLOC_FAILED ? ERROR_NO_ROOM : ERROR_DEVICE,
                          "cuSOLVER says: status %d", (int)status);
}
