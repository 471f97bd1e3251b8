#include "model/rope.h"

#include "base/decimal.h"
#include "model/config_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- frequencies --- */

/* Llama 3's scaling: long wavelengths are stretched, short ones stay, and those between are mixed,
 * with 2 pi / w for the wavelength:
 *
 *     w / f                      where 2 pi / w > L / low
 *     w                          where 2 pi / w < L / high
 *     (1 - s) w / f + s w        in between, s = (L w / (2 pi) - low) / (high - low)
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

/* The pair of dimensions that turns so often over the original positions, not rounded:
 * w_i L = 2 pi turns, solved for i: d ln(L / (2 pi turns)) / (2 ln b). */
static double yarn_pair(const struct model_config *config, double turns)
{
    double dim = (double)config->head_dim;
    return dim * log(config->rope_original_positions / (turns * 2 * M_PI)) /
           (2 * log(config->rope_theta));
}

/* YaRN: fast pairs stay, slow ones are stretched, and those between go over on a ramp r, 0 at the
 * pair that turns beta_fast times and 1 at the one that turns beta_slow times:  r w / f + (1 - r) w
 * (arXiv 2309.00071, section 3.2). */
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

/* Each step is rounded as transformers rounds it: the plain frequency to fp32 before it is scaled.
 */
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

/* --- what a configuration says --- */

/* Where transformers says nothing of the original length, it is the configuration's; the outer key
 * goes before the one in the scaling. */
static void read_original(struct model *model, const cJSON *scaling, const cJSON *metadata)
{
    static const char key[] = "original_max_position_embeddings";
    double *out = &model->config.rope_original_positions;
    const cJSON *outer = json_get(metadata, key);
    *out = (double)model->config.max_positions;
    config_get_real(model, outer && !cJSON_IsNull(outer) ? metadata : scaling, key, true, out);
    if (!(*out > 0))
        config_refuse(model, "\"%s\" must be above 0", key);
}

/* What YaRN multiplies cos and sin by, 0.1 m ln(f) + 1: it makes the attention's distribution as
 * sharp as before (section 3.4 of the paper; m is 1 there). */
static double yarn_scale(double factor, double by)
{
    return factor <= 1 ? 1 : 0.1 * by * log(factor) + 1;
}

/* YaRN (arXiv 2309.00071), with DeepSeek's two scales where they are given. */
static void read_yarn(struct model *model, const cJSON *scaling)
{
    struct model_config *config = &model->config;
    double scale = 0, scale_all = 0, fast = 0, slow = 0;
    config_get_real(model, scaling, "mscale", true, &scale);
    config_get_real(model, scaling, "mscale_all_dim", true, &scale_all);
    bool both = scale != 0 && scale_all != 0;
    config->rope_attention =
        both ? yarn_scale(config->rope_factor, scale) / yarn_scale(config->rope_factor, scale_all)
             : yarn_scale(config->rope_factor, 1);
    config_get_real(model, scaling, "attention_factor", true, &config->rope_attention);
    config_get_real(model, scaling, "beta_fast", true, &fast);
    config_get_real(model, scaling, "beta_slow", true, &slow);
    config->rope_beta_fast = fast != 0 ? fast : 32;
    config->rope_beta_slow = slow != 0 ? slow : 1;
    config->rope_truncate = true;
    config_get_flag(model, scaling, "truncate", &config->rope_truncate);
    if (!(config->rope_beta_fast > 0 && config->rope_beta_slow > 0))
        config_refuse(model,
                      "\"beta_fast\" and \"beta_slow\" of its rotary scaling must be above 0");
}

/* transformers ignores members that do not belong to the type (it says so); what no type has could
 * mean anything. "finetuned" is a remark of YaRN's authors. */
static void check_members(struct model *model, const cJSON *scaling, bool plain, const char *key)
{
    static const char *const known[] = {
        "factor",    "low_freq_factor", "high_freq_factor",
        "mscale",    "mscale_all_dim",  "original_max_position_embeddings",
        "beta_fast", "beta_slow",       "attention_factor",
        "truncate",  "rope_theta",      "rope_type",
        "type",      "finetuned",       "partial_rotary_factor"};
    enum { SCALINGS = 10 }; /* of them belong to a scaling */
    char shown[64];
    for (const cJSON *item = scaling->child; item; item = item->next) {
        size_t i = 0;
        double value;
        while (i < sizeof known / sizeof *known && strcmp(item->string, known[i]) != 0)
            i++;
        if (cJSON_IsNull(item) || cJSON_IsFalse(item))
            continue;
        config_show(item, shown, sizeof shown);
        if (i == sizeof known / sizeof *known)
            config_refuse(model,
                          "\"%s\" in \"%s\" is %s, which is not supported; without it, "
                          "the model can be computed",
                          item->string, key, shown);
        else if (strcmp(item->string, "partial_rotary_factor") == 0 &&
                 !(config_number(item, &value) && value == 1))
            config_refuse(
                model,
                "\"partial_rotary_factor\" in \"%s\" is %s: heads that are rotated in part are "
                "not supported; only 1 is",
                key, shown);
        else if (plain && i < SCALINGS)
            config_note(model, "%s: \"%s\" in \"%s\" changes nothing: its type is \"default\"",
                        checkpoint_path(model->checkpoint), item->string, key);
    }
}

/* "rope_type", or the older "type"; without either the scaling is none, unless it has a factor. */
static bool find_type(struct model *model, const cJSON *scaling, const char *key, const char **kind)
{
    const cJSON *item = json_get(scaling, "rope_type");
    if (!item)
        item = json_get(scaling, "type");
    if (item && !cJSON_IsString(item))
        config_refuse(model, "\"rope_type\" in \"%s\" must be a text", key);
    else if (!item && json_get(scaling, "factor") && !cJSON_IsNull(json_get(scaling, "factor")))
        config_refuse(model, "\"%s\" has a \"factor\" and no \"rope_type\", such as \"linear\"",
                      key);
    *kind = cJSON_IsString(item) ? item->valuestring : "default";
    return !item || cJSON_IsString(item);
}

/* transformers' five kinds. Members that a kind does not know are refused (check_members()),
 * numbers that it needs must be there: a default would train another model without a word. */
void config_read_rope(struct model *model, const cJSON *scaling, const cJSON *metadata,
                      const char *key)
{
    static const struct {
        const char *name;
        enum rope_scaling is;
    } types[] = {{"default", ROPE_PLAIN},
                 {"linear", ROPE_LINEAR},
                 {"dynamic", ROPE_DYNAMIC},
                 {"llama3", ROPE_LLAMA3},
                 {"yarn", ROPE_YARN}};
    struct model_config *config = &model->config;
    const char *kind;
    size_t i = 0;
    config_get_real(model, scaling, "rope_theta", false, &config->rope_theta);
    if (!find_type(model, scaling, key, &kind))
        return;
    while (i < sizeof types / sizeof *types && strcmp(types[i].name, kind) != 0)
        i++;
    if (i == sizeof types / sizeof *types) {
        config->rope_scaling = ROPE_UNSUPPORTED;
        config_refuse(
            model,
            "its rotary scaling (\"%s\") is of type \"%.40s\", which is not supported; supported "
            "are default, linear, dynamic, llama3 and yarn",
            key, kind);
        return;
    }
    config->rope_scaling = types[i].is;
    check_members(model, scaling, types[i].is == ROPE_PLAIN, key);
    if (types[i].is == ROPE_PLAIN)
        return;
    bool llama3 = types[i].is == ROPE_LLAMA3, yarn = types[i].is == ROPE_YARN;
    double low = 0, high = 0, factor = 0;
    if (llama3 || yarn)
        read_original(model, scaling, metadata);
    const cJSON *given = json_get(scaling, "factor");
    if (yarn && cJSON_IsNull(given))
        factor = (double)config->max_positions / config->rope_original_positions;
    else
        config_get_real(model, scaling, "factor", false, &factor);
    if (llama3) {
        config_get_real(model, scaling, "low_freq_factor", false, &low);
        config_get_real(model, scaling, "high_freq_factor", false, &high);
        config->rope_low_freq = low;
        config->rope_high_freq = high;
    }
    config->rope_factor = factor;
    if (!(factor > 0) || (llama3 && (low == 0 || high == 0)))
        config_refuse(model, "\"%s\" of type %s lacks one of its numbers: \"factor\"%s, above 0",
                      key, kind, llama3 ? ", \"low_freq_factor\", \"high_freq_factor\"" : "");
    if (yarn)
        read_yarn(model, scaling);
}

/* --- what a command line says --- */

/* The types that `--rope-scaling` takes, and the factor after the colon. */
static bool parse_scaling(const char *text, char type[16], double *factor)
{
    static const char *const names[] = {"linear", "yarn", "dynamic", "llama3"};
    const char *colon = strchr(text, ':');
    for (size_t i = 0; colon && i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if ((size_t)(colon - text) != length || strncmp(text, names[i], length) != 0)
            continue;
        snprintf(type, 16, "%s", names[i]);
        return decimal_read(factor, colon + 1) && *factor >= 1 && *factor <= 4096;
    }
    return false;
}

/* For an option's value, before any model is open. */
int model_check_rope_scaling(const char *scaling, struct error *err)
{
    char type[16];
    double factor;
    if (parse_scaling(scaling, type, &factor))
        return 0;
    return error_set_kind(
        err, ERROR_USAGE,
        "--rope-scaling takes linear, yarn, dynamic or llama3, a colon and a factor from "
        "1 to 4096, as in yarn:4, not \"%.40s\"",
        scaling);
}

/* Llama 3.1's bounds of low and high frequencies are llama3's where nothing else is said. */
int model_scale_rope(struct model *model, const char *scaling, struct error *err)
{
    struct model_config *config = &model->config;
    char type[16];
    double factor;
    if (model_check_rope_scaling(scaling, err) != 0)
        return -1;
    if (!parse_scaling(scaling, type, &factor) || !model->architecture)
        return error_set(err, "%s: a model of an unknown architecture has no rotary scaling",
                         checkpoint_path(model->checkpoint));
    cJSON *object = cJSON_CreateObject();
    bool made = object && cJSON_AddStringToObject(object, "rope_type", type) &&
                cJSON_AddNumberToObject(object, "factor", factor);
    if (made && strcmp(type, "llama3") == 0)
        made = cJSON_AddNumberToObject(object, "low_freq_factor", 1) &&
               cJSON_AddNumberToObject(object, "high_freq_factor", 4);
    if (made) {
        config->rope_attention = 1;
        config_read_rope(model, object, NULL, "--rope-scaling");
        config->rope_scaled = true;
        if (config->rope_scaling != ROPE_DYNAMIC)
            config->max_positions = (int64_t)((double)config->max_positions * factor);
    }
    cJSON_Delete(object);
    return made ? 0 : error_set(err, "not enough memory for a rotary scaling");
}

/* --- what a GGUF file's factors say --- */

enum { PAIRS_MAX = 1024 };

/* GGUF files have the factors and not the formula: they are Llama 3's if they are what its formula
 * gives, element by element. */
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
