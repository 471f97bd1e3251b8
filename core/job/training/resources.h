/* What follows from a request before anything is computed: the trainer's settings, the recipe
 * (which weights are stored how), and how much memory and disk the run takes.
 *
 * The form's estimate, a dry run and a run ask here, so what the form says is what the run takes,
 * to the byte. Nothing lives here: each function fills a struct of its caller's from the request
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

/* Memory and disk of a request whose data has not been looked at, and with what it trains. Samples
 * are as long as the request has them, though a prompt may turn out too long.
 *
 * Of a run that another engine trains, bytes are about those of one of its devices: fp32 masters are
 * among the weights, and what is gathered of a block is workspace (engine_memory.h). */
struct training_estimate {
    bool known;               /* the memory is */
    char why[ERROR_TEXT_MAX]; /* it is not */
    uint64_t bytes[MEMORY_CATEGORIES], total;
    int64_t devices;           /* of an engine; 0: this program's own trainer */
    uint64_t alone, host;      /* of an engine: one device without the others; beside each device in
                                  the host's memory */
    int64_t recomputed;        /* blocks that the backward pass recomputes, for the memory limit */
    struct training_disk disk; /* with `known`, as the run would find it */
    /* as the trainer counts them, also where the memory is not known */
    size_t adapted;                                 /* matrices that get adapters */
    int64_t trained_parameters, adapter_parameters; /* of the model's tensors, of adapters */
    int64_t parameters;                             /* of all the model's tensors */
};

/* `plan` may be NULL where the method needs none. */
void training_estimate(struct training_estimate *out, const struct training_request *request,
                       const struct model *model, const struct plan *plan);

/* "each of 2 devices about 3.1 GiB; one device alone 5.0 GiB", of an engine's. */
void training_devices_put(struct buffer *out, const struct training_estimate *cost);

/* What an estimate is held against: the least of --memory-limit and of what the system lets this
 * process have, which a run is held against, too. GPUs of an engine's processes have their own
 * memory, perhaps elsewhere, of which nothing is known here; processes on this machine's CPU, with
 * --device cpu, share what it has. */
struct training_room {
    bool counts; /* it is what bounds the run; else all fits */
    uint64_t needed, bytes;
    bool asked;       /* it is --memory-limit that bounds it */
    bool fits;        /* as far as the memory is known */
    char within[160]; /* whose bound it is; "": it is what the machine has free */
};
void training_room_look(struct training_room *out, const struct training_estimate *cost,
                        const struct training_request *request);

#endif
