/* One optimiser step over everything that trains: gradient norms, clipping, and each tensor's step
 * by the rule of its optimiser (optimizers/optimizers.h).
 *
 * Made by optimizer_new() for a transformer that trains, which outlives it; each step is one
 * optimizer_step(), or what is between optimizer_begin() and optimizer_end().
 *
 * Weight decay is applied to matrices and embeddings, not to norms and biases, as transformers'
 * Trainer does. Clipping is torch.nn.utils.clip_grad_norm_'s: one norm over all trained tensors,
 * the factor max_norm / (norm + 1e-6) where that is below 1.
 */
#ifndef SPECTRUM_TRAIN_OPTIMIZER_H
#define SPECTRUM_TRAIN_OPTIMIZER_H

#include "train/transformer.h"

struct optimizer_settings {
    double weight_decay;
    double clip;           /* largest gradient norm; 0: no clipping */
    uint64_t seed;         /* of the stochastic rounding */
    const double *factors; /* [run_tensor_count] of the learning rate; NULL: 1 for all. Borrowed */
    const struct optimizer_constants *constants; /* all that its rules have; NULL: as usual */
};

/* What trains, as numbers of tensors (recipe.h), ascending. */
struct optimizer {
    struct transformer *transformer;
    struct optimizer_settings settings;
    size_t *tensors;
    size_t count;
    size_t *place_of; /* [run_tensor_count]: a tensor's place in `tensors` */
    int64_t step;     /* that optimizer_begin() began, and its gradient_scale */
    double scale;
    struct step_settings now; /* its settings */
    struct optimizer_constants constants;
    int64_t *since; /* [count]: steps of the run before a tensor began to train; mostly 0 */
    double *norms;  /* [count]: each tensor's gradient norm in the last step, before clipping */
};

struct run_tensor optimizer_tensor(const struct optimizer *optimizer, size_t i);

int optimizer_new(struct optimizer **out, struct transformer *transformer,
                  const struct optimizer_settings *settings, struct error *err);
void optimizer_free(struct optimizer *optimizer);

/* Takes step `step` (the first is 1) at this learning rate. `gradient_scale` turns the summed
 * gradients into the mean's: 1 / supervised tokens. *norm is the whole gradient's norm before
 * clipping; a norm that is not finite is an error, and then no weight was touched. Waits. */
int optimizer_step(struct optimizer *optimizer, int64_t step, double rate, double gradient_scale,
                   double *norm, struct error *err);

/* The same step a tensor at a time, during the backward pass; without clipping, which needs all
 * gradients first. Between the two the sink's take() updates each tensor once. A norm that is not
 * finite is an error too late: weights were touched. */
struct gradient_sink optimizer_begin(struct optimizer *optimizer, int64_t step, double rate,
                                     double gradient_scale);
int optimizer_end(struct optimizer *optimizer, double *norm, struct error *err);

#endif
