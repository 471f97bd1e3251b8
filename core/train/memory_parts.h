/* The parts of memory planning, shared by memory_*.c. Internal to core/train. */
#ifndef SPECTRUM_TRAIN_MEMORY_PARTS_H
#define SPECTRUM_TRAIN_MEMORY_PARTS_H

#include "base/memory.h"
#include "train/memory_plan.h"

enum { MEMORY_ALIGNMENT = 64 };
#define MEMORY_BYTES_MAX ((uint64_t)1 << 62)

/* Ticks: the embedding is 0; block l takes PHASES forwards; then final norm, head, and the norm's
 * gradient; then for each block, from the last to the first, again PHASES for computing it anew and
 * BACKS backwards. */
enum { PHASE_NORM1, PHASE_QKV, PHASE_ATTENTION, PHASE_MIDDLE, PHASE_MLP, PHASE_DOWN, PHASES };
enum {
    BACK_DOWN,
    BACK_GATE,
    BACK_UP,
    BACK_POST_NORM,
    BACK_O,
    BACK_SCORES,
    BACK_Q,
    BACK_K,
    BACK_V,
    BACK_INPUT_NORM,
    BACKS
};

/* A plan in the making. */
struct planner {
    const struct memory_request *request;
    const struct model_config *config;
    struct memory_plan *plan;
    struct error *err;
    int layers;
    bool failed;
};

static inline int tick_forward(int layer, int phase)
{
    return 1 + PHASES * layer + phase;
}

static inline int tick_final_norm(const struct planner *planner)
{
    return 1 + PHASES * planner->layers;
}

static inline int tick_head(const struct planner *planner)
{
    return tick_final_norm(planner) + 1;
}

static inline int tick_again(const struct planner *planner, int layer, int phase)
{
    return tick_head(planner) + 2 + (PHASES + BACKS) * (planner->layers - 1 - layer) + phase;
}

static inline int tick_backward(const struct planner *planner, int layer, int back)
{
    return tick_again(planner, layer, PHASES) + back;
}

static inline int tick_end(const struct planner *planner)
{
    return tick_backward(planner, 0, BACKS);
}

/* memory_plan.c: lists a buffer of count x size bytes; its index, or -1 where the plan failed. */
int planner_add(struct planner *planner, enum memory_category category, int first, int last,
                uint64_t count, uint64_t size);

/* memory_blocks.c: the buffers of one block. */
void planner_add_block(struct planner *planner, int layer);

/* memory_needs.c */
bool request_trains(const struct memory_request *request, const struct module *module);
bool request_adapts(const struct memory_request *request, const struct module *module);
/* How a tensor's values are stored. */
enum storage request_storage(const struct memory_request *request, const struct run_tensor *tensor);
/* Does a linear weight, or the adapter beside it, train? Then its input is kept. */
bool request_learns(const struct memory_request *request, enum module_role role, int layer);
void memory_find_needs(struct backward_needs *needs, const struct memory_request *request);

/* memory_places.c: gives every buffer its offset, and the plan its sums. */
int memory_place_all(struct memory_plan *plan, struct error *err);

#endif
