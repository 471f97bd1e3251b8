#include "train/transformer.h"

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

static float rope_frequency(const struct model_config *config, int64_t pair)
{
    double exponent = (double)(2 * pair) / (double)config->head_dim;
    double frequency = (float)(1.0 / pow(config->rope_theta, exponent));
    if (config->rope_scaling == ROPE_LLAMA3)
        frequency = scale_llama3(config, frequency);
    else if (config->rope_scaling == ROPE_LINEAR)
        frequency /= config->rope_factor;
    return (float)frequency;
}

void rope_fill(float *table, const struct model_config *config, int64_t positions)
{
    int64_t half = config->head_dim / 2;
    for (int64_t pair = 0; pair < half; pair++) {
        float frequency = rope_frequency(config, pair);
        for (int64_t position = 0; position < positions; position++) {
            float angle = (float)position * frequency, *row = table + position * config->head_dim;
            row[pair] = (float)cos(angle);
            row[half + pair] = (float)sin(angle);
        }
    }
}
