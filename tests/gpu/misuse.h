/* Kernels with mistakes, for test_gpu_emulator. */
#ifndef SPECTRUM_TESTS_GPU_MISUSE_H
#define SPECTRUM_TESTS_GPU_MISUSE_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum misuse { LEAVES_A_BARRIER, WAITS_FOR_NOBODY, MEETS_ELSEWHERE, RACES, WRITES_BEHIND };

/* out[64] */
cudaError_t misuse(enum misuse what, int *out, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
