/* What is used of cuSOLVER, by LAPACK: singular values alone, in fp64. */
#include "calls.h"
#include "failure.h"
#include "faults.h"
#include "memory.h"
#include "stream.h"

#include <cusolverDn.h>

#include <cstring>
#include <lapacke.h>
#include <limits>
#include <vector>

/* Not zero, so that a caller which passes less than it was told is found. */
static const size_t host_bytes = 256;

struct cusolverDnContext {
    int device;
    cudaStream_t stream;
};

struct cusolverDnParams {
    int unused;
};

static cusolverStatus_t status_now()
{
    return fault_device_is_dead() ? CUSOLVER_STATUS_EXECUTION_FAILED : CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *out)
{
    if (fault_of_call() != cudaSuccess)
        return CUSOLVER_STATUS_NOT_INITIALIZED;
    *out = new struct cusolverDnContext();
    (*out)->device = emulated_device();
    emulated_count("cuSOLVER handles", 1);
    return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle)
{
    if (!handle)
        return CUSOLVER_STATUS_NOT_INITIALIZED;
    delete handle;
    emulated_count("cuSOLVER handles", -1);
    return status_now();
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream)
{
    if (stream_device(stream) != handle->device)
        emulated_abort("cuSOLVER: the stream is another device's");
    handle->stream = stream;
    return status_now();
}

cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t *out)
{
    *out = new struct cusolverDnParams();
    emulated_count("cuSOLVER parameters", 1);
    return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params)
{
    delete params;
    emulated_count("cuSOLVER parameters", -1);
    return CUSOLVER_STATUS_SUCCESS;
}

/* What the real one takes for gesvd() without vectors, and we emulate; else a status. */
static cusolverStatus_t check_call(signed char jobu, signed char jobvt, int64_t m, int64_t n,
                                   int64_t ld, std::initializer_list<cudaDataType> types)
{
    if (jobu != 'N' || jobvt != 'N')
        emulated_abort("cuSOLVER: singular vectors are not emulated");
    for (cudaDataType type : types)
        if (type != CUDA_R_64F)
            emulated_abort("cuSOLVER: types other than fp64 are not emulated");
    return n < 0 || m < n || ld < m || ld < 1 ? CUSOLVER_STATUS_INVALID_VALUE : status_now();
}

static size_t device_bytes(int64_t m, int64_t n)
{
    return (size_t)(m + 64 * n + 64) * sizeof(double);
}

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t, cusolverDnParams_t,
                                             signed char jobu, signed char jobvt, int64_t m,
                                             int64_t n, cudaDataType type_a, const void *,
                                             int64_t ld_a, cudaDataType type_s, const void *,
                                             cudaDataType type_u, const void *, int64_t,
                                             cudaDataType type_vt, const void *, int64_t,
                                             cudaDataType type, size_t *on_device, size_t *on_host)
{
    *on_device = device_bytes(m, n);
    *on_host = host_bytes;
    return check_call(jobu, jobvt, m, n, ld_a, {type_a, type_s, type_u, type_vt, type});
}

/* The values, descending, over a's ruins; returns what *info becomes. */
static int gesvd(int64_t m, int64_t n, double *a, int64_t ld, double *values)
{
    std::vector<double> superdiagonal((size_t)(n > 0 ? n : 1));
    int info = LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'N', 'N', (lapack_int)m, (lapack_int)n, a,
                              (lapack_int)ld, values, NULL, 1, NULL, 1, superdiagonal.data());
    if (info >= 0)
        return info;
    std::fill_n(values, n, std::numeric_limits<double>::quiet_NaN()); /* a NaN was among a */
    return 1;
}

cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle, cusolverDnParams_t, signed char jobu,
                                  signed char jobvt, int64_t m, int64_t n, cudaDataType type_a,
                                  void *a, int64_t ld_a, cudaDataType type_s, void *s,
                                  cudaDataType type_u, void *, int64_t, cudaDataType type_vt,
                                  void *, int64_t, cudaDataType type, void *buffer, size_t bytes,
                                  void *buffer_on_host, size_t bytes_on_host, int *info)
{
    cusolverStatus_t status =
        check_call(jobu, jobvt, m, n, ld_a, {type_a, type_s, type_u, type_vt, type});
    if (status != CUSOLVER_STATUS_SUCCESS)
        return status;
    if (bytes < device_bytes(m, n) || bytes_on_host < host_bytes)
        return CUSOLVER_STATUS_INVALID_VALUE;
    if (emulated_device() != handle->device)
        emulated_abort("cuSOLVER: the handle is another device's than the current one");
    int device = handle->device;
    auto check = [=] {
        memory_check_matrix(device, a, m, n, ld_a, "gesvd's A");
        memory_check_matrix(device, s, n, 1, n, "gesvd's S");
        memory_check(device, buffer, bytes, "gesvd's buffer");
        memory_check(device, info, sizeof *info, "gesvd's info");
        memory_check_host(buffer_on_host, bytes_on_host, "gesvd's buffer on the host");
    };
    check();
    cudaError_t put = stream_put(handle->stream, [=] {
        check();
        std::memset(buffer, 0xff, bytes);
        std::memset(buffer_on_host, 0xff, bytes_on_host);
        *info = gesvd(m, n, (double *)a, ld_a, (double *)s);
    });
    return put == cudaSuccess ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_EXECUTION_FAILED;
}
