/* CUDA's, cuBLAS's and cuSOLVER's statuses as errors. Where memory ran out the kind is
 * ERROR_NO_ROOM; all else is ERROR_DEVICE: after it, nothing that the device says is to be trusted.
 */
#ifndef SPECTRUM_GPU_STATUS_H
#define SPECTRUM_GPU_STATUS_H

#include "base/error.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

/* 0, or -1 and the error. */
int status_check(cudaError_t status, struct error *err);
int status_check_blas(cublasStatus_t status, struct error *err);
int status_check_solver(cusolverStatus_t status, struct error *err);

#endif
