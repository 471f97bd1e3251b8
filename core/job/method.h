/* What a run does with each tensor of its model: its method, and the factors of the learning rate.
 *
 * A method of `spectrum train` is a row of a const table; method_choose() turns it, with a plan
 * where the method has one, into lists over the model's parameters, which the trainer's recipe
 * points to (train/recipe.h).
 *
 *                      a linear weight of a block      any other parameter
 *     full             trains                          trains
 *     spectrum         trains if the plan names it     trains if the plan names it
 *     lora, qlora      has an adapter                  is frozen
 *     spectrum+lora    has an adapter if it is named   trains if it is named; a bias is frozen
 *
 * qlora and spectrum+qlora are the same with frozen linear weights in 4 bits. */
#ifndef SPECTRUM_JOB_METHOD_H
#define SPECTRUM_JOB_METHOD_H

#include "base/option.h"
#include "base/regex.h"
#include "plan/plan.h"

enum training_method {
    METHOD_SPECTRUM,      /* what the plan says trains */
    METHOD_FULL,          /* everything trains */
    METHOD_LORA,          /* adapters beside every linear layer of the blocks */
    METHOD_QLORA,         /* the same, the frozen layers in 4 bits (arXiv 2305.14314) */
    METHOD_SPECTRUM_LORA, /* adapters beside the plan's linear layers; what else is in it trains */
    METHOD_SPECTRUM_QLORA,
    METHOD_COUNT
};

struct method_info {
    bool plan; /* needs one */
    bool adapters;
    bool quantized; /* what is frozen is kept in 4 bits unless asked otherwise */
};
const struct method_info *method_info(enum training_method method);

/* METHOD_COUNT where there is none of that name. */
enum training_method method_by_name(const char *name);

/* "spectrum+lora", as --method has them, by the enum; a NULL ends them. */
extern const char *const method_names[METHOD_COUNT + 1];

/* True for the seven linear weights of a block. */
bool parameter_is_linear(const struct parameter *parameter);

/* What the method does with each parameter of the model, [parameter_count]. */
struct method_choice {
    bool *trained, *adapted;
    bool *frozen; /* linear weights of the blocks that do not train: those that may be quantised */
};
/* `plan` may be NULL where the method needs none. The lists are allocated together, and freed by
 * method_choice_free(), also after an error. */
int method_choose(struct method_choice *out, enum training_method method, const struct model *model,
                  const struct plan *plan, struct error *err);
void method_choice_free(struct method_choice *choice);

/* --- learning-rate factors ---
 *
 * --lr-factor "REGEX=X": the learning rate of the tensors whose names the pattern finds, times X.
 * Several factors of one tensor are multiplied. The pattern is searched in the names of a run's
 * tensors (train/recipe.h), those of adapters among them. */

struct lr_factor {
    struct regex *regex; /* regex_free() it */
    double value;        /* above 0 */
};

/* ERROR_USAGE says what it takes. The number stands after the last '=': patterns may have
 * others. */
int lr_factor_open(struct lr_factor *out, const char *text, struct error *err);

/* *out: [run_tensor_count(model)] factors of all `texts`, newly allocated. A text that finds
 * nothing that trains is an error; `choice` says what trains, and NULL that any of the model's own
 * tensors may at some time, but no adapter. */
int lr_factors_make(double **out, const struct option_list *texts, const struct model *model,
                    const struct method_choice *choice, struct error *err);

#endif
