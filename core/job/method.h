/* The methods of `spectrum train`: what each does with the tensors of a model. */
#ifndef SPECTRUM_JOB_METHOD_H
#define SPECTRUM_JOB_METHOD_H

#include "plan/plan.h"

enum training_method {
    METHOD_FULL,          /* everything trains */
    METHOD_SPECTRUM,      /* what the plan says trains */
    METHOD_LORA,          /* adapters beside every linear layer of the blocks */
    METHOD_QLORA,         /* the same, the frozen layers in 4 bits (arXiv 2305.14314) */
    METHOD_SPECTRUM_LORA, /* adapters beside the plan's linear layers; what else is in it trains */
    METHOD_SPECTRUM_QLORA,
    METHOD_COUNT
};

struct method_info {
    const char *name; /* "spectrum+lora", as --method has it */
    bool plan;        /* needs one */
    bool adapters;
    bool quantized; /* what is frozen is kept in 4 bits unless asked otherwise */
};
const struct method_info *method_info(enum training_method method);

/* METHOD_COUNT where there is none of that name. */
enum training_method method_by_name(const char *name);

/* "full, spectrum, ..." for messages and help. */
#define METHOD_NAMES "full, spectrum, lora, qlora, spectrum+lora, spectrum+qlora"

/* True for the seven linear weights of a block. */
bool module_is_linear(const struct module *module);

/* Fills both lists, [module_count] of the model: what trains, and what has an adapter. `plan` may
 * be NULL where the method needs none. */
void method_choose(enum training_method method, const struct model *model, const struct plan *plan,
                   bool *trained, bool *adapted);

#endif
