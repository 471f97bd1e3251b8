/* How much memory a launched run takes on each of its devices, before it starts: by the plan's numbers
 * and by what the engine keeps whole and what in parts. With T parameters that train, F frozen ones, N
 * devices and d bytes of the type that computes:
 *
 *                    in parts (FSDP2, ZeRO-3)       on every device (DDP: TRL, Axolotl)
 *     weights        (4 T + d F) / N                4 (T + F) (as it is loaded: fp32)
 *     gradients      4 T / N                        4 T
 *     moments        8 T / N                        8 T
 *     gathered       d (two blocks and what is in   0
 *                    no block)
 *
 * and of a row of L tokens, with activation checkpoints: each block's input, d L hidden; what one block
 * computes, L (10 hidden + 4 intermediate) d; its logits and their gradient, L vocab (d + 4 + 4). With
 * --offload weights, gradients and moments lie in the host's memory, and a block at a time on the device.
 *
 * It is an estimate: what PyTorch, CUDA and the collectives keep for themselves (1 to 2 GiB a process)
 * is not in it. */
#ifndef SPECTRUM_JOB_TRAINING_ENGINE_MEMORY_H
#define SPECTRUM_JOB_TRAINING_ENGINE_MEMORY_H

#include "job/training/resources.h"

/* Parameters of the run, by what becomes of them. */
struct numels {
    double trained, frozen; /* adapters among what trains */
    double block;           /* of the largest block, frozen ones too */
    double outside;         /* of what is in no block */
};
struct numels numels_of(const struct model *model, const struct method_choice *choice,
                        const struct training_request *request);

struct engine_memory { /* bytes of one device */
    double weights, gradients, moments, gathered, activations;
    double total; /* on the device */
    double host;  /* of them in the host's memory, for each device */
};

/* On so many devices; `whole`: each has all frozen weights, whatever the engine would do. */
struct engine_memory engine_memory_estimate(const struct model *model,
                                            const struct method_choice *choice,
                                            const struct training_request *request, int64_t devices,
                                            bool whole);

/* "each of 8 devices about 3.1 GiB (weights ...); one device alone 18 GiB" */
void engine_memory_put(struct buffer *out, const struct model *model,
                       const struct method_choice *choice, const struct training_request *request);

#endif
