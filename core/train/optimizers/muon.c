/* Muon, with the defaults of its public reference and of torch.optim.Muon: for matrices alone. */
#include "train/optimizers/optimizers.h"

#include <math.h>

#define MOMENTUM 0.95
#define EPSILON 1e-7

static struct op_call step(const struct step_tensors *tensors, struct step_settings settings,
                           const struct optimizer_constants *constants, int64_t number)
{
    (void)constants;
    (void)number;
    settings.beta1 = MOMENTUM;
    settings.epsilon = (float)EPSILON;
    return (struct op_call){OP_MUON, .muon = {.parameter = tensors->parameter,
                                              .master = tensors->master,
                                              .m = tensors->states[0],
                                              .gradient = tensors->gradient,
                                              .workspace = tensors->workspace,
                                              .settings = settings}};
}

/* The largest singular value of u / |u| is at least 1 / sqrt(min(N, K)), and five iterations take
 * what is above 0.01 to above 0.6: so large is the root of the sum of the squares of X. The largest
 * element of the update is at least its root mean square,
 *     0.2 sqrt(max(N, K)) 0.6 / sqrt(N K) = 0.12 / sqrt(min(N, K))
 * of which half is promised. */
static double least_move(const struct optimizer_constants *constants, int64_t rows, int64_t cols,
                         double rms)
{
    (void)constants;
    (void)rms;
    return 0.06 / sqrt((double)(rows < cols ? rows : cols));
}

const struct optimizer_rule muon_rule = {
    .states = {"momentum_buffer"},
    .constants = {{"momentum", MOMENTUM}, {"norm_epsilon", EPSILON}},
    .step = step,
    .least_move = least_move,
};
