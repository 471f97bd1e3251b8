/* CUDA's, cuBLAS's and cuSOLVER's statuses as errors.
 *
 * The kind says whether the device is still there: ERROR_NOT_HERE, where memory ran out or a
 * library refused, and ERROR_DEVICE, after which nothing that the device says is to be trusted.
 * Libraries give the same status for both, so the device is asked. CUDA's last error is cleared: it
 * is said once, and not again by the next launch.
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
