/* The threads of a launch: each is a fiber of the host thread that carries the launch out. Blocks
 * start in order, some at a time (EMULATED_CUDA_RESIDENT), and a block's place goes to the next one
 * when all of its threads have returned.
 *
 * A thread runs until it must wait, then another goes on: of its warp, else of its block, else of
 * the next block. One that sleeps lets the next block go on, since that is whom it waits for. All
 * of this is in turns, so that every thread gets on; EMULATED_CUDA_SEED has chance choose instead.
 */
#include "calls.h"
#include "emulator.h"
#include "failure.h"
#include "faults.h"
#include "fiber.h"
#include "memory.h"
#include "stream.h"

#include <vector>

static const unsigned warp_size = 32, threads_most = 1024, shared_most = 48 * 1024;

/* So many naps in a row with nothing else done by any thread are a wait for nothing. */
static const int64_t naps_most = 4000000;

struct thread {
    struct emulated_place place; /* first: emulated_here is where the running thread is found */
    struct fiber *fiber;
    struct block *block;
    unsigned warp, lane;
    const char *waits_at;  /* the word, for messages and to compare within a warp */
    unsigned mask;         /* the lanes it wants to meet */
    int source;            /* the lane whose bits it wants */
    uint64_t bits, result; /* what it gives and gets in a shuffle */
};

/* The words at which lanes meet. */
static const char at_syncwarp[] = "__syncwarp", at_shuffle[] = "a shuffle";

/* Sets of lanes and of warps are bits. */
struct warp {
    unsigned all, runnable, arrived, turn;
};

struct block {
    struct launch *launch;
    std::vector<struct thread> threads;
    std::vector<struct warp> warps;
    unsigned runnable; /* warps with a runnable lane */
    unsigned turn, at_barrier, returned;
    std::vector<char> shared;
    std::vector<std::pair<const void *, size_t>> keys; /* and where their memory begins */
    size_t shared_used;
};

struct launch {
    const char *name;
    dim3 grid, size;
    const std::function<void()> *body;
    uint64_t next, count; /* blocks: the next one to start, all of them */
    std::vector<struct block> resident;
    unsigned running;    /* resident blocks that have not returned */
    size_t turn;         /* the resident block that runs */
    int64_t naps;        /* since anything else was done */
    uint64_t chance;     /* the generator's state; 0: threads go on in turns */
    struct fiber caller; /* who launched it */
};

__thread const struct emulated_place *emulated_here;

static struct thread *self()
{
    return (struct thread *)emulated_here;
}

static uint64_t volume(dim3 size)
{
    return (uint64_t)size.x * size.y * size.z;
}

static dim3 nth(uint64_t index, dim3 size)
{
    return dim3((unsigned)(index % size.x), (unsigned)(index / size.x % size.y),
                (unsigned)(index / size.x / size.y));
}

/* xorshift64* (Vigna 2016). */
static unsigned chance_of(struct launch *launch, unsigned count)
{
    uint64_t &state = launch->chance;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * 0x2545f4914f6cdd1du) >> 33) % count;
}

/* --- who goes on --- */

/* The first member of a set at or behind `from`, around its end. */
static unsigned member(unsigned set, unsigned from)
{
    from %= warp_size;
    unsigned behind = set >> from << from;
    return (unsigned)__builtin_ctz(behind ? behind : set);
}

static struct thread *turn_in_block(struct block *block, unsigned warp, unsigned lane)
{
    block->turn = member(block->runnable, warp);
    struct warp *w = &block->warps[block->turn];
    w->turn = member(w->runnable, lane == warp_size ? w->turn + 1 : lane);
    return &block->threads[block->turn * warp_size + w->turn];
}

/* The first resident block at or behind `from` that can go on; NULL: none can. */
static struct block *turn_of_block(struct launch *launch, size_t from)
{
    for (size_t i = 0; i < launch->resident.size(); i++) {
        size_t at = (from + i) % launch->resident.size();
        if (launch->resident[at].runnable) {
            launch->turn = at;
            return &launch->resident[at];
        }
    }
    return NULL;
}

[[noreturn]] static void abort_at_deadlock(const struct launch *launch)
{
    for (const struct block &block : launch->resident)
        for (const struct thread &thread : block.threads)
            if (thread.waits_at)
                emulated_abort("%s: deadlock: no thread can go on; block %u,%u, thread %u,%u waits "
                               "at %s (lanes %08x), %u of its block's %zu have returned",
                               launch->name, thread.place.block.x, thread.place.block.y,
                               thread.place.thread.x, thread.place.thread.y, thread.waits_at,
                               thread.mask, block.returned, block.threads.size());
    emulated_abort("%s: deadlock", launch->name);
}

/* Whoever is next; napping: not of this block, if another can go on. */
static struct thread *next_thread(struct launch *launch, bool napping)
{
    if (launch->chance) {
        size_t from = chance_of(launch, 4) == 0 || napping
                          ? chance_of(launch, (unsigned)launch->resident.size())
                          : launch->turn;
        struct block *block = turn_of_block(launch, from);
        if (!block)
            abort_at_deadlock(launch);
        unsigned warp = chance_of(launch, 4) == 0 ? chance_of(launch, warp_size) : block->turn;
        return turn_in_block(block, warp, chance_of(launch, warp_size));
    }
    size_t last = launch->turn;
    struct block *block = turn_of_block(launch, last + napping);
    if (!block)
        abort_at_deadlock(launch);
    return turn_in_block(block, block->turn + (napping ? 1 : 0), warp_size);
}

static void go_on(struct thread *from, bool napping)
{
    struct thread *to = next_thread(from->block->launch, napping);
    if (to == from)
        return;
    emulated_here = &to->place;
    fiber_switch(from->fiber, to->fiber);
}

static void set_runnable(struct block *block, unsigned warp, unsigned lanes)
{
    block->warps[warp].runnable = lanes;
    block->runnable = lanes ? block->runnable | 1u << warp : block->runnable & ~(1u << warp);
}

static void stop_running(struct thread *thread)
{
    unsigned lanes = thread->block->warps[thread->warp].runnable & ~(1u << thread->lane);
    set_runnable(thread->block, thread->warp, lanes);
}

/* --- blocks --- */

static void block_start(struct block *block)
{
    struct launch *launch = block->launch;
    dim3 index = nth(launch->next++, launch->grid);
    block->turn = block->at_barrier = block->returned = 0;
    block->shared_used = 0;
    block->keys.clear();
    for (unsigned w = 0; w < block->warps.size(); w++) {
        block->warps[w].arrived = 0;
        block->warps[w].turn = warp_size - 1; /* lane 0 is next */
        set_runnable(block, w, block->warps[w].all);
    }
    for (struct thread &thread : block->threads) {
        thread.place.block = index;
        thread.waits_at = NULL;
    }
    launch->naps = 0;
}

/* A thread's whole life: the kernel, then somebody else, who may be this fiber's next thread. */
static void thread_run(void *argument)
{
    struct thread *thread = (struct thread *)argument;
    struct block *block = thread->block;
    struct launch *launch = block->launch;
    (*launch->body)();
    launch->naps = 0;
    stop_running(thread);
    if (++block->returned == block->threads.size()) {
        if (launch->next < launch->count)
            block_start(block);
        else
            launch->running--;
    }
    /* Either comes back when the fiber is another thread, and this one's launch may be gone. */
    if (launch->running > 0)
        go_on(thread, false);
    else
        fiber_switch(thread->fiber, &launch->caller);
}

static void block_prepare(struct block *block, struct launch *launch, size_t number)
{
    size_t count = volume(launch->size);
    block->launch = launch;
    block->runnable = 0;
    block->threads.resize(count);
    block->warps.assign((count + warp_size - 1) / warp_size, warp());
    block->shared.resize(shared_most);
    for (size_t i = 0; i < count; i++) {
        struct thread *thread = &block->threads[i];
        thread->place = {nth(i, launch->size), dim3(), launch->size, launch->grid};
        thread->block = block;
        thread->warp = (unsigned)i / warp_size;
        thread->lane = (unsigned)i % warp_size;
        thread->fiber = fiber_get(number * count + i);
        thread->fiber->body = thread_run;
        thread->fiber->argument = thread;
        block->warps[thread->warp].all |= 1u << thread->lane;
    }
}

static void launch_run(struct launch *launch)
{
    static __thread uint64_t launches;
    uint64_t seed = (uint64_t)setting("EMULATED_CUDA_SEED", 0);
    launch->chance = seed ? (seed * 0x9e3779b97f4a7c15u ^ ++launches * 0xbf58476d1ce4e5b9u) | 1 : 0;
    int64_t resident = setting("EMULATED_CUDA_RESIDENT", 4);
    if (resident < 1 || (uint64_t)resident > launch->count)
        resident = resident < 1 ? 1 : (int64_t)launch->count;
    launch->resident.resize((size_t)resident);
    launch->running = (unsigned)resident;
    for (size_t i = 0; i < launch->resident.size(); i++) {
        block_prepare(&launch->resident[i], launch, i);
        block_start(&launch->resident[i]);
    }
    struct thread *first = next_thread(launch, false);
    emulated_here = &first->place;
    fiber_switch(&launch->caller, first->fiber);
    emulated_here = NULL;
    fiber_check_stacks(launch->resident.size() * volume(launch->size));
}

cudaError_t emulated_launch(const char *name, dim3 blocks, dim3 threads, cudaStream_t stream,
                            std::function<void()> check, std::function<void()> body)
{
    bool fits = volume(blocks) > 0 && volume(threads) > 0 && volume(threads) <= threads_most &&
                blocks.x <= INT32_MAX && blocks.y <= UINT16_MAX && blocks.z <= UINT16_MAX;
    if (!fits)
        return emulated_fail(cudaErrorInvalidConfiguration);
    if (stream_device(stream) != emulated_device())
        return emulated_fail(cudaErrorInvalidResourceHandle);
    check();
    return stream_put(stream, [=] {
        check();
        struct launch launch = {};
        launch.name = name;
        launch.grid = blocks;
        launch.size = threads;
        launch.body = &body;
        launch.count = volume(blocks);
        launch_run(&launch);
    });
}

void emulated_check_argument(const char *kernel, const void *pointer)
{
    if (pointer)
        memory_check_visible(pointer, kernel);
}

/* --- words --- */

void *emulated_shared(const void *key, size_t bytes)
{
    struct block *block = self()->block;
    for (const auto &known : block->keys)
        if (known.first == key)
            return block->shared.data() + known.second;
    size_t at = (block->shared_used + 15) / 16 * 16;
    if (at + bytes > shared_most)
        emulated_abort("%s: a block shares more than %u bytes", block->launch->name, shared_most);
    block->shared_used = at + bytes;
    block->keys.push_back({key, at});
    std::memset(block->shared.data() + at, 0xff, bytes);
    return block->shared.data() + at;
}

int emulated_lane()
{
    return (int)self()->lane;
}

void emulated_interrupt()
{
    struct launch *launch = self()->block->launch;
    if (launch->chance && chance_of(launch, 8) == 0)
        go_on(self(), true);
}

void __threadfence()
{
    emulated_interrupt();
}

void __nanosleep(unsigned)
{
    struct launch *launch = self()->block->launch;
    if (++launch->naps > naps_most)
        emulated_abort("%s: every thread that could go on sleeps for ever (block %u, thread %u)",
                       launch->name, blockIdx.x, threadIdx.x);
    go_on(self(), true);
}

void __syncthreads()
{
    struct thread *own = self();
    struct block *block = own->block;
    own->waits_at = "__syncthreads";
    own->mask = 0;
    stop_running(own);
    if (++block->at_barrier == block->threads.size()) {
        block->at_barrier = 0;
        block->launch->naps = 0;
        for (unsigned w = 0; w < block->warps.size(); w++)
            set_runnable(block, w, block->warps[w].all);
    }
    if (block->at_barrier || block->launch->chance)
        go_on(own, false);
    own->waits_at = NULL;
}

/* All lanes that this one wants have come: they must want the same. Each gets its bits. */
static void meet(struct thread *own)
{
    struct block *block = own->block;
    struct thread *lanes = &block->threads[own->warp * warp_size];
    for (unsigned set = own->mask; set; set &= set - 1) {
        struct thread *other = &lanes[__builtin_ctz(set)];
        if (other->mask != own->mask || other->waits_at != own->waits_at)
            emulated_abort("%s: block %u, warp %u: lane %u is at %s of lanes %08x, lane %u at %s "
                           "of %08x",
                           block->launch->name, blockIdx.x, own->warp, own->lane, own->waits_at,
                           own->mask, other->lane, other->waits_at, other->mask);
        if (other->source >= 0 && !(own->mask >> other->source & 1))
            emulated_abort("%s: a shuffle reads lane %d, which is not among %08x",
                           block->launch->name, other->source, own->mask);
        other->result = other->source >= 0 ? lanes[other->source].bits : 0;
    }
    block->warps[own->warp].arrived &= ~own->mask;
    set_runnable(block, own->warp, block->warps[own->warp].runnable | own->mask);
    block->launch->naps = 0;
}

static void wait_for_lanes(struct thread *own, unsigned mask, const char *word)
{
    struct warp *warp = &own->block->warps[own->warp];
    if (!(mask >> own->lane & 1))
        emulated_abort("%s: lane %u is at %s of other lanes, %08x", own->block->launch->name,
                       own->lane, word, mask);
    own->waits_at = word;
    own->mask = mask & warp->all;
    warp->arrived |= 1u << own->lane;
    bool last = (warp->arrived & own->mask) == own->mask;
    if (last)
        meet(own);
    else
        stop_running(own);
    if (!last || own->block->launch->chance)
        go_on(own, false);
    own->waits_at = NULL;
}

void __syncwarp(unsigned mask)
{
    self()->source = -1;
    wait_for_lanes(self(), mask, at_syncwarp);
}

uint64_t emulated_shuffle(unsigned mask, uint64_t bits, int source)
{
    struct thread *own = self();
    own->bits = bits;
    own->source = source;
    wait_for_lanes(own, mask, at_shuffle);
    return own->result;
}
