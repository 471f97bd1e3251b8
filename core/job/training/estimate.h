/* What the run of a form takes, before it begins, and whether there is room for it: of a run of this
 * program's own trainer to the byte (resources.h), of one that another engine trains about so much on
 * each of its devices (engine_memory.h). */
#ifndef SPECTRUM_JOB_TRAINING_ESTIMATE_H
#define SPECTRUM_JOB_TRAINING_ESTIMATE_H

#include "job/training/resources.h"

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

/* "each of 2 devices about 3.1 GiB; one device alone 5.0 GiB", of an engine's run. */
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
