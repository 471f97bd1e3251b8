/* What a run must not do, and what it must have done: a frozen tensor stays as it is, to the bit,
 * and a trained one moves.
 *
 * The bytes of every tensor on the device are hashed when the trainer is made, before a resume
 * reads its state. What is frozen (weights, and the scales of quantised ones) is compared at every
 * save, the last one included: 270 MB take about 0.1 s.
 *
 * What trains is compared at the end of the run, with what can be promised: rounding may
 * legitimately leave a weight where it is. Promised is that a tensor whose values are kept in fp32
 * (a master, or --dtype fp32) is not the base's if one of its elements had to move further than
 * rounding takes back. A step moves the element that it moves most by at least
 *
 *     rate * least_move(rms),     rms = norm of the clipped gradient / sqrt(elements)
 *
 * as the tensor's rule has it (optimizers/optimizers.h), for AdamW rms / (rms + epsilon) in a step
 * whose moments begin, and about that in others; the promise asks for more than 2^-20 of
 * the tensor's largest weight, 8 to 16 times the spacing of fp32 there. At a rate of 0, or 1e-30,
 * it holds nothing; nor for --master none, where bf16 is rounded stochastically, and a norm whose
 * weights are about 1 moves once in 400 at a rate of 1e-5.
 */
#ifndef SPECTRUM_TRAIN_INTEGRITY_H
#define SPECTRUM_TRAIN_INTEGRITY_H

#include "train/optimizer.h"

struct integrity;

struct frozen_count {
    size_t tensors;
    int64_t parameters;
};

/* Hashes all tensors as they are now. The optimiser must outlive it. */
int integrity_new(struct integrity **out, const struct optimizer *optimizer, struct error *err);
void integrity_free(struct integrity *integrity);

struct frozen_count integrity_frozen(const struct integrity *integrity);

/* After reading a state: frozen tensors that trained earlier in the run are now what they are. */
int integrity_note_loaded(struct integrity *integrity, struct error *err);

/* After a step: `rate`, and the norm of the whole gradient before clipping. */
void integrity_note_step(struct integrity *integrity, double rate, double norm);

/* An error that names the first tensor that is not as it should be. */
int integrity_check_frozen(const struct integrity *integrity, struct error *err);
int integrity_check_trained(const struct integrity *integrity, struct error *err);

#endif
