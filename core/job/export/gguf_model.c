#include "job/export/gguf_model.h"

#include "base/memory.h"
#include "model/architecture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct known {
    const char *name; /* config.json's model_type */
    const char *classes[3];
    struct gguf_model gguf;
} known[] = {
    {"llama",
     {"LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM"},
     {"llama", true, true}},
    {"mistral", {"MistralForCausalLM", "LlamaForCausalLM"}, {"llama", true, false}},
    {"qwen2", {"Qwen2ForCausalLM"}, {"qwen2", false, false}},
    {"qwen3", {"Qwen3ForCausalLM"}, {"qwen3", false, true}},
};

int gguf_model_find(struct gguf_model *out, const struct model *model, const cJSON *config,
                    struct error *err)
{
    const cJSON *first = cJSON_GetArrayItem(json_get(config, "architectures"), 0);
    const char *name = model->architecture ? model->architecture : "";
    const char *class_name = cJSON_GetStringValue(first);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        bool right = !class_name;
        for (int k = 0; k < 3 && known[i].classes[k]; k++)
            right = right || strcmp(known[i].classes[k], class_name) == 0;
        if (!right)
            return error_set(err,
                             "%s: config.json says \"%.60s\" as its architecture; as GGUF %s is "
                             "exported; export a folder instead",
                             checkpoint_path(model->checkpoint), class_name, known[i].classes[0]);
        *out = known[i].gguf;
        return 0;
    }
    return error_set(err,
                     "%s: its architecture, \"%s\", is not exported as GGUF; llama, mistral, qwen2 "
                     "and qwen3 are; export a folder instead",
                     checkpoint_path(model->checkpoint), model->architecture_name);
}

/* --- keys --- */

struct writer {
    struct gguf_keys *keys;
    const char *architecture;
};

static const char *full_key(char out[96], const struct writer *w, const char *key)
{
    snprintf(out, 96, "%s.%s", w->architecture, key);
    return out;
}

static void put_size(const struct writer *w, const char *key, int64_t value)
{
    char full[96];
    gguf_put_count(w->keys, full_key(full, w, key), (uint32_t)value);
}

static void put_real(const struct writer *w, const char *key, double value)
{
    char full[96];
    gguf_put_real(w->keys, full_key(full, w, key), value);
}

/* The converter takes these as config.json has them, and leaves out what it has not. */
static void put_said(const struct writer *w, const char *key, const cJSON *rope, const char *member)
{
    double value;
    if (json_get_double(rope, member, &value))
        put_real(w, key, value);
}

/* Dynamic scaling and Llama 3's have no keys: the first changes nothing here, the second is a
 * tensor. */
static void put_rope(const struct writer *w, const struct model_config *c, const cJSON *config)
{
    char full[96];
    const cJSON *rope = json_get(config, "rope_parameters");
    if (!cJSON_IsObject(rope))
        rope = json_get(config, "rope_scaling");
    if (c->rope_scaling == ROPE_LINEAR) {
        gguf_put_text(w->keys, full_key(full, w, "rope.scaling.type"), "linear");
        put_real(w, "rope.scaling.factor", c->rope_factor);
    } else if (c->rope_scaling == ROPE_YARN) {
        gguf_put_text(w->keys, full_key(full, w, "rope.scaling.type"), "yarn");
        put_real(w, "rope.scaling.factor", c->rope_factor);
        put_size(w, "rope.scaling.original_context_length", (int64_t)c->rope_original_positions);
        put_said(w, "rope.scaling.yarn_ext_factor", rope, "extrapolation_factor");
        put_said(w, "rope.scaling.yarn_attn_factor", rope,
                 json_get(rope, "attention_factor") ? "attention_factor" : "attn_factor");
        put_said(w, "rope.scaling.yarn_beta_fast", rope, "beta_fast");
        put_said(w, "rope.scaling.yarn_beta_slow", rope, "beta_slow");
    }
    put_real(w, "rope.freq_base", c->rope_theta);
}

void gguf_put_model(struct gguf_keys *keys, const struct gguf_model *gguf,
                    const struct model *model, const cJSON *config, uint32_t type)
{
    const struct model_config *c = &model->config;
    const struct writer w = {keys, gguf->architecture};
    put_size(&w, "block_count", c->layers);
    put_size(&w, "context_length", c->max_positions);
    put_size(&w, "embedding_length", c->hidden);
    put_size(&w, "feed_forward_length", c->intermediate);
    put_size(&w, "attention.head_count", c->heads);
    put_size(&w, "attention.head_count_kv", c->kv_heads);
    put_rope(&w, c, config);
    put_real(&w, "attention.layer_norm_rms_epsilon", c->norm_eps);
    if (gguf->says_head_dim || json_is_there(json_get(config, "head_dim"))) {
        put_size(&w, "attention.key_length", c->head_dim);
        put_size(&w, "attention.value_length", c->head_dim);
    }
    gguf_put_count(keys, "general.file_type", type);
    if (!gguf->llama)
        return;
    put_size(&w, "vocab_size", c->vocab);
    put_size(&w, "rope.dimension_count", c->head_dim);
}

/* --- tensors --- */

char *gguf_tensor_name(const struct model *model, const struct parameter *parameter,
                       struct error *err)
{
    const struct architecture *architecture = architecture_by_name(model->architecture, false);
    const char *suffix = parameter->bias ? ".bias" : ".weight";
    struct buffer name = BUFFER_INIT;
    for (size_t i = 0; architecture && i < architecture->role_count; i++) {
        const struct role_name *role = &architecture->roles[i];
        if (role->role != parameter->role)
            continue;
        if (role->in_block)
            buffer_format(&name, "blk.%d.%s%s", parameter->layer, role->gguf, suffix);
        else
            buffer_format(&name, "%s%s", role->gguf, suffix);
        if (buffer_check(&name, err) == 0)
            return name.data;
        buffer_free(&name);
        return NULL;
    }
    error_set(err, "tensor %s has no name in GGUF", parameter->name);
    return NULL;
}

int64_t gguf_row(const struct gguf_model *gguf, const struct model *model,
                 const struct parameter *parameter, int64_t row)
{
    bool query = parameter->role == ROLE_Q, key = parameter->role == ROLE_K;
    if (!gguf->llama || (!query && !key))
        return row;
    int64_t size = model->config.head_dim, half = size / 2, head = row / size, within = row % size;
    return head * size + within % half * 2 + within / half;
}

/* Frequencies below 2 pi / (L / high) stay, those above 2 pi / (L / low) are divided by the factor,
 * between them both are mixed (transformers, modeling_rope_utils.py). PyTorch makes each step in
 * fp32, and divides a number by a value as the number times the value's inverse; so does this, for
 * the same last bit. */
int gguf_rope_factors(float **out, const struct gguf_model *gguf, const struct model *model,
                      struct error *err)
{
    const struct model_config *c = &model->config;
    *out = NULL;
    if (!gguf->llama || c->rope_scaling != ROPE_LLAMA3)
        return 0;
    int64_t count = (c->head_dim + 1) / 2;
    float *factors = array_alloc((size_t)count, sizeof *factors, err);
    if (!factors)
        return -1;
    const double low = c->rope_low_freq, high = c->rope_high_freq, L = c->rope_original_positions;
    for (int64_t i = 0; i < count; i++) {
        float exponent = (float)(2 * i) / (float)c->head_dim;
        float power = (float)pow((float)c->rope_theta, exponent);
        float wavelength = 1 / (1 / power) * (float)(2 * M_PI);
        if (wavelength < (float)(L / high)) {
            factors[i] = 1;
        } else if (wavelength > (float)(L / low)) {
            factors[i] = (float)c->rope_factor;
        } else {
            float smooth = (1 / wavelength * (float)L - (float)low) / (float)(high - low);
            factors[i] = 1 / ((1 - smooth) / (float)c->rope_factor + smooth);
        }
    }
    *out = factors;
    return 0;
}
