/* What holds of a pool while its lock is free:
 *
 *   1. A slot is taken by one thread, or idle; an idle one may be open, with its handles and its
 *      memory.
 *   2. pool->bytes is the sum of all slots' memory. It is within the budget, or all of one slot.
 *   3. A thread that waits for memory has none, so that the slots that have some are at work, and
 *      the wait ends when the first of them gives its memory back.
 *
 * Handles take long to make, so a slot is opened without the lock (open_taken()): it is taken, but
 * not open.
 */
#include "gpu/slot.h"

/* Cards are shared: so much at the most, and not all that is free, of which the libraries' handles
 * take their part, too. */
static uint64_t choose_budget(void)
{
    const uint64_t most = 16000000000, kept = 500000000;
    size_t free_bytes = 0, all;
    if (status_check(cudaMemGetInfo(&free_bytes, &all), NULL) != 0)
        return 0; /* one slot at a time */
    uint64_t part = free_bytes / 10 * 9, budget = part > kept ? part - kept : 0;
    return budget < most ? budget : most;
}

/* No slot is open yet: each is when a thread first takes it. */
int pool_open(struct slot_pool *pool, struct error *err)
{
    pool->most = SLOTS_MAX;
    pool->budget = choose_budget();
    if (pthread_mutex_init(&pool->lock, NULL) != 0)
        return error_set(err, "no lock can be made");
    if (pthread_cond_init(&pool->given_back, NULL) == 0)
        return 0;
    pthread_mutex_destroy(&pool->lock);
    return error_set(err, "no lock can be made");
}

/* What it has. On a lost device the calls fail, and there is nothing to free. */
static void slot_close(struct stream_slot *slot)
{
    if (slot->solver)
        cusolverDnDestroy(slot->solver);
    if (slot->parameters)
        cusolverDnDestroyParams(slot->parameters);
    if (slot->blas)
        cublasDestroy(slot->blas);
    if (slot->pace)
        cudaEventDestroy(slot->pace);
    if (slot->stream)
        cudaStreamDestroy(slot->stream);
    cudaFree(slot->memory);
    slot->solver = NULL;
    slot->parameters = NULL;
    slot->blas = NULL;
    slot->pace = NULL;
    slot->stream = NULL;
    slot->memory = NULL;
    slot->bytes = 0;
}

void pool_close(struct slot_pool *pool)
{
    for (int i = 0; i < SLOTS_MAX; i++)
        slot_close(&pool->slots[i]);
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
}

/* A non-blocking stream does not wait for the default one; the event lets a thread sleep, not
 * spin. */
static int slot_open(struct stream_slot *slot, struct error *err)
{
    const unsigned asleep = cudaEventBlockingSync | cudaEventDisableTiming;
    if (status_check(cudaStreamCreateWithFlags(&slot->stream, cudaStreamNonBlocking), err) == 0 &&
        status_check(cudaEventCreateWithFlags(&slot->pace, asleep), err) == 0 &&
        status_check_blas(cublasCreate(&slot->blas), err) == 0 &&
        status_check_blas(cublasSetStream(slot->blas, slot->stream), err) == 0)
        return 0;
    slot_close(slot);
    return -1;
}

/* Stream slots that are open, or about to be. */
static int count_begun(const struct slot_pool *pool)
{
    int count = 0;
    for (int i = 0; i < SLOTS_MAX; i++)
        count += pool->slots[i].open || pool->slots[i].taken;
    return count;
}

/* The idle slot with the most memory; failing that one to be opened; NULL: wait for one. */
static struct stream_slot *find_idle(struct slot_pool *pool)
{
    struct stream_slot *found = NULL;
    for (struct stream_slot *slot = pool->slots; slot < pool->slots + SLOTS_MAX; slot++) {
        bool better = !found || (slot->open && (!found->open || slot->bytes > found->bytes));
        if (!slot->taken && better)
            found = slot;
    }
    return found && !found->open && count_begun(pool) >= pool->most ? NULL : found;
}

/* Opens a slot, while the others go on: handles take long to make. 0: opened; 1: a full device has
 * no memory for it, and those that there are must do. */
static int open_taken(struct slot_pool *pool, struct stream_slot *slot, struct error *err)
{
    struct error trouble = ERROR_INIT;
    pthread_mutex_unlock(&pool->lock);
    int status = slot_open(slot, &trouble);
    pthread_mutex_lock(&pool->lock);
    slot->open = status == 0;
    if (slot->open)
        return 0;
    slot->taken = false;
    pthread_cond_broadcast(&pool->given_back);
    pool->most = count_begun(pool);
    if (trouble.kind == ERROR_NOT_HERE && pool->most > 0)
        return 1;
    pool->most = SLOTS_MAX; /* the next one tries again */
    return error_set_kind(err, trouble.kind, "%s", trouble.text);
}

/* Waits while all are taken. One that is taken and not open is opened outside of the lock. */
struct stream_slot *slot_take(struct slot_pool *pool, struct error *err)
{
    struct stream_slot *slot = NULL;
    int status = 1;
    pthread_mutex_lock(&pool->lock);
    while (status > 0) {
        while (!(slot = find_idle(pool)))
            pthread_cond_wait(&pool->given_back, &pool->lock);
        slot->taken = true;
        status = slot->open ? 0 : open_taken(pool, slot, err);
    }
    pthread_mutex_unlock(&pool->lock);
    return status == 0 ? slot : NULL;
}

void slot_give_back(struct slot_pool *pool, struct stream_slot *slot)
{
    pthread_mutex_lock(&pool->lock);
    slot->taken = false;
    pthread_cond_broadcast(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
}

static void release(struct slot_pool *pool, struct stream_slot *slot)
{
    cudaFree(slot->memory);
    pool->bytes -= slot->bytes;
    slot->memory = NULL;
    slot->bytes = 0;
}

static void release_idle(struct slot_pool *pool)
{
    for (struct stream_slot *slot = pool->slots; slot < pool->slots + SLOTS_MAX; slot++)
        if (!slot->taken)
            release(pool, slot);
}

static int say_full(uint64_t bytes, struct error *err)
{
    size_t free_bytes = 0, all;
    bool small = bytes < (uint64_t)1 << 30;
    double unit = small ? 0x1p20 : 0x1p30;
    cudaMemGetInfo(&free_bytes, &all);
    return error_set_kind(err, ERROR_NOT_HERE, "needs %.1f %s of device memory%s, %.1f are free",
                          (double)bytes / unit, small ? "MiB" : "GiB",
                          free_bytes >= bytes ? " in one piece" : "", (double)free_bytes / unit);
}

/* The slot has none. Within the budget, or alone; cudaErrorMemoryAllocation: not now. */
static cudaError_t allocate(struct slot_pool *pool, struct stream_slot *slot, uint64_t bytes)
{
    cudaError_t status = cudaErrorMemoryAllocation;
    if (pool->bytes + bytes <= pool->budget)
        status = cudaMalloc((void **)&slot->memory, bytes);
    if (status != cudaErrorMemoryAllocation)
        return status;
    release_idle(pool);
    if (pool->bytes > 0 && pool->bytes + bytes > pool->budget)
        return status;
    return cudaMalloc((void **)&slot->memory, bytes);
}

/* A slot that waits has no memory, so one that has some is at work and will give it back. */
static int grow(struct slot_pool *pool, struct stream_slot *slot, uint64_t bytes, struct error *err)
{
    cudaError_t status;
    release(pool, slot);
    pthread_cond_broadcast(&pool->given_back);
    while ((status = allocate(pool, slot, bytes)) == cudaErrorMemoryAllocation && pool->bytes > 0)
        pthread_cond_wait(&pool->given_back, &pool->lock);
    if (status == cudaErrorMemoryAllocation)
        say_full(bytes, err);
    else
        status_check(status, err);
    cudaGetLastError(); /* a failure is said once, and not again by the next launch */
    if (status != cudaSuccess)
        return -1;
    slot->bytes = bytes;
    pool->bytes += bytes;
    return 0;
}

int slot_reserve(struct slot_pool *pool, struct stream_slot *slot, uint64_t bytes,
                 struct error *err)
{
    if (bytes <= slot->bytes)
        return 0;
    pthread_mutex_lock(&pool->lock);
    int status = grow(pool, slot, bytes, err);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* The copy to pageable memory would wait for the stream itself, but not asleep. */
int slot_fetch(const struct stream_slot *slot, void *to, const void *from, size_t bytes,
               struct error *err)
{
    cudaError_t status = cudaStreamSynchronize(slot->stream);
    if (status == cudaSuccess)
        status = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, slot->stream);
    if (status == cudaSuccess)
        status = cudaStreamSynchronize(slot->stream);
    return status_check(status, err);
}

int slot_solver(struct stream_slot *slot, struct error *err)
{
    if (!slot->solver && status_check_solver(cusolverDnCreate(&slot->solver), err) != 0)
        return -1;
    if (!slot->parameters &&
        status_check_solver(cusolverDnCreateParams(&slot->parameters), err) != 0)
        return -1;
    return status_check_solver(cusolverDnSetStream(slot->solver, slot->stream), err);
}
