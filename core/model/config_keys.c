/* Keys of a config.json that are not read: which of them change what a model computes?
 *
 *   1. Keys that are read (config.c) are checked there. transformers' other fields, and what tools
 *      and generation write beside them, are listed as harmless.
 *   2. null, false, 0, "" and empty lists and objects switch nothing on. But some keys do something
 *      where they are false or 0: those must have the value that changes nothing ("is_causal" true,
 *      "attention_multiplier" one divided by the square root of a head's length); of all that end
 *      in "multiplier", "scale", "scaling" or "factor" it is 1.
 *   3. Any other key is refused, by its name and value, where its name has a word of what is
 *      computed in it ("attn", "rope", "expert", "logit", ...). The words were chosen so that all
 *      fields by which a text model's configuration in transformers 5 differs from Llama's have
 *      one. Without such a word it is another tool's remark, as everything with an underscore in
 *      front is. */
#include "model/config_keys.h"

#include "base/text.h"
#include "model/config_values.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const read_keys[] = {
    "model_type",          "vocab_size",
    "hidden_size",         "intermediate_size",
    "num_hidden_layers",   "num_attention_heads",
    "num_key_value_heads", "head_dim",
    "hidden_act",          "max_position_embeddings",
    "initializer_range",   "rms_norm_eps",
    "tie_word_embeddings", "rope_theta",
    "rope_scaling",        "rope_parameters",
    "attention_dropout",   "bos_token_id",
    "eos_token_id",        "original_max_position_embeddings",
};

/* Of what transformers writes into every configuration, generation's own, and what is common in
 * models that people train. "pretraining_tp" cut products in two and summed them; transformers 5
 * does not read it. "attention_bias" and "mlp_bias" where a family has no such switch: what
 * decides are the tensors (check_bias()). */
static const char *const harmless[] = {
    "architectures",
    "attention_bias",
    "mlp_bias",
    "pretraining_tp",
    "use_cache",
    "pad_token_id",
    "max_window_layers",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "output_hidden_states",
    "output_attentions",
    "return_dict",
    "chunk_size_feed_forward",
    "is_decoder",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "tokenizer_class",
    "prefix",
    "sep_token_id",
    "decoder_start_token_id",
    "classifier_dropout",
    "auto_map",
    "task_specific_params",
    "transformers.js_config",
    "keys_to_ignore_at_inference",
    "num_logits_to_keep",
    /* generation */
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "no_repeat_ngram_size",
    "mask_token_id",
    "output_logits",
    "output_scores",
    "renormalize_logits",
    "num_beam_groups",
    "num_beams",
    "begin_suppress_tokens",
    "suppress_tokens",
    "repetition_penalty",
    "diversity_penalty",
    "length_penalty",
    "exponential_decay_length_penalty",
};

/* How something is computed, not what; and how the model was trained. */
static const char *const harmless_words[] = {"flash", "implementation", "sdpa",    "xformers",
                                             "liger", "unsloth",        "entropy", "grad"};

static const char *const words[] = {"attn",         "attention",    "rope",
                                    "rotary",       "norm",         "scal",
                                    "multipl",      "softcap",      "logit",
                                    "expert",       "moe",          "router",
                                    "window",       "layer",        "mlp",
                                    "ffn",          "feed_forward", "feedforward",
                                    "head",         "hidden",       "emb",
                                    "residual",     "bias",         "drop",
                                    "quant",        "compress",     "spars",
                                    "position",     "pos_",         "relative",
                                    "alibi",        "conv_",        "_conv",
                                    "conv1d",       "ssm",          "mamba",
                                    "kv",           "qk",           "query",
                                    "key_",         "value_",       "gate",
                                    "gating",       "activation",   "_act",
                                    "swiglu",       "lora",         "clip",
                                    "mup",          "chunk",        "block",
                                    "kernel",       "causal",       "bidirectional",
                                    "mask",         "_dim",         "dim_",
                                    "depth",        "width",        "theta",
                                    "epsilon",      "_eps",         "interleav",
                                    "sink",         "cross",        "encoder",
                                    "nope",         "_factor",      "mtp",
                                    "vision",       "audio",        "text_config",
                                    "ngram",        "n_group",      "topk",
                                    "intermediate", "d_model",      "d_ff",
                                    "prefix_lm",    "altup",        "transformers_weights",
                                    "laurel",       "codebook"};

/* Truths that change nothing where they are true. */
static const char *const true_keys[] = {
    "is_causal", "causal",       "use_rope",    "use_rotary", "rope",
    "rms_norm",  "use_rms_norm", "use_rmsnorm", "use_swiglu", "scale_attn_weights"};

/* Other families' names of what is read under Llama's: right where they say the same. */
static const struct {
    const char *key;
    size_t offset; /* of an int64_t in struct model_config */
} synonyms[] = {
#define IS(key, member)                                                                            \
    {                                                                                              \
        key, offsetof(struct model_config, member)                                                 \
    }
    IS("n_layer", layers),
    IS("n_layers", layers),
    IS("num_layers", layers),
    IS("n_embd", hidden),
    IS("n_embed", hidden),
    IS("d_model", hidden),
    IS("hidden_dim", hidden),
    IS("n_head", heads),
    IS("n_heads", heads),
    IS("num_heads", heads),
    IS("n_kv_heads", kv_heads),
    IS("num_kv_heads", kv_heads),
    IS("ffn_hidden_size", intermediate),
    IS("ffn_dim", intermediate),
    IS("d_ff", intermediate),
    IS("rotary_dim", head_dim),
    IS("kv_channels", head_dim),
    IS("attention_head_size", head_dim),
    IS("head_size", head_dim),
    IS("v_head_dim", head_dim),
    IS("query_pre_attn_scalar", head_dim),
};

/* Names of what is computed here anyway. */
static const char *const neutral_texts[] = {
    "rms",     "rmsnorm", "rms_norm", "rope",           "rotary",
    "default", "none",    "silu",     "swish",          "swiglu",
    "causal",  "auto",    "full",     "full_attention", "model.safetensors",
};

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool has_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(text, list[i]))
            return true;
    return false;
}

bool config_reads(const struct architecture *architecture, const char *key)
{
    if (is_one_of(key, read_keys, COUNT(read_keys)))
        return true;
    if (architecture->window > 0 &&
        (strcmp(key, "sliding_window") == 0 || strcmp(key, "layer_types") == 0))
        return true;
    return architecture->window_asked && strcmp(key, "use_sliding_window") == 0;
}

/* A window that is there and not in use, and layers that all see everything, are what Llama is. */
static bool is_no_window(const cJSON *metadata, const cJSON *item)
{
    bool used = true;
    if (strcmp(item->string, "sliding_window") == 0)
        return config_truth(json_get(metadata, "use_sliding_window"), &used) && !used;
    if (strcmp(item->string, "layer_types") != 0 || !cJSON_IsArray(item))
        return false;
    for (const cJSON *type = item->child; type; type = type->next)
        if (!cJSON_IsString(type) || strcmp(type->valuestring, "full_attention") != 0)
            return false;
    return true;
}

/* The number with which this key changes nothing; false: none is known but 0. */
static bool neutral_number(const struct model_config *config, const char *key, double *out)
{
    static const char *const epsilons[] = {"norm_eps", "layer_norm_eps", "layer_norm_epsilon"};
    static const char *const scores[] = {"attention_multiplier", "attention_scale"};
    static const char *const thetas[] = {"rotary_base", "rotary_emb_base"};
    static const char *const shares[] = {"rotary_pct", "rotary_percent", "scale_emb"};
    static const char *const endings[] = {"multiplier", "scale", "scaling", "factor"};
    for (size_t i = 0; i < COUNT(synonyms); i++)
        if (strcmp(key, synonyms[i].key) == 0) {
            *out = (double)*(const int64_t *)((const char *)config + synonyms[i].offset);
            return true;
        }
    *out = is_one_of(key, epsilons, COUNT(epsilons)) ? config->norm_eps
           : is_one_of(key, thetas, COUNT(thetas))   ? config->rope_theta
           : is_one_of(key, scores, COUNT(scores))   ? 1 / sqrt((double)config->head_dim)
           : is_one_of(key, shares, COUNT(shares))   ? 1
                                                     : 0;
    for (size_t i = 0; i < COUNT(endings) && *out == 0; i++)
        *out = text_ends_with(key, endings[i]);
    return *out != 0;
}

/* The rules above in their order; a number must be what changes nothing, to rounding. */
static bool changes_nothing(const struct model *model, const cJSON *metadata, const cJSON *item)
{
    const char *key = item->string;
    double number, expected;
    bool truth;
    if (cJSON_IsNull(item) || key[0] == '_' || is_one_of(key, harmless, COUNT(harmless)) ||
        has_one_of(key, harmless_words, COUNT(harmless_words)))
        return true;
    if (is_one_of(key, true_keys, COUNT(true_keys)))
        return (config_truth(item, &truth) && truth) ||
               (config_number(item, &number) && number == 1);
    if (neutral_number(&model->config, key, &expected) && config_number(item, &number))
        return fabs(number - expected) <= 1e-6 * fabs(expected);
    if (config_is_off(item) || is_no_window(metadata, item))
        return true;
    if (cJSON_IsString(item) && is_one_of(item->valuestring, neutral_texts, COUNT(neutral_texts)))
        return true;
    return !has_one_of(key, words, COUNT(words));
}

/* A quantised model's configuration has such a key, so the message knows what helps there. */
void config_check_keys(struct model *model, const struct architecture *architecture)
{
    const cJSON *metadata = checkpoint_metadata(model->checkpoint);
    char shown[80];
    for (const cJSON *item = metadata->child; item; item = item->next) {
        if (config_reads(architecture, item->string) || changes_nothing(model, metadata, item))
            continue;
        config_show(item, shown, sizeof shown);
        config_refuse(
            model,
            "its configuration has \"%s\": %s, which no %s computes here; scan and plan "
            "go on, and %s",
            item->string, shown, architecture->name,
            strcasestr(item->string, "quant") || strcasestr(item->string, "compress")
                ? "the model that it was quantised from can be trained"
                : "the key can be taken out of config.json if the model was made without it");
    }
}
