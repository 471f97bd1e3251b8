/* Lion, with its paper's defaults (arXiv 2302.06675, program 1); its formula stands with the
 * operation (compute/op.h). A step has no correction for the zeros that the mean began with: only
 * the sign of the direction counts. */
#include "train/optimizers/optimizers.h"

static struct op_call step(const struct step_tensors *tensors, struct step_settings settings,
                           const struct optimizer_constants *constants, int64_t number)
{
    (void)number;
    settings.beta1 = constants->beta1;
    settings.beta2 = constants->beta2;
    return (struct op_call){OP_LION, .lion = {.parameter = tensors->parameter,
                                              .master = tensors->master,
                                              .m = tensors->states[0],
                                              .gradient = tensors->gradient,
                                              .settings = settings}};
}

/* Each element by the rate, whatever its gradient is. */
static double least_move(const struct optimizer_constants *constants, int64_t rows, int64_t cols,
                         double rms)
{
    (void)constants;
    (void)rows;
    (void)cols;
    (void)rms;
    return 1;
}

const struct optimizer_rule lion_rule = {
    .states = {"exp_avg"},
    .usual = {.beta1 = 0.9, .beta2 = 0.99},
    .step = step,
    .least_move = least_move,
};
