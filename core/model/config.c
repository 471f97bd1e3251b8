/* What a model's files say of its shape.
 *
 * Eight numbers (fields[]) have to be right even for a scan: without them a model has no shape, and
 * the file is refused. All else may be wrong or unknown there: config_refuse() keeps the first
 * reason, scan and plan do without it, and whoever would compute the model (trainable.h) is told.
 */
#include "model/config.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/config_gguf.h"
#include "model/config_keys.h"
#include "model/config_values.h"
#include "model/rope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_MAX_CONFIG = 1 << 30 };

/* One number of the configuration: where it is called what, and what it may be. */
struct field {
    const char *hugging_face, *gguf; /* gguf: after "<architecture>." */
    size_t offset;                   /* in struct model_config */
    int64_t low, high;
    bool required;
};

#define FIELD(member) offsetof(struct model_config, member)

static const struct field fields[] = {
    {"num_hidden_layers", "block_count", FIELD(layers), 1, 100000, true},
    {"hidden_size", "embedding_length", FIELD(hidden), 1, SIZE_MAX_CONFIG, true},
    {"intermediate_size", "feed_forward_length", FIELD(intermediate), 1, SIZE_MAX_CONFIG, true},
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

/* GGUF may say a number for each layer; those that say the same of all are one number. Others, and
 * all such lists in config.json, are a model that is not computed here: it is shown as its first
 * layer is. */
static const cJSON *one_of_all(struct model *model, const char *key, const cJSON *item)
{
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    double first = 0, other;
    if (!cJSON_IsArray(item) || !item->child)
        return item;
    bool same = gguf && cJSON_GetArraySize(item) == model->config.layers &&
                config_number(item->child, &first);
    for (const cJSON *each = item->child; same && each; each = each->next)
        same = config_number(each, &other) && other == first;
    if (!same)
        config_refuse(model, "\"%s\" is a list, and must be one number, the same for all layers",
                      key);
    return item->child;
}

/* Without these a model has no shape, and nothing can be said of it: they must be right even for a
 * scan. Texts are no counts, as they are none to transformers; "1e-5" as a text, which YAML makes,
 * is for what is real. */
static int read_fields(struct model *model, const cJSON *metadata, struct error *err)
{
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char buffer[256];
        double value;
        const char *key = field_key(model, &fields[i], buffer, sizeof buffer);
        int64_t *out = (int64_t *)((char *)&model->config + fields[i].offset);
        const cJSON *item = json_get(metadata, key);
        if (!fields[i].required && (!item || cJSON_IsNull(item))) {
            bool may_be_null =
                fields[i].offset == FIELD(kv_heads) || fields[i].offset == FIELD(head_dim);
            if (item && !gguf && !may_be_null)
                config_refuse(model, "\"%s\" is null in its configuration, and must be a number",
                              key);
            continue;
        }
        item = one_of_all(model, key, item);
        if (!cJSON_IsNumber(item) || !config_number(item, &value) || value != floor(value) ||
            value < (double)fields[i].low || value > (double)fields[i].high)
            return error_set(err,
                             "%s: \"%s\" must be there and be a whole number from %lld to %lld",
                             checkpoint_path(model->checkpoint), key, (long long)fields[i].low,
                             (long long)fields[i].high);
        *out = (int64_t)value;
    }
    return 0;
}

/* "layer_types" says of each layer which attention it has; transformers takes the first
 * num_hidden_layers of them only where there are as many. */
static void read_layer_types(struct model *model, const cJSON *types)
{
    struct model_config *config = &model->config;
    const cJSON *type;
    int64_t layer = 0, sliding = 0;
    if (!cJSON_IsArray(types) || cJSON_GetArraySize(types) != config->layers) {
        config_refuse(model, "\"layer_types\" must be a list of %lld texts, one for each layer",
                      (long long)config->layers);
        return;
    }
    cJSON_ArrayForEach(type, types)
    {
        const char *name = cJSON_IsString(type) ? type->valuestring : "";
        bool slides = strcmp(name, "sliding_attention") == 0;
        if (!slides && strcmp(name, "full_attention") != 0 && strcmp(name, "attention") != 0) {
            char shown[64];
            config_show(type, shown, sizeof shown);
            config_refuse(model,
                          "\"layer_types\" has %s; supported are \"full_attention\" and "
                          "\"sliding_attention\"",
                          shown);
            return;
        }
        if (config->slides)
            config->slides[layer] = slides;
        sliding += slides;
        layer++;
    }
    if (sliding > 0 && config->window == 0)
        config_refuse(model, "\"layer_types\" has layers of \"sliding_attention\", and no "
                             "\"sliding_window\" is in use; with \"full_attention\" for all, "
                             "they see everything");
    if (sliding == 0)
        config->window = 0;
}

/* The window of each layer, as transformers 5 has it:
 *   llama    none; what would give it one is refused (config_keys.c)
 *   mistral  all layers, unless "sliding_window" is null; with "layer_types" (which makes
 *            transformers take it for a Ministral) those of them that say so
 *   qwen     where "use_sliding_window": those that "layer_types" says, else from
 *            "max_window_layers" on */
static int read_window(struct model *model, const struct architecture *architecture,
                       const cJSON *metadata, struct error *err)
{
    struct model_config *config = &model->config;
    const cJSON *types = json_get(metadata, "layer_types");
    bool asked = !architecture->window_asked;
    int64_t from = architecture->window_asked ? 28 : 0;
    if (architecture->window == 0)
        return 0;
    if (architecture->window_asked) {
        config_get_flag(model, metadata, "use_sliding_window", &asked);
        config_get_whole(model, metadata, "max_window_layers", false, 0, SIZE_MAX_CONFIG, &from);
    }
    config->window = architecture->window;
    config_get_whole(model, metadata, "sliding_window", true, 1, SIZE_MAX_CONFIG, &config->window);
    if (!asked || cJSON_IsNull(json_get(metadata, "sliding_window")))
        config->window = 0;
    config->slides = array_alloc((size_t)config->layers, sizeof *config->slides, err);
    if (!config->slides)
        return -1;
    for (int64_t layer = 0; layer < config->layers; layer++)
        config->slides[layer] = layer >= from;
    if (types && !cJSON_IsNull(types))
        read_layer_types(model, types);
    return 0;
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

/* A token's number, or, of the end, several. */
static void read_token(struct model *model, const cJSON *metadata, const char *key, int64_t *out)
{
    const cJSON *item = json_get(metadata, key);
    if (!cJSON_IsArray(item)) {
        config_get_whole(model, metadata, key, true, -1, SIZE_MAX_CONFIG, out);
        return;
    }
    for (const cJSON *each = item->child; each; each = each->next) {
        double value;
        if (!config_number(each, &value) || value != floor(value) || value < -1 ||
            value > SIZE_MAX_CONFIG)
            config_refuse(model, "\"%s\" has an entry that is not a token's number", key);
        else if (each == item->child)
            *out = (int64_t)value;
    }
}

/* transformers 5 writes "rope_parameters"; "rope_scaling", which was before, goes first where there
 * is anything in it. */
static void read_rope(struct model *model, const cJSON *metadata)
{
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    config_get_real(model, metadata, "rope_theta", false, &model->config.rope_theta);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const cJSON *scaling = json_get(metadata, keys[i]);
        bool nothing = !scaling || cJSON_IsNull(scaling) || cJSON_IsFalse(scaling);
        if (nothing || (cJSON_IsObject(scaling) && !scaling->child))
            continue;
        if (!cJSON_IsObject(scaling))
            config_refuse(model,
                          "\"%s\" must be an object such as {\"rope_type\": \"linear\", "
                          "\"factor\": 2}, or null",
                          keys[i]);
        else
            config_read_rope(model, scaling, metadata, keys[i]);
        return;
    }
}

static int read_hugging_face(struct model *model, const struct architecture *architecture,
                             const cJSON *metadata, struct error *err)
{
    struct model_config *config = &model->config;
    config_get_real(model, metadata, "rms_norm_eps", false, &config->norm_eps);
    config_get_real(model, metadata, "initializer_range", false, &config->initializer_range);
    config_get_real(model, metadata, "attention_dropout", true, &config->attention_dropout);
    config_get_flag(model, metadata, "tie_word_embeddings", &config->tied);
    if (architecture->attention_bias)
        config_get_flag(model, metadata, "attention_bias", &config->attention_bias);
    if (architecture->mlp_bias)
        config_get_flag(model, metadata, "mlp_bias", &config->mlp_bias);
    int64_t checked_only; /* text/generation.h reads it */
    read_token(model, metadata, "eos_token_id", &checked_only);
    read_token(model, metadata, "bos_token_id", &config->bos_token);
    read_activation(config, json_get(metadata, "hidden_act"));
    read_rope(model, metadata);
    return read_window(model, architecture, metadata, err);
}

bool config_has_bias(const struct model_config *config, enum parameter_role role)
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
    /* "embed_tokens.weight" is AutoModel's name, "lm_head.weight" all that some tied models have */
    static const char *const names[] = {"model.embed_tokens.weight", "embed_tokens.weight",
                                        "lm_head.weight"};
    const struct tensor_info *embedding =
        gguf ? checkpoint_find(model->checkpoint, "token_embd.weight") : NULL;
    for (size_t i = 0; !gguf && !embedding && i < sizeof names / sizeof *names; i++)
        embedding = checkpoint_find(model->checkpoint, names[i]);
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
    if (!gguf && read_hugging_face(model, *architecture, metadata, err) != 0)
        return -1;
    if (complete(model, *architecture, gguf, err) != 0)
        return -1;
    if (gguf)
        config_read_gguf(model, *architecture);
    if ((*architecture)->trainable && gguf)
        config_check_gguf_keys(model);
    else if ((*architecture)->trainable)
        config_check_keys(model, *architecture);
    return 0;
}
