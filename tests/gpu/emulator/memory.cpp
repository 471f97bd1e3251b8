#include "memory.h"
#include "calls.h"
#include "failure.h"
#include "faults.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

/* What surrounds an allocation, and what it holds until the end; also the alignment's multiple. */
static const size_t fence_bytes = 4096, alignment = 256;
static const int fence = 0xa5, not_a_number = 0xff;

static const int64_t bytes_of_a_device = (int64_t)4 << 30;

struct allocation {
    size_t bytes;
    int device; /* -1: pinned host memory */
};

/* By address. Never destroyed: threads may still make calls while the process ends. */
static std::map<uintptr_t, struct allocation> &table = *new std::map<uintptr_t, struct allocation>;
static std::mutex &guard = *new std::mutex;

/* The allocation that an address lies in, or NULL. Under guard. */
static const struct allocation *find(uintptr_t address, uintptr_t *begin)
{
    auto behind = table.upper_bound(address);
    if (behind == table.begin())
        return NULL;
    --behind;
    *begin = behind->first;
    /* An empty rest at the very end still belongs to it. */
    return address - behind->first <= behind->second.bytes ? &behind->second : NULL;
}

static size_t used(int device)
{
    size_t sum = 0;
    for (const auto &entry : table)
        if (entry.second.device == device)
            sum += entry.second.bytes;
    return sum;
}

size_t memory_used(int device)
{
    std::lock_guard<std::mutex> lock(guard);
    return used(device);
}

static void *take(int device, size_t bytes)
{
    size_t room = (bytes + alignment - 1) / alignment * alignment + 2 * fence_bytes;
    char *memory = (char *)std::aligned_alloc(alignment, room);
    if (!memory)
        return NULL;
    std::memset(memory, fence, room);
    std::memset(memory + fence_bytes, not_a_number, bytes);
    table[(uintptr_t)(memory + fence_bytes)] = {bytes, device};
    emulated_count(device < 0 ? "pinned allocations" : "device allocations", 1);
    return memory + fence_bytes;
}

void *memory_take(int device, size_t bytes)
{
    size_t all = (size_t)setting("EMULATED_CUDA_MEMORY", bytes_of_a_device);
    std::lock_guard<std::mutex> lock(guard);
    size_t in_use = used(device);
    if (in_use > all || bytes > all - in_use)
        return NULL;
    return take(device, bytes);
}

void *memory_take_pinned(size_t bytes)
{
    std::lock_guard<std::mutex> lock(guard);
    return take(-1, bytes);
}

static void check_fences(const char *memory, size_t bytes)
{
    for (size_t i = 0; i < fence_bytes; i++)
        if ((unsigned char)memory[bytes + i] != fence ||
            (unsigned char)memory[-1 - (ptrdiff_t)i] != fence)
            emulated_abort("something was written %s an allocation of %zu bytes",
                           (unsigned char)memory[bytes + i] != fence ? "behind" : "before", bytes);
}

static bool give_back(void *pointer, bool pinned)
{
    std::lock_guard<std::mutex> lock(guard);
    auto entry = table.find((uintptr_t)pointer);
    if (entry == table.end() || (entry->second.device < 0) != pinned)
        return false;
    char *memory = (char *)pointer;
    check_fences(memory, entry->second.bytes);
    std::memset(memory, not_a_number, entry->second.bytes);
    table.erase(entry);
    std::free(memory - fence_bytes);
    emulated_count(pinned ? "pinned allocations" : "device allocations", -1);
    return true;
}

bool memory_give_back(void *pointer)
{
    return give_back(pointer, false);
}

bool memory_give_back_pinned(void *pointer)
{
    return give_back(pointer, true);
}

void memory_check(int device, const void *from, size_t bytes, const char *who)
{
    std::lock_guard<std::mutex> lock(guard);
    uintptr_t begin = 0, address = (uintptr_t)from;
    if (bytes == 0)
        return;
    const struct allocation *found = find(address, &begin);
    if (!found || found->device < 0)
        emulated_abort("%s: %p is not in any device's memory", who, from);
    if (found->device != device)
        emulated_abort("%s: %p is in the memory of device %d, not %d", who, from, found->device,
                       device);
    if (bytes > found->bytes - (address - begin))
        emulated_abort("%s: %zu bytes at %p leave an allocation of %zu, of which %zu lie before",
                       who, bytes, from, found->bytes, (size_t)(address - begin));
}

void memory_check_matrix(int device, const void *from, int64_t rows, int64_t cols, int64_t ld,
                         const char *who)
{
    if (rows > 0 && cols > 0)
        memory_check(device, from, (size_t)((cols - 1) * ld + rows) * sizeof(double), who);
}

void memory_check_host(const void *from, size_t bytes, const char *who)
{
    std::lock_guard<std::mutex> lock(guard);
    uintptr_t address = (uintptr_t)from;
    auto behind = table.lower_bound(address + bytes);
    while (behind != table.begin()) {
        --behind;
        if (behind->first + behind->second.bytes <= address)
            return;
        if (behind->second.device >= 0)
            emulated_abort("%s: %p is device memory, where the host's is wanted", who, from);
    }
}

void memory_check_visible(const void *pointer, const char *who)
{
    std::lock_guard<std::mutex> lock(guard);
    uintptr_t begin;
    if (!find((uintptr_t)pointer, &begin))
        emulated_abort("%s: the argument %p is not in any memory of a device", who, pointer);
}
