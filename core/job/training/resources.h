/* What follows from a request before anything is computed: the trainer's settings, the recipe
 * (which weights are stored how), and how much memory and disk the run takes.
 *
 * The form's estimate (estimate.h), a dry run and a run ask here, so what the form says is what the
 * run takes, to the byte. Nothing lives here: each function fills a struct of its caller's from the request
 * and the model, and takes neither memory nor disk. All sizes are in bytes.
 */
#ifndef SPECTRUM_JOB_TRAINING_RESOURCES_H
#define SPECTRUM_JOB_TRAINING_RESOURCES_H

#include "base/buffer.h"
#include "base/memory.h"
#include "job/training_options.h"
#include "train/trainer.h"

/* As the request has it, precision included: `auto` is bf16 where the processor has it. The sample,
 * the pad and the factors are the data's and the model's, and filled in later. */
struct train_settings training_settings(const struct training_request *request);

/* `choice`, which must outlive it, says which tensors train; the request how they are stored. */
struct recipe training_recipe(const struct training_request *request,
                              const struct method_choice *choice);

/* How a step is taken: "adamw, learning rate 2e-05, cosine to 2e-06, beta1 0.9, beta2 0.999, epsilon
 * 1e-08"; constants are those that the optimiser has. */
void training_step_put(struct buffer *out, const struct training_request *request);

/* The memory that trainer_new() will take. With --memory-limit, settings->recomputed becomes the
 * smallest number of blocks that fits it; where not even all of them do, (*out)->total is above the
 * limit. The caller frees the plan (memory_plan_free()). */
int training_memory(struct memory_plan **out, const struct training_request *request,
                    const struct train_inputs *inputs, struct train_settings *settings,
                    struct error *err);

/* What would lower the memory of this request, and only that: "a lower --batch, --seq-len or --top,
 * or --optimizer adamw-8bit, needs less". */
void training_memory_remedy(struct buffer *out, const struct training_request *request);

/* What checkpoints take on the run's disk, in bytes. */
struct training_disk {
    uint64_t state, states; /* of one; how many there are at once: kept, in the making, the best */
    uint64_t total, left;   /* still to be written; free for this user. Where it is known: */
    bool known, quota;      /* quota: it is a quota that bounds `left` */
    bool fits;              /* as far as that is known */
};

/* Of the settings `keep`, `save_every`, `steps` and how weights are stored count. `evaluates`: the
 * best state stays, too. States that lie in the folder `run` already are not counted twice; with no
 * folder yet (an empty text) nothing is known of the disk. */
int training_disk_look(struct training_disk *disk, const struct model *model,
                       const struct recipe *recipe, const struct train_settings *settings,
                       bool evaluates, const char *run, struct error *err);
/* "up to 3 checkpoints of 1.2 GiB; 80 GiB are left", or "do not fit:" between. */
void training_disk_put(struct buffer *out, const struct training_disk *disk);

#endif
