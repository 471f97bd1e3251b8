/* The parts of memory planning, shared by memory_*.c. Internal to core/train. */
#ifndef SPECTRUM_TRAIN_MEMORY_PARTS_H
#define SPECTRUM_TRAIN_MEMORY_PARTS_H

#include "train/memory_plan.h"

enum { MEMORY_ALIGNMENT = 64 };
#define MEMORY_BYTES_MAX ((uint64_t)1 << 62)

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
