/* The rotary embedding: its frequencies, the scalings that a configuration can have of them, as
 * transformers reads them, and those that a command line gives instead.
 *
 * Frequencies (Su et al., arXiv 2104.09864), d = head_dim, b = rope_theta:
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
 *
 * llama3's is Llama 3.1's own; low and high are low_freq_factor and high_freq_factor.
 */
#ifndef SPECTRUM_MODEL_ROPE_H
#define SPECTRUM_MODEL_ROPE_H

#include "base/json.h"
#include "model/parameters.h"

/* Radians a position of dimensions `pair` and head_dim / 2 + `pair`, as transformers computes them,
 * in fp32, with the configuration's scaling. */
float rope_frequency(const struct model_config *config, int64_t pair);

/* "linear:4": the rotary scaling that this model is to have in place of its own, as if
 * "rope_scaling" in config.json said so: of linear, yarn, dynamic and llama3. max_positions becomes
 * the factor times what it was, but for dynamic, whose formula begins there. */
int model_scale_rope(struct model *model, const char *scaling, struct error *err);
/* 0 where the text is such a scaling, else ERROR_USAGE. */
int model_check_rope_scaling(const char *scaling, struct error *err);

/* --- internal to core/model --- */

/* `scaling`, the metadata's "rope_scaling" or "rope_parameters" (an object), into the
 * configuration, whose max_positions is there already. `key` is what it is called there. */
void config_read_rope(struct model *model, const cJSON *scaling, const cJSON *metadata,
                      const char *key);

/* GGUF has Llama 3's scaling as a tensor "rope_freqs.weight", by whose elements the plain
 * frequencies are divided. Where they are those of Llama 3.1 to 3.3 but for the factor, the
 * configuration says so; any others are ROPE_UNSUPPORTED. To be called once the configuration is
 * complete. */
void config_recognise_factors(struct model *model);

#endif
