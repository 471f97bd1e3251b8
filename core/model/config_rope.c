/* Rotary scalings as config.json has them, and as transformers reads them. */
#include "model/config.h"

#include "model/rope.h"

#include <math.h>
#include <string.h>

/* The outer key goes before the one in the scaling. */
static bool read_original(struct model_config *config, const cJSON *scaling, const cJSON *metadata)
{
    static const char key[] = "original_max_position_embeddings";
    return (json_get_double(metadata, key, &config->rope_original_positions) ||
            json_get_double(scaling, key, &config->rope_original_positions)) &&
           config->rope_original_positions > 0;
}

static int read_llama3(struct model_config *config, const cJSON *scaling, const cJSON *metadata)
{
    config->rope_scaling = ROPE_LLAMA3;
    return json_get_double(scaling, "low_freq_factor", &config->rope_low_freq) &&
                   json_get_double(scaling, "high_freq_factor", &config->rope_high_freq) &&
                   read_original(config, scaling, metadata)
               ? 0
               : -1;
}

static double yarn_scale(double factor, double by)
{
    return factor <= 1 ? 1 : 0.1 * by * log(factor) + 1;
}

/* YaRN (arXiv 2309.00071), with DeepSeek's two scales where they are given. */
static int read_yarn(struct model_config *config, const cJSON *scaling, const cJSON *metadata)
{
    double scale = 0, scale_all = 0, fast = 0, slow = 0;
    config->rope_scaling = ROPE_YARN;
    if (!read_original(config, scaling, metadata))
        config->rope_original_positions = (double)config->max_positions;
    json_get_double(scaling, "mscale", &scale);
    json_get_double(scaling, "mscale_all_dim", &scale_all);
    bool both = scale != 0 && scale_all != 0;
    config->rope_attention =
        both ? yarn_scale(config->rope_factor, scale) / yarn_scale(config->rope_factor, scale_all)
             : yarn_scale(config->rope_factor, 1);
    json_get_double(scaling, "attention_factor", &config->rope_attention);
    json_get_double(scaling, "beta_fast", &fast);
    json_get_double(scaling, "beta_slow", &slow);
    config->rope_beta_fast = fast != 0 ? fast : 32;
    config->rope_beta_slow = slow != 0 ? slow : 1;
    config->rope_truncate = true;
    json_get_bool(scaling, "truncate", &config->rope_truncate);
    return isfinite(config->rope_original_positions) && config->rope_beta_fast > 0 &&
                   config->rope_beta_slow > 0 && isfinite(config->rope_attention)
               ? 0
               : -1;
}

int config_read_rope(struct model_config *config, const cJSON *scaling, const cJSON *metadata,
                     const char *where, struct error *err)
{
    const char *kind = NULL;
    int status = 0;
    if (!cJSON_IsObject(scaling))
        return 0;
    if (!json_get_string(scaling, "rope_type", &kind) && !json_get_string(scaling, "type", &kind))
        return 0;
    json_get_double(scaling, "rope_theta", &config->rope_theta);
    if (strcmp(kind, "default") == 0)
        return 0;
    bool complete = json_get_double(scaling, "factor", &config->rope_factor);
    if (strcmp(kind, "linear") == 0)
        config->rope_scaling = ROPE_LINEAR;
    else if (strcmp(kind, "dynamic") == 0)
        config->rope_scaling = ROPE_DYNAMIC;
    else if (strcmp(kind, "llama3") == 0)
        status = read_llama3(config, scaling, metadata);
    else if (strcmp(kind, "yarn") == 0)
        status = read_yarn(config, scaling, metadata);
    else {
        config->rope_scaling = ROPE_UNSUPPORTED;
        return 0;
    }
    if (!complete || status != 0 || !(config->rope_factor > 0))
        return error_set(err, "%s: \"rope_scaling\" of type %s lacks one of its numbers", where,
                         kind);
    return 0;
}

enum { PAIRS_MAX = 1024 };

static bool are_llama3s(const struct model_config *config, const float *factors, int64_t pairs)
{
    struct model_config plain = *config;
    plain.rope_scaling = ROPE_PLAIN;
    for (int64_t i = 0; i < pairs; i++) {
        double expected = (double)rope_frequency(&plain, i) / (double)rope_frequency(config, i);
        if (!(fabs((double)factors[i] / expected - 1) < 1e-5))
            return false;
    }
    return true;
}

void config_recognise_factors(struct model *model)
{
    const struct tensor_info *tensor = checkpoint_find(model->checkpoint, "rope_freqs.weight");
    struct model_config *config = &model->config;
    int64_t pairs = config->head_dim / 2;
    float factors[PAIRS_MAX], largest = 0;
    if (!tensor)
        return;
    bool scaled = config->rope_scaling != ROPE_PLAIN; /* twice is not what anybody means */
    config->rope_scaling = ROPE_UNSUPPORTED;
    if (scaled || tensor->dtype != DTYPE_F32 || tensor->elements != pairs || pairs > PAIRS_MAX ||
        checkpoint_read_f32(model->checkpoint, tensor, 0, pairs, factors, NULL) != 0)
        return;
    for (int64_t i = 0; i < pairs; i++)
        largest = factors[i] > largest ? factors[i] : largest;
    struct model_config llama3 = *config;
    llama3.rope_scaling = ROPE_LLAMA3;
    llama3.rope_factor = (double)largest;
    llama3.rope_low_freq = 1;
    llama3.rope_high_freq = 4;
    llama3.rope_original_positions = 8192;
    if (are_llama3s(&llama3, factors, pairs))
        *config = llama3;
}
