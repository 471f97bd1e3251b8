/* The tensors of a run: the model's modules, and the adapters beside them.
 *
 * All are numbered in one row: modules by their index in the model, after them the A of each
 * module, then the B of each; most modules have neither. Adapters go by PEFT's names
 * ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"), modules by their own.
 */
#ifndef SPECTRUM_TRAIN_TENSORS_H
#define SPECTRUM_TRAIN_TENSORS_H

#include "model/model.h"

enum tensor_part { PART_PARAMETER, PART_A, PART_B, TENSOR_PARTS };

struct run_tensor {
    const struct parameter *parameter;
    enum tensor_part part;
    int64_t rows, cols, numel;
};

/* How many numbers there are: TENSOR_PARTS for each module. */
size_t run_tensor_count(const struct model *model);
size_t run_tensor_index(const struct model *model, const struct parameter *parameter,
                        enum tensor_part part);
/* `rank` is the adapters'. */
struct run_tensor run_tensor(const struct model *model, int64_t rank, size_t index);

/* Newly allocated. */
char *run_tensor_name(const struct run_tensor *tensor, struct error *err);

/* The number of a tensor by that name; run_tensor_count() where there is none. */
size_t run_tensor_find(const struct model *model, const char *name);

#endif
