/* Stream slots: what one matrix needs of a device while its values are computed, a stream, handles
 * and memory. Matrices in different slots keep the device busy together: the steps that have one
 * block of threads, and the copies, overlap.
 */
#ifndef SPECTRUM_GPU_SLOT_H
#define SPECTRUM_GPU_SLOT_H

#include "gpu/status.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* As many as hide what there is to hide. */
enum { SLOTS_MAX = 16 };

struct stream_slot {
    cudaStream_t stream;
    cudaEvent_t pace; /* on the stream; who waits for it sleeps (symmetric.c) */
    cublasHandle_t blas;
    cusolverDnHandle_t solver; /* NULL until slot_solver() */
    cusolverDnParams_t parameters;
    char *memory; /* of the device, aligned to 256; what is in it is anything */
    uint64_t bytes;
    bool open, taken;
};

/* A device's slots. Zeros and pool_open() make one. */
struct slot_pool {
    struct stream_slot slots[SLOTS_MAX];
    int most;        /* as many may be open: fewer where a full device had no memory for one more */
    uint64_t bytes;  /* of all slots' memory */
    uint64_t budget; /* bytes that they take where there is a choice */
    pthread_mutex_t lock;
    pthread_cond_t given_back; /* a slot, or memory */
};

/* For the thread's current device, which has a context: its free memory bounds the budget. */
int pool_open(struct slot_pool *pool, struct error *err);
void pool_close(struct slot_pool *pool); /* all slots have been given back */

/* An idle slot, once there is one, for the thread whose current device is the pool's; NULL and an
 * error where there is none and none can be made. */
struct stream_slot *slot_take(struct slot_pool *pool, struct error *err);
void slot_give_back(struct slot_pool *pool, struct stream_slot *slot);

/* At least as many bytes of memory, if need be at the expense of idle slots, or when slots at work
 * have given back theirs. ERROR_NOT_HERE: the device has too little even then. The budget is kept
 * but for a slot that needs more by itself; what libraries take for their handles, some tens of MB
 * a slot, comes on top. */
int slot_reserve(struct slot_pool *pool, struct stream_slot *slot, uint64_t bytes,
                 struct error *err);

/* Host memory `to` = what lies at `from` once the slot's stream has come to its end; waits. */
int slot_fetch(const struct stream_slot *slot, void *to, const void *from, size_t bytes,
               struct error *err);

/* Makes the cuSOLVER handle, which most matrices need not. */
int slot_solver(struct stream_slot *slot, struct error *err);

#endif
