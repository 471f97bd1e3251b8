/* The weights of a run in one arena: a model's tensors, adapters beside them, and what training
 * keeps of each, where the memory plan puts them; the rotary table beside them. No computation.
 *
 *     network_init(&network, backend, &request, options, err)   plans, allocates, reads
 *     network_values(&network, number, TENSOR_WEIGHT)           a tensor, for an operation
 *     network_free(&network)
 *
 * Backend and model must outlive it.
 */
#ifndef SPECTRUM_TRAIN_NETWORK_H
#define SPECTRUM_TRAIN_NETWORK_H

#include "base/work.h"
#include "compute/backend.h"
#include "model/model.h"
#include "train/memory_plan.h"

struct network {
    struct backend *backend;
    const struct model *model;
    const struct model_config *config;
    struct recipe recipe;
    enum storage storage;          /* of weights and activations */
    int64_t tokens, max_positions; /* the most that a batch may have */
    struct memory_plan *plan;
    struct device_buffer *arena;
};

/* `plan` is taken, also after an error: what memory_plan_make() made of the request. With
 * layout_only no memory is taken for the arena and no weight is read: what lies in it can be asked,
 * and nothing can be run. `seed`: of new adapters, A uniform in +-1/sqrt(K), as PEFT's; B zero.
 * `work` (may be NULL) is told of the tensors that are read. */
int network_init(struct network *network, struct backend *backend,
                 const struct memory_request *request, struct memory_plan *plan, uint64_t seed,
                 bool layout_only, const struct work_watch *work, struct error *err);
void network_free(struct network *network);

/* Loss and gradients to zero: the start of an accumulation window. */
void network_clear(struct network *network);

/* What of each category's region of the arena is in memory now, in bytes; false: not known. Takes
 * some nanoseconds a page. */
bool network_resident(const struct network *network, uint64_t out[MEMORY_CATEGORIES]);

/* Where the plan put a buffer, by its index there; nowhere for -1. */
struct place network_planned_place(const struct network *network, int buffer);

/* A tensor's buffer, by its number (recipe.h); `buffer` is NULL where it has none. */
struct place network_place(const struct network *network, size_t tensor, enum tensor_slot slot);
/* How its values are stored: as the activations are, or quantised. */
enum storage network_storage(const struct network *network, size_t tensor);
/* The same as operations take it: type, shape and scales; data is not there where it has none. */
struct tensor network_values(const struct network *network, size_t number, enum tensor_slot slot);
struct run_tensor network_tensor(const struct network *network, size_t tensor);
struct place network_run_place(const struct network *network, enum run_slot slot);
/* Workspaces: bytes. */
struct tensor network_workspace(const struct network *network, enum run_slot slot);

/* Host values to and from a weight's storage. */
int network_write_weight(struct network *network, size_t tensor, const float *values,
                         struct error *err);

/* The table of the rotary embedding (op.h): cosines, then sines, [positions, head_dim];
 * frequencies as transformers computes them, in fp32, with the configuration's scaling. */
void rope_fill(float *table, const struct model_config *config, int64_t positions);

#endif
