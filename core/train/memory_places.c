/* A place in the arena for every planned buffer. */
#include "train/memory_parts.h"

#include <stdlib.h>

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
static void place_shared(struct memory_plan *plan, enum memory_category category,
                         struct planned_buffer **order, struct planned_buffer **meeting)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->buffers[i].category == category)
            order[count++] = &plan->buffers[i];
    qsort(order, count, sizeof *order, compare_placing);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = find_gap(order[i], order, i, meeting);
        uint64_t end = order[i]->offset + order[i]->bytes;
        plan->bytes[category] = end > plan->bytes[category] ? end : plan->bytes[category];
    }
}

/* Places a category whose buffers all last: one after another. */
static void place_lasting(struct memory_plan *plan, enum memory_category category)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->buffers[i].category == category) {
            plan->buffers[i].offset = plan->bytes[category];
            plan->bytes[category] += plan->buffers[i].bytes;
        }
}

int memory_place_all(struct memory_plan *plan, struct error *err)
{
    struct planned_buffer **order = array_alloc(2 * plan->count + 1, sizeof *order, err);
    if (!order)
        return -1;
    for (int category = 0; category < MEMORY_CATEGORIES; category++) {
        bool gradients = category == MEMORY_GRADIENTS && plan->updates_in_backward;
        if (gradients || category == MEMORY_ACTIVATIONS || category == MEMORY_WORKSPACE)
            place_shared(plan, category, order, order + plan->count);
        else
            place_lasting(plan, category);
        plan->region[category] = plan->total;
        plan->total += plan->bytes[category];
    }
    for (size_t i = 0; i < plan->count; i++)
        plan->buffers[i].offset += plan->region[plan->buffers[i].category];
    free(order);
    return plan->total < MEMORY_BYTES_MAX ? 0
                                          : error_set(err, "the run needs more memory than exists");
}
