#include "gpu/lane.h"

int pool_open(struct lane_pool *pool, struct error *err)
{
    if (pthread_mutex_init(&pool->lock, NULL) != 0)
        return error_set(err, "no lock can be made");
    if (pthread_cond_init(&pool->given_back, NULL) == 0)
        return 0;
    pthread_mutex_destroy(&pool->lock);
    return error_set(err, "no lock can be made");
}

/* A lane as pool_open() left it. On a lost device the calls fail, and there is nothing to free. */
static void lane_close(struct lane *lane)
{
    if (lane->solver)
        cusolverDnDestroy(lane->solver);
    if (lane->parameters)
        cusolverDnDestroyParams(lane->parameters);
    if (lane->blas)
        cublasDestroy(lane->blas);
    if (lane->stream)
        cudaStreamDestroy(lane->stream);
    cudaFree(lane->memory);
    *lane = (struct lane){.open = false};
}

void pool_close(struct lane_pool *pool)
{
    for (int i = 0; i < LANES_MOST; i++)
        lane_close(&pool->lanes[i]);
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
}

static int lane_open(struct lane *lane, struct error *err)
{
    if (status_check(cudaStreamCreateWithFlags(&lane->stream, cudaStreamNonBlocking), err) == 0 &&
        status_check_blas(cublasCreate(&lane->blas), err) == 0 &&
        status_check_blas(cublasSetStream(lane->blas, lane->stream), err) == 0) {
        lane->open = true;
        return 0;
    }
    lane_close(lane);
    return -1;
}

/* The idle lane with the most memory; failing that one to be opened; NULL: all are taken. */
static struct lane *find_idle(struct lane_pool *pool)
{
    struct lane *found = NULL;
    for (struct lane *lane = pool->lanes; lane < pool->lanes + LANES_MOST; lane++) {
        bool better = !found || (lane->open && (!found->open || lane->bytes > found->bytes));
        if (!lane->taken && better)
            found = lane;
    }
    return found;
}

struct lane *lane_take(struct lane_pool *pool, struct error *err)
{
    struct lane *lane;
    pthread_mutex_lock(&pool->lock);
    while (!(lane = find_idle(pool)))
        pthread_cond_wait(&pool->given_back, &pool->lock);
    lane->taken = lane->open || lane_open(lane, err) == 0;
    if (!lane->taken)
        lane = NULL;
    pthread_mutex_unlock(&pool->lock);
    return lane;
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
    for (struct lane *lane = pool->lanes; lane < pool->lanes + LANES_MOST; lane++)
        if (!lane->taken)
            release(pool, lane);
}

static int say_full(uint64_t bytes, struct error *err)
{
    size_t free_bytes = 0, all;
    bool small = bytes < 1000000000;
    double unit = small ? 1e6 : 1e9;
    cudaMemGetInfo(&free_bytes, &all);
    return error_set_kind(err, ERROR_NO_ROOM, "needs %.1f %s of device memory, %.1f are free",
                          (double)bytes / unit, small ? "MB" : "GB", (double)free_bytes / unit);
}

/* The lane has none. Within the budget, or alone; cudaErrorMemoryAllocation: not now. */
static cudaError_t allocate(struct lane_pool *pool, struct lane *lane, uint64_t bytes)
{
    cudaError_t status = cudaErrorMemoryAllocation;
    if (pool->bytes + bytes <= lanes_budget)
        status = cudaMalloc((void **)&lane->memory, bytes);
    if (status != cudaErrorMemoryAllocation)
        return status;
    release_idle(pool);
    if (pool->bytes > 0 && pool->bytes + bytes > lanes_budget)
        return status;
    status = cudaMalloc((void **)&lane->memory, bytes);
    cudaGetLastError(); /* which would be the next launch's otherwise */
    return status;
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
        return say_full(bytes, err);
    if (status_check(status, err) != 0)
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

int lane_solver(struct lane *lane, struct error *err)
{
    if (!lane->solver && status_check_solver(cusolverDnCreate(&lane->solver), err) != 0)
        return -1;
    if (!lane->parameters &&
        status_check_solver(cusolverDnCreateParams(&lane->parameters), err) != 0)
        return -1;
    return status_check_solver(cusolverDnSetStream(lane->solver, lane->stream), err);
}
