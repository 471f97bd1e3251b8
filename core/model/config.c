#include "model/config.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_CONFIG = 1 << 30 };

/* One number of the configuration: where it is called what, and what it may be. */
struct field {
    const char *hugging_face, *gguf; /* gguf: behind "<architecture>." */
    size_t offset;                   /* in struct model_config */
    int64_t low, high;
    bool required;
};

#define FIELD(member) offsetof(struct model_config, member)

static const struct field fields[] = {
    {"hidden_size", "embedding_length", FIELD(hidden), 1, SIZE_MAX_CONFIG, true},
    {"intermediate_size", "feed_forward_length", FIELD(intermediate), 1, SIZE_MAX_CONFIG, true},
    {"num_hidden_layers", "block_count", FIELD(layers), 1, 100000, true},
    {"num_attention_heads", "attention.head_count", FIELD(heads), 1, 65536, true},
    {"num_key_value_heads", "attention.head_count_kv", FIELD(kv_heads), 1, 65536, false},
    {"head_dim", "attention.key_length", FIELD(head_dim), 1, 65536, false},
    {"vocab_size", "vocab_size", FIELD(vocab), 1, SIZE_MAX_CONFIG, false},
    {"max_position_embeddings", "context_length", FIELD(max_positions), 1, SIZE_MAX_CONFIG, false},
};

/* "llama.block_count" from "block_count"; config.json's keys stand alone. */
static const char *field_key(const struct model *model, const struct field *field, char *buffer,
                             size_t size)
{
    if (checkpoint_format(model->checkpoint) != CHECKPOINT_GGUF)
        return field->hugging_face;
    snprintf(buffer, size, "%s.%s", model->architecture_name, field->gguf);
    return buffer;
}

static int read_fields(struct model *model, const cJSON *metadata, struct error *err)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char buffer[256];
        const char *key = field_key(model, &fields[i], buffer, sizeof buffer);
        int64_t *out = (int64_t *)((char *)&model->config + fields[i].offset);
        const cJSON *item = json_get(metadata, key);
        if (!fields[i].required && (!item || cJSON_IsNull(item)))
            continue;
        if (json_need_int64(metadata, key, out, fields[i].low, fields[i].high,
                            checkpoint_path(model->checkpoint), err) != 0)
            return -1;
    }
    return 0;
}

/* "layer_types" says for each layer which attention it has: those that slide must come last. */
static void read_layer_types(struct model_config *config, const cJSON *types)
{
    const cJSON *type;
    int64_t layer = 0, first = -1;
    if (!cJSON_IsArray(types))
        return;
    cJSON_ArrayForEach(type, types)
    {
        bool slides = cJSON_IsString(type) && strcmp(type->valuestring, "sliding_attention") == 0;
        if (slides && first < 0)
            first = layer;
        config->window_unsupported |= !slides && first >= 0;
        layer++;
    }
    config->window_unsupported |= layer != config->layers;
    if (first < 0)
        config->window = 0;
    config->window_from = first < 0 ? 0 : first;
}

/* Where the key is there it must be a whole number. */
static void read_count(int64_t *out, const cJSON *metadata, const char *key, int64_t least,
                       bool *unsupported)
{
    if (json_get(metadata, key) && (!json_get_int64(metadata, key, out) || *out < least))
        *unsupported = true;
}

/* Mistral has a window unless it says null, Qwen where it says "use_sliding_window". */
static void read_window(struct model_config *config, const struct architecture *architecture,
                        const cJSON *metadata)
{
    bool asked = !architecture->window_asked;
    if (architecture->window_asked)
        json_get_bool(metadata, "use_sliding_window", &asked);
    if (architecture->window == 0 || !asked || cJSON_IsNull(json_get(metadata, "sliding_window")))
        return;
    config->window = architecture->window;
    read_count(&config->window, metadata, "sliding_window", 1, &config->window_unsupported);
    if (!architecture->window_asked)
        return;
    config->window_from = 28;
    read_count(&config->window_from, metadata, "max_window_layers", 0, &config->window_unsupported);
    read_layer_types(config, json_get(metadata, "layer_types"));
}

/* Absent it is SiLU; null, or anything but a name, is none that is known. */
static void read_activation(struct model_config *config, const cJSON *item)
{
    if (!item)
        return;
    snprintf(config->activation, sizeof config->activation, "%s",
             cJSON_IsString(item) ? item->valuestring : "unknown");
    utf8_sanitize(config->activation);
}

static int read_hugging_face(struct model *model, const struct architecture *architecture,
                             const cJSON *metadata, struct error *err)
{
    struct model_config *config = &model->config;
    json_get_double(metadata, "rms_norm_eps", &config->norm_eps);
    json_get_double(metadata, "rope_theta", &config->rope_theta);
    json_get_double(metadata, "initializer_range", &config->initializer_range);
    json_get_bool(metadata, "tie_word_embeddings", &config->tied);
    if (architecture->attention_bias)
        json_get_bool(metadata, "attention_bias", &config->attention_bias);
    if (architecture->mlp_bias)
        json_get_bool(metadata, "mlp_bias", &config->mlp_bias);
    json_get_int64(metadata, "bos_token_id", &config->bos_token);
    read_activation(config, json_get(metadata, "hidden_act"));
    read_window(config, architecture, metadata);
    /* transformers 5 writes "rope_parameters"; "rope_scaling", which was before, goes first. */
    const cJSON *scaling = json_get(metadata, "rope_scaling");
    if (!cJSON_IsObject(scaling))
        scaling = json_get(metadata, "rope_parameters");
    if (cJSON_IsObject(scaling))
        json_get_double(scaling, "rope_theta", &config->rope_theta);
    return config_read_rope(config, scaling, metadata, checkpoint_path(model->checkpoint), err);
}

static int read_gguf(struct model *model, const struct architecture *architecture,
                     const cJSON *metadata)
{
    struct model_config *config = &model->config;
    char key[256];
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", model->architecture_name);
    if (json_get_double(metadata, key, &config->norm_eps)) {
        /* Stored as a float: 1e-5 arrives as 9.99999975e-06. Seven digits give back what was meant.
         */
        snprintf(key, sizeof key, "%.7g", config->norm_eps);
        config->norm_eps = strtod(key, NULL);
    }
    snprintf(key, sizeof key, "%s.rope.freq_base", model->architecture_name);
    json_get_double(metadata, key, &config->rope_theta);
    json_get_int64(metadata, "tokenizer.ggml.bos_token_id", &config->bos_token);
    config->tied = !checkpoint_find(model->checkpoint, "output.weight");
    config->attention_bias =
        architecture->attention_bias && checkpoint_find(model->checkpoint, "blk.0.attn_q.bias");
    config->mlp_bias =
        architecture->mlp_bias && checkpoint_find(model->checkpoint, "blk.0.ffn_gate.bias");
    const char *scaling = NULL;
    snprintf(key, sizeof key, "%s.rope.scaling.type", model->architecture_name);
    if (json_get_string(metadata, key, &scaling) && strcmp(scaling, "none") != 0) {
        config->rope_scaling = strcmp(scaling, "linear") == 0 ? ROPE_LINEAR : ROPE_UNSUPPORTED;
        snprintf(key, sizeof key, "%s.rope.scaling.factor", model->architecture_name);
        json_get_double(metadata, key, &config->rope_factor);
    }
    return 0;
}

bool config_has_bias(const struct model_config *config, enum module_role role)
{
    bool qkv = role == ROLE_Q || role == ROLE_K || role == ROLE_V;
    bool mlp = role == ROLE_GATE || role == ROLE_UP || role == ROLE_DOWN;
    return (qkv && config->qkv_bias) || ((qkv || role == ROLE_O) && config->attention_bias) ||
           (mlp && config->mlp_bias);
}

/* What the files leave out, from what they say. */
static int complete(struct model *model, const struct architecture *architecture, bool gguf,
                    struct error *err)
{
    struct model_config *config = &model->config;
    const struct tensor_info *embedding = checkpoint_find(
        model->checkpoint, gguf ? "token_embd.weight" : "model.embed_tokens.weight");
    bool absent = !json_get(checkpoint_metadata(model->checkpoint), "num_key_value_heads");
    if (config->kv_heads == 0)
        config->kv_heads =
            !gguf && absent && architecture->kv_heads ? architecture->kv_heads : config->heads;
    if (config->head_dim == 0)
        config->head_dim =
            architecture->head_dim ? architecture->head_dim : config->hidden / config->heads;
    if (config->vocab == 0 && embedding && embedding->rank == 2)
        config->vocab = embedding->shape[0];
    if (config->heads % config->kv_heads != 0 || config->head_dim < 1)
        return error_set(err, "%s: %lld heads and %lld key-value heads do not go together",
                         checkpoint_path(model->checkpoint), (long long)config->heads,
                         (long long)config->kv_heads);
    return 0;
}

int config_read(struct model *model, const struct architecture **architecture, struct error *err)
{
    const cJSON *metadata = checkpoint_metadata(model->checkpoint);
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    const char *name = NULL;
    *architecture = NULL;
    model->config = (struct model_config){.norm_eps = gguf ? 1e-5 : 1e-6, /* LlamaConfig's */
                                          .activation = "silu",
                                          .rope_theta = 10000,
                                          .initializer_range = 0.02,
                                          .rope_factor = 1,
                                          .rope_attention = 1,
                                          .bos_token = -1};
    if (!json_get_string(metadata, gguf ? "general.architecture" : "model_type", &name))
        return 0;
    model->architecture_name = string_copy(name, err);
    if (!model->architecture_name)
        return -1;
    utf8_sanitize(model->architecture_name);
    *architecture = architecture_by_name(name, gguf);
    if (!*architecture)
        return 0;
    model->config.tied = (*architecture)->tied;
    model->config.max_positions =
        !gguf && (*architecture)->max_positions ? (*architecture)->max_positions : 2048;
    model->config.qkv_bias = (*architecture)->qkv_bias;
    model->config.head_norms = (*architecture)->head_norms;
    if (read_fields(model, metadata, err) != 0)
        return -1;
    int status = gguf ? read_gguf(model, *architecture, metadata)
                      : read_hugging_face(model, *architecture, metadata, err);
    if (status != 0 || complete(model, *architecture, gguf, err) != 0)
        return -1;
    if (gguf)
        config_recognise_factors(model);
    return 0;
}
