#include "model/rope.h"

#include <math.h>

/* Llama 3's scaling: long wavelengths are stretched, short ones stay, and those between are mixed.
 */
static double scale_llama3(const struct model_config *config, double frequency)
{
    double wavelength = 2 * M_PI / frequency, original = config->rope_original_positions;
    if (wavelength > original / config->rope_low_freq)
        return frequency / config->rope_factor;
    if (wavelength < original / config->rope_high_freq)
        return frequency;
    double mix = (original / wavelength - config->rope_low_freq) /
                 (config->rope_high_freq - config->rope_low_freq);
    return (1 - mix) * frequency / config->rope_factor + mix * frequency;
}

/* The pair of dimensions that turns so often over the original positions. */
static double yarn_pair(const struct model_config *config, double turns)
{
    double dim = (double)config->head_dim;
    return dim * log(config->rope_original_positions / (turns * 2 * M_PI)) /
           (2 * log(config->rope_theta));
}

/* YaRN: fast pairs stay, slow ones are stretched, and those between go over on a ramp. */
static float scale_yarn(const struct model_config *config, float frequency, int64_t pair)
{
    double low = yarn_pair(config, config->rope_beta_fast);
    double high = yarn_pair(config, config->rope_beta_slow);
    low = fmax(config->rope_truncate ? floor(low) : low, 0);
    high = fmin(config->rope_truncate ? ceil(high) : high, (double)config->head_dim - 1);
    if (low == high)
        high += 0.001;
    float ramp = (float)(((double)pair - low) / (high - low));
    ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
    return frequency / (float)config->rope_factor * ramp + frequency * (1 - ramp);
}

float rope_frequency(const struct model_config *config, int64_t pair)
{
    double exponent = (double)(2 * pair) / (double)config->head_dim;
    double frequency = (float)(1.0 / pow(config->rope_theta, exponent));
    if (config->rope_scaling == ROPE_LLAMA3)
        frequency = scale_llama3(config, frequency);
    else if (config->rope_scaling == ROPE_LINEAR)
        frequency /= config->rope_factor;
    else if (config->rope_scaling == ROPE_YARN)
        frequency = scale_yarn(config, (float)frequency, pair);
    return (float)frequency;
}
