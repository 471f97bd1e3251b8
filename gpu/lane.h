/* Lanes: what one matrix needs of a device while its values are computed, a stream, handles and
 * memory. Matrices in different lanes keep the device busy together: the steps that have one block
 * of threads, and the copies, hide behind one another.
 */
#ifndef SPECTRUM_GPU_LANE_H
#define SPECTRUM_GPU_LANE_H

#include "gpu/status.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* As many as hide what there is to hide. */
enum { LANES_MAX = 16 };

struct lane {
    cudaStream_t stream;
    cudaEvent_t pace; /* on the stream; who waits for it sleeps (symmetric.c) */
    cublasHandle_t blas;
    cusolverDnHandle_t solver; /* NULL until lane_solver() */
    cusolverDnParams_t parameters;
    char *memory; /* of the device, aligned to 256; what is in it is anything */
    uint64_t bytes;
    bool open, taken;
};

/* A device's lanes. Zeros and pool_open() make one. */
struct lane_pool {
    struct lane lanes[LANES_MAX];
    int most;        /* as many may be open: fewer where a full device had no memory for one more */
    uint64_t bytes;  /* of all lanes' memory */
    uint64_t budget; /* bytes that they take where there is a choice */
    pthread_mutex_t lock;
    pthread_cond_t given_back; /* a lane, or memory */
};

/* For the thread's current device, which has a context: its free memory bounds the budget. */
int pool_open(struct lane_pool *pool, struct error *err);
void pool_close(struct lane_pool *pool); /* all lanes have been given back */

/* An idle lane, once there is one, for the thread whose current device is the pool's; NULL and an
 * error where there is none and none can be made. */
struct lane *lane_take(struct lane_pool *pool, struct error *err);
void lane_give_back(struct lane_pool *pool, struct lane *lane);

/* At least as many bytes of memory, if need be at the expense of idle lanes, or when lanes at work
 * have given back theirs. ERROR_NOT_HERE: the device has too little even then. The budget is kept
 * but for a lane that needs more by itself; what libraries take for their handles, some tens of MB
 * a lane, comes on top. */
int lane_reserve(struct lane_pool *pool, struct lane *lane, uint64_t bytes, struct error *err);

/* Host memory `to` = what lies at `from` once the lane's stream has come to its end; waits. */
int lane_fetch(const struct lane *lane, void *to, const void *from, size_t bytes,
               struct error *err);

/* Makes the cuSOLVER handle, which most matrices need not. */
int lane_solver(struct lane *lane, struct error *err);

#endif
