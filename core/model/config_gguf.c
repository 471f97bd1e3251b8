#include "model/config_gguf.h"

#include "base/text.h"
#include "model/config_values.h"
#include "model/rope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "llama.rope.freq_base" */
static const char *full_key(const struct model *model, const char *key, char out[256])
{
    snprintf(out, 256, "%s.%s", model->architecture_name, key);
    return out;
}

static const cJSON *get(const struct model *model, const char *key)
{
    char name[256];
    return json_get(checkpoint_metadata(model->checkpoint), full_key(model, key, name));
}

static void read_real(struct model *model, const char *key, double *out)
{
    char name[256];
    config_get_real(model, checkpoint_metadata(model->checkpoint), full_key(model, key, name),
                    false, out);
}

static void refuse_key(struct model *model, const char *key, const char *why)
{
    char name[256], shown[64];
    config_show(get(model, key), shown, sizeof shown);
    config_refuse(model, "its metadata has \"%s\" %s: %s", full_key(model, key, name), shown, why);
}

/* Stored as floats: 1e-5 arrives as 9.99999975e-06. Seven digits give back what was meant. */
static double as_meant(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", value);
    return strtod(text, NULL);
}

/* Files from before August 2023 have "rope.scale_linear"; where both say a factor, the newer goes
 * first. A factor without a type is linear, one of 0 none. */
static void read_scaling(struct model *model)
{
    struct model_config *config = &model->config;
    const cJSON *type = get(model, "rope.scaling.type");
    const char *kind = cJSON_IsString(type) ? type->valuestring : "linear";
    double factor = 0, attention = 1;
    if (type && !cJSON_IsString(type))
        refuse_key(model, "rope.scaling.type", "it must be a text");
    read_real(model, "rope.scaling.factor", &factor);
    if (factor == 0)
        read_real(model, "rope.scale_linear", &factor);
    read_real(model, "rope.scaling.attn_factor", &attention);
    if (attention != 1)
        refuse_key(model, "rope.scaling.attn_factor", "only 1 is supported");
    if (strcmp(kind, "none") == 0)
        return;
    if (strcmp(kind, "linear") != 0) {
        config->rope_scaling = ROPE_UNSUPPORTED;
        refuse_key(model, "rope.scaling.type",
                   "this rotary scaling is not supported; supported are none and linear, and "
                   "Llama 3's as \"rope_freqs.weight\"");
    } else if (factor < 0) {
        refuse_key(model, "rope.scaling.factor", "it must be above 0");
    } else if (factor != 0 && factor != 1) {
        config->rope_scaling = ROPE_LINEAR;
        config->rope_factor = as_meant(factor);
    }
}

/* A key with the one value that is computed here; absent is as good. */
static void expect(struct model *model, const char *key, double value, const char *why)
{
    const cJSON *item = get(model, key);
    double number;
    if (item && !(config_number(item, &number) && fabs(number - value) <= 1e-6 * fabs(value)))
        refuse_key(model, key, why);
}

/* Ids that no token of the file has stand for none; writers put 2^32 - 1 where they mean that. */
static void note_tokens(struct model *model, const cJSON *metadata)
{
    static const char *const keys[] = {
        "tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.eot_token_id",     "tokenizer.ggml.eom_token_id",
        "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.padding_token_id"};
    int tokens = cJSON_GetArraySize(json_get(metadata, "tokenizer.ggml.tokens"));
    int64_t id;
    for (size_t i = 0; tokens > 0 && i < sizeof keys / sizeof *keys; i++)
        if (json_get_int64(metadata, keys[i], &id) && id >= tokens && id != UINT32_MAX)
            config_note(model, "%s: \"%s\" is %lld, and the file has %d tokens: it is none of them",
                        checkpoint_path(model->checkpoint), keys[i], (long long)id, tokens);
}

/* What GGUF's keys say of the computation, in llama.cpp's words. Sizes were read before (config.c);
 * a tensor that is or is not there says whether head and embeddings are one, and whether there are
 * biases. What must have one value and is not read is held to it by expect(). */
void config_read_gguf(struct model *model, const struct architecture *architecture)
{
    struct model_config *config = &model->config;
    const cJSON *metadata = checkpoint_metadata(model->checkpoint);
    const cJSON *epsilon = get(model, "attention.layer_norm_rms_epsilon");
    note_tokens(model, metadata);
    read_real(model, "attention.layer_norm_rms_epsilon", &config->norm_eps);
    config->norm_eps = as_meant(config->norm_eps);
    if (!epsilon && get(model, "attention.layer_norm_epsilon"))
        refuse_key(model, "attention.layer_norm_epsilon",
                   "norms with a mean are not supported; \"attention.layer_norm_rms_epsilon\" is");
    else if (!epsilon)
        config_refuse(model, "its metadata has no \"%s.attention.layer_norm_rms_epsilon\"",
                      model->architecture_name);
    read_real(model, "rope.freq_base", &config->rope_theta);
    config_get_whole(model, metadata, "tokenizer.ggml.bos_token_id", true, -1, UINT32_MAX,
                     &config->bos_token);
    config->tied = !checkpoint_find(model->checkpoint, "output.weight");
    config->attention_bias =
        architecture->attention_bias && checkpoint_find(model->checkpoint, "blk.0.attn_q.bias");
    config->mlp_bias =
        architecture->mlp_bias && checkpoint_find(model->checkpoint, "blk.0.ffn_gate.bias");
    read_scaling(model);
    double head_dim = (double)config->head_dim;
    expect(model, "rope.dimension_count", head_dim,
           "heads that are rotated in part are not supported; it must be as large as a head "
           "(\"attention.key_length\", or embedding_length / attention.head_count)");
    expect(model, "attention.value_length", head_dim,
           "values of another length than keys (\"attention.key_length\") are not supported");
    expect(model, "attention.scale", 1 / sqrt(head_dim),
           "only one divided by the square root of a head's length is supported");
    config_recognise_factors(model);
    if (config->rope_scaling == ROPE_UNSUPPORTED)
        config_refuse(model,
                      "its rotary scaling (\"rope_freqs.weight\", or that and "
                      "\"%s.rope.scaling.type\") is not supported; supported are none, "
                      "linear, and Llama 3.1's to 3.3's factors",
                      model->architecture_name);
}

/* --- keys that are not read --- */

/* What may stand under "<architecture>.". */
static const char *const known_keys[] = {
    "block_count",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "vocab_size",
    "context_length",
    "attention.layer_norm_rms_epsilon",
    "attention.layer_norm_epsilon",
    "rope.freq_base",
    "rope.dimension_count",
    "rope.scale_linear",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.attn_factor",
    "attention.scale",
    /* of no weight where the scaling is none or linear, and of none for a causal model */
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "tensor_data_layout",
    "pooling_type",
    "leading_dense_block_count",
    "expert_used_count",
};

/* Keys of other sections (tokenizer, general) compute nothing; of the architecture's own each must
 * be known, be off, or scale by 1. The first that is not is refused by its name and value. */
void config_check_gguf_keys(struct model *model)
{
    const cJSON *metadata = checkpoint_metadata(model->checkpoint);
    size_t length = strlen(model->architecture_name);
    char shown[80];
    for (const cJSON *item = metadata->child; item; item = item->next) {
        bool causal;
        if (strncmp(item->string, model->architecture_name, length) != 0 ||
            item->string[length] != '.')
            continue;
        const char *key = item->string + length + 1;
        bool right = config_is_off(item);
        for (size_t i = 0; !right && i < sizeof known_keys / sizeof *known_keys; i++)
            right = strcasecmp(key, known_keys[i]) == 0;
        if (strcmp(key, "attention.causal") == 0)
            right = config_truth(item, &causal) && causal;
        else if (text_ends_with(key, "_scale"))
            right = right || (cJSON_IsNumber(item) && item->valuedouble == 1);
        if (right)
            continue;
        config_show(item, shown, sizeof shown);
        config_refuse(model,
                      "its metadata has \"%s\" %s, which is not supported; scan and plan go on",
                      item->string, shown);
    }
}
