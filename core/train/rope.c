#include "train/transformer.h"

#include "model/rope.h"

#include <math.h>

void rope_fill(float *table, const struct model_config *config, int64_t positions)
{
    int64_t half = config->head_dim / 2;
    for (int64_t pair = 0; pair < half; pair++) {
        float frequency = rope_frequency(config, pair);
        for (int64_t position = 0; position < positions; position++) {
            float angle = (float)position * frequency, *row = table + position * config->head_dim;
            row[pair] = (float)(config->rope_attention * cos(angle));
            row[half + pair] = (float)(config->rope_attention * sin(angle));
        }
    }
}
