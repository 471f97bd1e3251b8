#include "gpu/lane.h"

/* Cards are shared: so much at the most, and not all that is free, of which the libraries' handles
 * take their part, too. */
static uint64_t choose_budget(void)
{
    const uint64_t most = 16000000000, kept = 500000000;
    size_t free_bytes = 0, all;
    if (status_check(cudaMemGetInfo(&free_bytes, &all), NULL) != 0)
        return 0; /* one lane at a time */
    uint64_t part = free_bytes / 10 * 9, budget = part > kept ? part - kept : 0;
    return budget < most ? budget : most;
}

int pool_open(struct lane_pool *pool, struct error *err)
{
    pool->most = LANES_MAX;
    pool->budget = choose_budget();
    if (pthread_mutex_init(&pool->lock, NULL) != 0)
        return error_set(err, "no lock can be made");
    if (pthread_cond_init(&pool->given_back, NULL) == 0)
        return 0;
    pthread_mutex_destroy(&pool->lock);
    return error_set(err, "no lock can be made");
}

/* What it has. On a lost device the calls fail, and there is nothing to free. */
static void lane_close(struct lane *lane)
{
    if (lane->solver)
        cusolverDnDestroy(lane->solver);
    if (lane->parameters)
        cusolverDnDestroyParams(lane->parameters);
    if (lane->blas)
        cublasDestroy(lane->blas);
    if (lane->pace)
        cudaEventDestroy(lane->pace);
    if (lane->stream)
        cudaStreamDestroy(lane->stream);
    cudaFree(lane->memory);
    lane->solver = NULL;
    lane->parameters = NULL;
    lane->blas = NULL;
    lane->pace = NULL;
    lane->stream = NULL;
    lane->memory = NULL;
    lane->bytes = 0;
}

void pool_close(struct lane_pool *pool)
{
    for (int i = 0; i < LANES_MAX; i++)
        lane_close(&pool->lanes[i]);
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
}

static int lane_open(struct lane *lane, struct error *err)
{
    const unsigned asleep = cudaEventBlockingSync | cudaEventDisableTiming;
    if (status_check(cudaStreamCreateWithFlags(&lane->stream, cudaStreamNonBlocking), err) == 0 &&
        status_check(cudaEventCreateWithFlags(&lane->pace, asleep), err) == 0 &&
        status_check_blas(cublasCreate(&lane->blas), err) == 0 &&
        status_check_blas(cublasSetStream(lane->blas, lane->stream), err) == 0)
        return 0;
    lane_close(lane);
    return -1;
}

/* Lanes that are open, or about to be. */
static int count_begun(const struct lane_pool *pool)
{
    int count = 0;
    for (int i = 0; i < LANES_MAX; i++)
        count += pool->lanes[i].open || pool->lanes[i].taken;
    return count;
}

/* The idle lane with the most memory; failing that one to be opened; NULL: wait for one. */
static struct lane *find_idle(struct lane_pool *pool)
{
    struct lane *found = NULL;
    for (struct lane *lane = pool->lanes; lane < pool->lanes + LANES_MAX; lane++) {
        bool better = !found || (lane->open && (!found->open || lane->bytes > found->bytes));
        if (!lane->taken && better)
            found = lane;
    }
    return found && !found->open && count_begun(pool) >= pool->most ? NULL : found;
}

/* Opens a lane, while the others go on: handles take long to make. 0: opened; 1: a full device has
 * no memory for it, and those that there are must do. */
static int open_taken(struct lane_pool *pool, struct lane *lane, struct error *err)
{
    struct error trouble = ERROR_INIT;
    pthread_mutex_unlock(&pool->lock);
    int status = lane_open(lane, &trouble);
    pthread_mutex_lock(&pool->lock);
    lane->open = status == 0;
    if (lane->open)
        return 0;
    lane->taken = false;
    pthread_cond_broadcast(&pool->given_back);
    pool->most = count_begun(pool);
    if (trouble.kind == ERROR_NOT_HERE && pool->most > 0)
        return 1;
    pool->most = LANES_MAX; /* the next one tries again */
    return error_set_kind(err, trouble.kind, "%s", trouble.text);
}

struct lane *lane_take(struct lane_pool *pool, struct error *err)
{
    struct lane *lane = NULL;
    int status = 1;
    pthread_mutex_lock(&pool->lock);
    while (status > 0) {
        while (!(lane = find_idle(pool)))
            pthread_cond_wait(&pool->given_back, &pool->lock);
        lane->taken = true;
        status = lane->open ? 0 : open_taken(pool, lane, err);
    }
    pthread_mutex_unlock(&pool->lock);
    return status == 0 ? lane : NULL;
}

void lane_give_back(struct lane_pool *pool, struct lane *lane)
{
    pthread_mutex_lock(&pool->lock);
    lane->taken = false;
    pthread_cond_broadcast(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
}

static void release(struct lane_pool *pool, struct lane *lane)
{
    cudaFree(lane->memory);
    pool->bytes -= lane->bytes;
    lane->memory = NULL;
    lane->bytes = 0;
}

static void release_idle(struct lane_pool *pool)
{
    for (struct lane *lane = pool->lanes; lane < pool->lanes + LANES_MAX; lane++)
        if (!lane->taken)
            release(pool, lane);
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

/* The lane has none. Within the budget, or alone; cudaErrorMemoryAllocation: not now. */
static cudaError_t allocate(struct lane_pool *pool, struct lane *lane, uint64_t bytes)
{
    cudaError_t status = cudaErrorMemoryAllocation;
    if (pool->bytes + bytes <= pool->budget)
        status = cudaMalloc((void **)&lane->memory, bytes);
    if (status != cudaErrorMemoryAllocation)
        return status;
    release_idle(pool);
    if (pool->bytes > 0 && pool->bytes + bytes > pool->budget)
        return status;
    return cudaMalloc((void **)&lane->memory, bytes);
}

/* A lane that waits has no memory, so one that has some is at work and will give it back. */
static int grow(struct lane_pool *pool, struct lane *lane, uint64_t bytes, struct error *err)
{
    cudaError_t status;
    release(pool, lane);
    pthread_cond_broadcast(&pool->given_back);
    while ((status = allocate(pool, lane, bytes)) == cudaErrorMemoryAllocation && pool->bytes > 0)
        pthread_cond_wait(&pool->given_back, &pool->lock);
    if (status == cudaErrorMemoryAllocation)
        say_full(bytes, err);
    else
        status_check(status, err);
    cudaGetLastError(); /* a failure is said once, and not again by the next launch */
    if (status != cudaSuccess)
        return -1;
    lane->bytes = bytes;
    pool->bytes += bytes;
    return 0;
}

int lane_reserve(struct lane_pool *pool, struct lane *lane, uint64_t bytes, struct error *err)
{
    if (bytes <= lane->bytes)
        return 0;
    pthread_mutex_lock(&pool->lock);
    int status = grow(pool, lane, bytes, err);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* The copy to pageable memory would wait for the stream itself, but not asleep. */
int lane_fetch(const struct lane *lane, void *to, const void *from, size_t bytes, struct error *err)
{
    cudaError_t status = cudaStreamSynchronize(lane->stream);
    if (status == cudaSuccess)
        status = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, lane->stream);
    if (status == cudaSuccess)
        status = cudaStreamSynchronize(lane->stream);
    return status_check(status, err);
}

int lane_solver(struct lane *lane, struct error *err)
{
    if (!lane->solver && status_check_solver(cusolverDnCreate(&lane->solver), err) != 0)
        return -1;
    if (!lane->parameters &&
        status_check_solver(cusolverDnCreateParams(&lane->parameters), err) != 0)
        return -1;
    return status_check_solver(cusolverDnSetStream(lane->solver, lane->stream), err);
}
