/* Frequencies of the rotary embedding (Su et al., arXiv 2104.09864), d = head_dim, b = rope_theta:
 *
 *     w_i = b^(-2 i / d)             radians a position, of pair i = 0 .. d/2 - 1
 *
 * and what a scaling by a factor f makes of it (transformers, modeling_rope_utils.py), L the
 * original positions:
 *
 *     linear    w_i / f                               (Chen et al., arXiv 2306.15595)
 *     dynamic   w_i, up to the configuration's positions
 *     llama3    w_i         where 2 pi / w_i < L / high
 *               w_i / f     where 2 pi / w_i > L / low
 *               (1 - s) w_i / f + s w_i in between, s = (L w_i / (2 pi) - low) / (high - low)
 *     yarn      r_i w_i / f + (1 - r_i) w_i, r_i a ramp from 0 to 1 over the pairs that turn
 *               beta_fast to beta_slow times over L   (Peng et al., arXiv 2309.00071)
 */
#ifndef SPECTRUM_MODEL_ROPE_H
#define SPECTRUM_MODEL_ROPE_H

#include "model/parameters.h"

/* Radians a position of dimensions `pair` and head_dim / 2 + `pair`, as transformers computes them,
 * in fp32, with the configuration's scaling. */
float rope_frequency(const struct model_config *config, int64_t pair);

#endif
