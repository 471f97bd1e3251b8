/* What follows from a request before anything is computed: the trainer's settings, the recipe
 * (which weights are stored how), and how much memory the run takes. The form's estimate, a dry run
 * and a run ask here, so what the form says is what the run takes, to the byte. */
#ifndef SPECTRUM_JOB_TRAINING_MEMORY_H
#define SPECTRUM_JOB_TRAINING_MEMORY_H

#include "base/memory.h"
#include "job/training.h"

/* As the request has it, precision included: `auto` is bf16 where the processor has it. The sample,
 * the pad and the factors are the data's and the model's, and filled in later. */
struct train_settings training_settings(const struct training_request *request);

/* `choice`, which must outlive it, says which modules; the request how they are stored. */
struct recipe training_recipe(const struct training_request *request,
                              const struct method_choice *choice);

/* The memory that trainer_new() will take. With a limit settings->recomputed becomes as few blocks
 * as fit it; where not even all of them do, (*out)->total is above it. The caller frees the plan.
 */
int training_memory(struct memory_plan **out, const struct training_request *request,
                    const struct train_inputs *inputs, struct train_settings *settings,
                    struct error *err);

/* The same for a request whose data has not been looked at: nothing is computed, and the memory is
 * not taken. Samples are as long as the request has them, though a prompt may turn out too long. */
struct training_estimate {
    bool known;               /* the memory is */
    char why[ERROR_TEXT_MAX]; /* it is not */
    uint64_t bytes[MEMORY_CATEGORIES], total;
    int64_t recomputed;        /* blocks computed anew in the backward pass, for the memory limit */
    bool over_limit;           /* it takes more than the limit even so */
    struct training_disk disk; /* with `known`, as the run would find it */
    /* as the trainer counts them, also where the memory is not known */
    size_t adapted;                                 /* matrices that get adapters */
    int64_t trained_parameters, adapter_parameters; /* of the model's tensors, of adapters */
    int64_t parameters;                             /* of all the model's tensors */
};

/* `plan` may be NULL where the method needs none. */
void training_estimate(struct training_estimate *out, const struct training_request *request,
                       const struct model *model, const struct plan *plan);

#endif
