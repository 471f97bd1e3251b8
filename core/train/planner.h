/* Places in one arena for buffers that live from one tick to another: buffers of a category whose
 * lifetimes do not meet share bytes. What the buffers are is memory_plan.c's; this knows sizes and
 * times alone.
 *
 *     struct planner planner = {.err = err};
 *     int index = planner_add(&planner, ...);   once a buffer; -1 and `failed` where it cannot be
 *     planner_place(&planner);                  offsets, and the sums
 *     free(planner.buffers);                    or they are handed on
 */
#ifndef SPECTRUM_TRAIN_PLANNER_H
#define SPECTRUM_TRAIN_PLANNER_H

#include "base/memory.h"

enum { MEMORY_ALIGNMENT = 64 };

struct planned_buffer {
    enum memory_category category;
    int first, last; /* ticks, both included */
    uint64_t bytes;
    uint64_t offset; /* in the arena; a multiple of 64 */
};

struct planner {
    struct planned_buffer *buffers;
    size_t count, capacity;
    uint64_t bytes[MEMORY_CATEGORIES];  /* of each category's region */
    uint64_t region[MEMORY_CATEGORIES]; /* where it begins */
    uint64_t total;
    bool gradients_share; /* those that do not live at once; else each lasts */
    struct error *err;
    bool failed;
};

/* Lists a buffer of count x size bytes; its index, or -1 where the planner failed. */
int planner_add(struct planner *planner, enum memory_category category, int first, int last,
                uint64_t count, uint64_t size);

/* Gives every buffer its offset, and the planner its sums. */
int planner_place(struct planner *planner);

#endif
