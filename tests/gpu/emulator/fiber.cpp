#include "fiber.h"
#include "failure.h"

#include <cstdint>
#include <cstring>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

/* Not a multiple of a page: stacks' ends must not all fall on the same lines of the cache. The last
 * 16 KiB are for what abort() and its message need. */
static const size_t stack_bytes = 40 * 1024 + 5 * 64, stacks_a_slab = 64;
static const uint64_t canary = 0x5afe57ac5afe57acu;

struct pool {
    std::vector<struct fiber *> fibers;
    std::vector<char *> stacks, slabs;
    ~pool();
};

static thread_local struct pool pool;
static thread_local struct fiber *being_made;
static thread_local ucontext_t *maker;

pool::~pool()
{
    for (struct fiber *fiber : fibers)
        delete fiber;
    for (char *slab : slabs)
        munmap(slab, stack_bytes * stacks_a_slab);
}

/* A fiber's life: it notes where it is and goes back to its maker, then runs what it is given. A
 * body's last act is to switch away, so it returns when the fiber is wanted again. */
static void live()
{
    struct fiber *self = being_made;
    if (_setjmp(self->place) == 0)
        setcontext(maker);
    for (;;)
        self->body(self->argument);
}

static char *stack_new()
{
    if (pool.stacks.size() == pool.slabs.size() * stacks_a_slab) {
        void *slab = mmap(NULL, stack_bytes * stacks_a_slab, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (slab == MAP_FAILED)
            emulated_abort("no memory for the stacks of more threads");
        pool.slabs.push_back((char *)slab);
    }
    char *stack = pool.slabs.back() + pool.stacks.size() % stacks_a_slab * stack_bytes;
    pool.stacks.push_back(stack);
    std::memcpy(stack, &canary, sizeof canary);
    return stack;
}

static struct fiber *fiber_new()
{
    struct fiber *fiber = new struct fiber();
    ucontext_t start, here;
    getcontext(&start);
    start.uc_stack.ss_sp = stack_new();
    start.uc_stack.ss_size = stack_bytes;
    start.uc_link = NULL;
    makecontext(&start, live, 0);
    being_made = fiber;
    maker = &here;
    swapcontext(&here, &start);
    return fiber;
}

struct fiber *fiber_get(size_t index)
{
    while (pool.fibers.size() <= index)
        pool.fibers.push_back(fiber_new());
    return pool.fibers[index];
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    if (_setjmp(from->place) == 0)
        _longjmp(to->place, 1);
}

void fiber_check_stacks(size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (std::memcmp(pool.stacks[i], &canary, sizeof canary) != 0)
            emulated_abort("a kernel needs more than %zu bytes of stack", stack_bytes);
}
