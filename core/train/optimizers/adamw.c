/* AdamW, with PyTorch's defaults (torch.optim.AdamW); its formula stands with the operation
 * (compute/op.h). What the rule knows of it are the corrections of step t,
 *
 *     correction1 = 1 - beta1^t,    correction2 = 1 - beta2^t
 *
 * by which the two running means are divided, as they began with zeros. t counts from where the
 * tensor began to train, not from where the run did.
 */
#include "train/optimizers/optimizers.h"

#include <math.h>

static struct op_call step(const struct step_tensors *tensors, struct step_settings settings,
                           const struct optimizer_constants *constants, int64_t number)
{
    settings.beta1 = constants->beta1;
    settings.beta2 = constants->beta2;
    settings.epsilon = (float)constants->epsilon;
    settings.correction1 = (float)(1 - pow(settings.beta1, (double)number));
    settings.correction2 = (float)(1 - pow(settings.beta2, (double)number));
    return (struct op_call){OP_ADAMW, .adamw = {.parameter = tensors->parameter,
                                                .master = tensors->master,
                                                .m = tensors->states[0],
                                                .v = tensors->states[1],
                                                .gradient = tensors->gradient,
                                                .settings = settings}};
}

/* In a step whose moments begin, m / correction1 = g and v / correction2 = g^2: the element of the
 * largest gradient, which is rms at least, moves by |g| / (|g| + epsilon); in others by about that.
 */
static double least_move(const struct optimizer_constants *constants, int64_t rows, int64_t cols,
                         double rms)
{
    (void)rows;
    (void)cols;
    return rms / (rms + constants->epsilon);
}

const struct optimizer_rule adamw_rule = {
    .states = {"exp_avg", "exp_avg_sq"},
    .usual = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    .step = step,
    .least_move = least_move,
};
