/* Places of buffers in one arena, category by category, by their lives alone. A category whose
 * buffers may share memory is laid out greedily: largest first, each in the first gap between those
 * that live together with it (compare Pisarchyk and Lee, arXiv 2001.03288). That is not always the
 * least memory, but the same on every machine. */
#include "train/planner.h"

#include <stdbool.h>
#include <stdlib.h>

#define MEMORY_BYTES_MAX ((uint64_t)1 << 62)

/* Each size is rounded up to the alignment, so that every sum of sizes is aligned, too. The first
 * error is kept, and all calls after it do nothing: the caller looks once, at the end. */
int planner_add(struct planner *planner, enum memory_category category, int first, int last,
                uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (planner->failed)
        return -1;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > MEMORY_BYTES_MAX) {
        planner->failed = true;
        return error_set(planner->err,
                         "a buffer of %llu x %llu bytes is too large to plan: check "
                         "the sequence length and the batch size",
                         (unsigned long long)count, (unsigned long long)size);
    }
    if (array_reserve((void **)&planner->buffers, &planner->capacity, planner->count + 1,
                      sizeof *planner->buffers, planner->err) != 0) {
        planner->failed = true;
        return -1;
    }
    bytes = (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    planner->buffers[planner->count] = (struct planned_buffer){category, first, last, bytes, 0};
    return (int)planner->count++;
}

static bool lives_together(const struct planned_buffer *a, const struct planned_buffer *b)
{
    return a->category == b->category && a->first <= b->last && b->first <= a->last;
}

/* Largest first; equal sizes in the order of their making, so that the layout is reproducible. */
static int compare_placing(const void *a, const void *b)
{
    const struct planned_buffer *x = *(struct planned_buffer *const *)a;
    const struct planned_buffer *y = *(struct planned_buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int compare_offset(const void *a, const void *b)
{
    const struct planned_buffer *x = *(struct planned_buffer *const *)a;
    const struct planned_buffer *y = *(struct planned_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap that fits between the placed buffers which live at the same time. */
static uint64_t find_gap(const struct planned_buffer *buffer, struct planned_buffer *const *placed,
                         size_t count, struct planned_buffer **meeting)
{
    size_t met = 0;
    for (size_t i = 0; i < count; i++)
        if (lives_together(buffer, placed[i]))
            meeting[met++] = placed[i];
    qsort(meeting, met, sizeof *meeting, compare_offset);
    uint64_t offset = 0;
    for (size_t i = 0; i < met; i++) {
        if (meeting[i]->offset >= offset + buffer->bytes)
            break;
        uint64_t end = meeting[i]->offset + meeting[i]->bytes;
        offset = end > offset ? end : offset;
    }
    return offset;
}

/* Places a category whose buffers come and go: first fit, largest first. */
static void place_shared(struct planner *planner, enum memory_category category,
                         struct planned_buffer **order, struct planned_buffer **meeting)
{
    size_t count = 0;
    for (size_t i = 0; i < planner->count; i++)
        if (planner->buffers[i].category == category)
            order[count++] = &planner->buffers[i];
    qsort(order, count, sizeof *order, compare_placing);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = find_gap(order[i], order, i, meeting);
        uint64_t end = order[i]->offset + order[i]->bytes;
        planner->bytes[category] = end > planner->bytes[category] ? end : planner->bytes[category];
    }
}

/* Places a category whose buffers all last: one after another. */
static void place_lasting(struct planner *planner, enum memory_category category)
{
    for (size_t i = 0; i < planner->count; i++)
        if (planner->buffers[i].category == category) {
            planner->buffers[i].offset = planner->bytes[category];
            planner->bytes[category] += planner->buffers[i].bytes;
        }
}

/* Offsets within a category first; then the categories one after another in the arena. */
int planner_place(struct planner *planner)
{
    struct planned_buffer **order =
        array_alloc(2 * planner->count + 1, sizeof *order, planner->err);
    if (!order)
        return -1;
    for (int category = 0; category < MEMORY_CATEGORIES; category++) {
        bool gradients = category == MEMORY_GRADIENTS && planner->gradients_share;
        if (gradients || category == MEMORY_ACTIVATIONS || category == MEMORY_WORKSPACE)
            place_shared(planner, category, order, order + planner->count);
        else
            place_lasting(planner, category);
        planner->region[category] = planner->total;
        planner->total += planner->bytes[category];
    }
    for (size_t i = 0; i < planner->count; i++)
        planner->buffers[i].offset += planner->region[planner->buffers[i].category];
    free(order);
    return planner->total < MEMORY_BYTES_MAX
               ? 0

               : error_set(planner->err, "the run needs more memory than exists");
}
