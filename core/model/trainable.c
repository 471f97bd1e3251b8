#include "model/trainable.h"

#include "model/architecture.h"
#include "model/config.h"
#include "model/rope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The tensor of a role is there, has the size that the configuration gives, and a type that
 * computes. */
static int check_shape(const struct model *model, enum parameter_role role, int layer, int64_t rows,
                       int64_t cols, const char *what, struct error *err)
{
    const struct parameter *parameter = model_role(model, role, layer, false);
    if (!parameter && layer < 0)
        return error_set(
            err, "%s: it has no tensor %s.weight%s", checkpoint_path(model->checkpoint), what,
            role == ROLE_HEAD ? "; where head and embeddings are one tensor, config.json "
                                "says \"tie_word_embeddings\": true"
                              : "");
    if (!parameter)
        return error_set(err, "%s: layer %d has no %s", checkpoint_path(model->checkpoint), layer,
                         what);
    if (parameter->rows != rows || parameter->cols != cols)
        return error_set(err, "%s is %lld x %lld; the configuration says %lld x %lld",
                         parameter->name, (long long)parameter->rows, (long long)parameter->cols,
                         (long long)rows, (long long)cols);
    if (parameter->tensor->dtype == DTYPE_UNSUPPORTED)
        return error_set(err, "%s has the type %s, which cannot be read", parameter->name,
                         parameter->tensor->dtype_name);
    if (parameter->tensor->dtype == DTYPE_COMPOSED)
        return error_set(err,
                         "%s is quantised (%s), which is scanned and planned here and neither "
                         "trained nor computed: give the model that it was quantised from",
                         parameter->name, parameter->tensor->dtype_name);
    return 0;
}

/* Biases are where the architecture and the configuration say, and as long as their weight has
 * rows: transformers ignores any other. */
static int check_bias(const struct model *model, enum parameter_role role, int layer,
                      struct error *err)
{
    const struct parameter *weight = model_role(model, role, layer, false);
    const struct parameter *bias = model_role(model, role, layer, true);
    bool expected = config_has_bias(&model->config, role);
    if (!bias && expected)
        return error_set(err, "%s: %s has no bias, which the configuration asks for",
                         checkpoint_path(model->checkpoint), weight->name);
    if (!bias)
        return 0;
    if (!expected)
        return error_set(err, "%s: %s has no place in its architecture or configuration",
                         checkpoint_path(model->checkpoint), bias->name);
    if (bias->rows != 1 || bias->cols != weight->rows || bias->tensor->dtype == DTYPE_UNSUPPORTED)
        return error_set(err, "%s is %lld x %lld, %s; its weight has %lld rows", bias->name,
                         (long long)bias->rows, (long long)bias->cols, bias->tensor->dtype_name,
                         (long long)weight->rows);
    return 0;
}

/* A block's weights, then its biases, then the norms of its heads, which only some architectures have. */
static int check_block(const struct model *model, int layer, struct error *err)
{
    static const enum parameter_role linear[] = {ROLE_Q,    ROLE_K,  ROLE_V,   ROLE_O,
                                                 ROLE_GATE, ROLE_UP, ROLE_DOWN};
    const struct model_config *c = &model->config;
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const struct {
        enum parameter_role role;
        int64_t rows, cols;
        const char *what;
    } parts[] = {
        {ROLE_INPUT_NORM, 1, c->hidden, "input_layernorm"},
        {ROLE_MLP_NORM, 1, c->hidden, "post_attention_layernorm"},
        {ROLE_Q, q, c->hidden, "q_proj"},
        {ROLE_K, kv, c->hidden, "k_proj"},
        {ROLE_V, kv, c->hidden, "v_proj"},
        {ROLE_O, c->hidden, q, "o_proj"},
        {ROLE_GATE, c->intermediate, c->hidden, "gate_proj"},
        {ROLE_UP, c->intermediate, c->hidden, "up_proj"},
        {ROLE_DOWN, c->hidden, c->intermediate, "down_proj"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (check_shape(model, parts[i].role, layer, parts[i].rows, parts[i].cols, parts[i].what,
                        err) != 0)
            return -1;
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++)
        if (check_bias(model, linear[i], layer, err) != 0)
            return -1;
    if (!c->head_norms)
        return 0;
    if (check_shape(model, ROLE_Q_NORM, layer, 1, c->head_dim, "q_norm", err) != 0)
        return -1;
    return check_shape(model, ROLE_K_NORM, layer, 1, c->head_dim, "k_norm", err);
}

/* A base of 0 or a factor of 1e300 would make every loss NaN, and name nothing. */
static bool rotates(const struct model_config *config)
{
    for (int64_t pair = 0; pair < config->head_dim / 2; pair++)
        if (!isfinite(rope_frequency(config, pair)))
            return false;
    return isfinite(config->rope_attention) && config->rope_theta > 0;
}

/* In the order in which a user would want to know: architecture, what of the configuration is
 * refused, activation, heads. */
int config_check(const struct model *model, struct error *err)
{
    const struct model_config *c = &model->config;
    const char *path = checkpoint_path(model->checkpoint);
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    const struct architecture *architecture =
        model->architecture ? architecture_by_name(model->architecture_name, gguf) : NULL;
    char supported[128];
    architecture_list_trainable(supported, sizeof supported);
    if (!architecture || !architecture->trainable)
        return error_set(err,
                         "%s: the architecture \"%.80s\" can be scanned and planned but not "
                         "trained, evaluated or "
                         "generated from; supported for that: %s",
                         path, model->architecture_name ? model->architecture_name : "unknown",
                         supported);
    if (model->refusal.kind != ERROR_NONE)
        return error_set(err, "%s", model->refusal.text);
    if (strcmp(c->activation, "silu") != 0 && strcmp(c->activation, "swish") != 0)
        return error_set(err,
                         "%s: its activation (hidden_act) \"%s\" is not supported for training; "
                         "supported are silu and swish",
                         path, c->activation);
    if (c->head_dim % 2 != 0)
        return error_set(err, "%s: heads of %lld dimensions cannot be rotated in pairs", path,
                         (long long)c->head_dim);
    if (!rotates(c))
        return error_set(err, "%s: the numbers of its rotary embedding give no angles", path);
    return 0;
}

/* Every tensor of the forward pass is looked at before the first is read: an error comes at once,
 * not after minutes of loading. */
int model_check_computable(const struct model *model, struct error *err)
{
    const struct model_config *c = &model->config;
    if (config_check(model, err) != 0 ||
        check_shape(model, ROLE_EMBEDDING, -1, c->vocab, c->hidden, "model.embed_tokens", err) !=
            0 ||
        check_shape(model, ROLE_FINAL_NORM, -1, 1, c->hidden, "model.norm", err) != 0 ||
        (!c->tied && check_shape(model, ROLE_HEAD, -1, c->vocab, c->hidden, "lm_head", err) != 0))
        return -1;
    for (int layer = 0; layer < c->layers; layer++)
        if (check_block(model, layer, err) != 0)
            return -1;
    return 0;
}

/* Evaluation has no dropout anyway; training without it would be another one than was asked for. */
int config_check_dropout(const struct model *model, struct error *err)
{
    if (model->config.attention_dropout == 0)
        return 0;
    return error_set(
        err,
        "%s: \"attention_dropout\" is %g in its configuration, and training has none "
        "here: with 0 in config.json it can be trained, and it can be evaluated as it is",
        checkpoint_path(model->checkpoint), model->config.attention_dropout);
}

int model_check_trainable(const struct model *model, struct error *err)
{
    return model_check_computable(model, err) == 0 ? config_check_dropout(model, err) : -1;
}

/* A note, not an error: rotary positions have no end, but the model has not seen those. */
bool model_note_positions(const struct model *model, int64_t longest, char *out, size_t size)
{
    int64_t known = model->config.max_positions;
    out[0] = '\0';
    if (known <= 0 || longest <= known)
        return false;
    snprintf(out, size,
             "texts of up to %lld tokens go beyond the model's %lld positions, where it was never "
             "trained; in train a --seq-len up to that keeps within, and --rope-scaling "
             "TYPE:FACTOR stretches them",
             (long long)longest, (long long)known);
    return true;
}
