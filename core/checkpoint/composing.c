#include "checkpoint/composing.h"

#include "base/number.h"
#include "base/text.h"
#include "checkpoint/tensor_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const cJSON *quantization_config(const struct checkpoint *checkpoint)
{
    const cJSON *config = checkpoint->metadata;
    const cJSON *found = json_get(config, "quantization_config");
    if (!cJSON_IsObject(found))
        found = json_get(json_get(config, "text_config"), "quantization_config");
    if (!cJSON_IsObject(found))
        found = json_get(config, "compression_config");
    return cJSON_IsObject(found) ? found : NULL;
}

const struct tensor_info *composing_beside(const struct composing *making, const char *tail,
                                           const char *suffix)
{
    char name[2 * TENSOR_NAME_MAX];
    const char *codes = making->parts[0]->name;
    if (!text_ends_with(codes, tail))
        return NULL;
    snprintf(name, sizeof name, "%.*s%s", (int)(strlen(codes) - strlen(tail)), codes, suffix);
    return checkpoint_find(making->checkpoint, name);
}

void composing_add(struct composing *making, const struct tensor_info *part)
{
    if (part && making->part_count < COMPOSED_PARTS_MAX)
        making->parts[making->part_count++] = part;
}

float composing_round(float value, enum dtype dtype)
{
    return dtype == DTYPE_F16    ? f16_to_float(f16_from_float(value))
           : dtype == DTYPE_BF16 ? bf16_to_float(bf16_from_float(value))
                                 : value;
}

float e8m0_to_float(unsigned code)
{
    return code == 255 ? NAN : ldexpf(1, (int)code - 127);
}

float e4m3_to_float(unsigned code)
{
    unsigned exponent = code >> 3 & 15u, fraction = code & 7u;
    float size = exponent == 0 ? (float)fraction * 0x1p-9f
                               : ldexpf((float)(8 + fraction), (int)exponent - 10);
    if (exponent == 15 && fraction == 7)
        size = NAN;
    return code & 0x80u ? -size : size;
}

float e2m1_to_float(unsigned code)
{
    static const float values[16] = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                                     -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};
    return values[code & 15u];
}
