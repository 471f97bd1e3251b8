#include "model/parameters.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- look-up --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct parameter *const *)a)->name,
                  (*(const struct parameter *const *)b)->name);
}

/* By layer, then role, then the weight before its bias: the order in which model_role()
 * searches. */
static int compare_roles(const void *a, const void *b)
{
    const struct parameter *x = *(const struct parameter *const *)a,
                           *y = *(const struct parameter *const *)b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return (int)x->bias - (int)y->bias;
}

/* Sorting by name shows a name that two tensors came to ("blk.0." and "blk.00."). */
int model_index(struct model *model, struct error *err)
{
    size_t count = model->parameter_count;
    model->by_name = array_alloc(count, sizeof *model->by_name, err);
    model->by_role = array_alloc(count, sizeof *model->by_role, err);
    if (!model->by_name || !model->by_role)
        return -1;
    for (size_t i = 0; i < count; i++)
        model->by_name[i] = model->by_role[i] = &model->parameters[i];
    qsort(model->by_name, count, sizeof *model->by_name, compare_names);
    for (size_t i = 1; i < count; i++)
        if (compare_names(&model->by_name[i - 1], &model->by_name[i]) == 0)
            return error_set(err, "%s: tensors %s and %s are both the module %s",
                             checkpoint_path(model->checkpoint),
                             model->by_name[i - 1]->tensor->name, model->by_name[i]->tensor->name,
                             model->by_name[i]->name);
    qsort(model->by_role, count, sizeof *model->by_role, compare_roles);
    return 0;
}

const struct parameter *model_find(const struct model *model, const char *name)
{
    const struct parameter key = {.name = (char *)(uintptr_t)name},
                           *wanted = &key; /* not written to */
    const struct parameter **found = bsearch(&wanted, model->by_name, model->parameter_count,
                                             sizeof *model->by_name, compare_names);
    return found ? *found : NULL;
}

const struct parameter *model_role(const struct model *model, enum parameter_role role, int layer,
                                   bool bias)
{
    const struct parameter key = {.layer = layer, .role = role, .bias = bias}, *wanted = &key;
    const struct parameter **found = bsearch(&wanted, model->by_role, model->parameter_count,
                                             sizeof *model->by_role, compare_roles);
    return found ? *found : NULL;
}

/* --- questions --- */

const char *model_notes(const struct model *model)
{
    return buffer_string(&model->notes);
}

bool parameter_is_tied_copy(const struct model *model, const struct parameter *parameter)
{
    return parameter->role == ROLE_HEAD && model->config.tied;
}

bool parameter_is_used(const struct model *model, const struct parameter *parameter)
{
    return (parameter->role != ROLE_OTHER || !model->by_roles) && !parameter->buffer &&
           !parameter_is_tied_copy(model, parameter);
}

/* By role; where the architecture is not known, by the names that transformers' models have for
 * their tokens' embeddings and for their heads. Position embeddings are none. */
enum parameter_end parameter_end(const struct model *model, const struct parameter *parameter)
{
    static const char *const embeddings[] = {"embed_tokens",   "wte",        "word_embeddings",
                                             "embed_in",       "embeddings", "shared",
                                             "tok_embeddings", "token_embd", "tokens_embed"},
                             *const heads[] = {"lm_head", "embed_out", "output_layer", "output"};
    if (parameter->role == ROLE_EMBEDDING)
        return END_EMBEDDING;
    if (parameter->role == ROLE_HEAD)
        return parameter_is_tied_copy(model, parameter) ? NO_END : END_HEAD;
    if (model->architecture || parameter->layer >= 0 || parameter->tensor->rank > 2)
        return NO_END;
    char name[1024];
    size_t length = strlen(parameter->name);
    const char *tail = parameter->bias ? ".bias" : ".weight";
    if (!text_ends_with(parameter->name, tail) || length >= sizeof name)
        return NO_END;
    snprintf(name, sizeof name, "%.*s", (int)(length - strlen(tail)), parameter->name);
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    for (size_t i = 0; !parameter->bias && i < sizeof embeddings / sizeof *embeddings; i++)
        if (strcmp(last, embeddings[i]) == 0)
            return END_EMBEDDING;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strcmp(last, heads[i]) == 0)
            return END_HEAD;
    return NO_END;
}

int64_t model_vocab(const struct model *model)
{
    int64_t rows = model->config.vocab;
    for (size_t i = 0; rows == 0 && i < model->parameter_count; i++)
        if (parameter_end(model, &model->parameters[i]) == END_EMBEDDING)
            rows = model->parameters[i].rows;
    return rows;
}

int64_t model_numel(const struct model *model)
{
    int64_t sum = 0;
    for (size_t i = 0; i < model->parameter_count; i++)
        if (!parameter_is_tied_copy(model, &model->parameters[i]))
            sum += model->parameters[i].numel;
    return sum;
}

size_t model_loaded_count(const struct model *model)
{
    double count = 0; /* of n tensors that become one each is an n-th of it */
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        size_t names = 1;
        for (const char *at = parameter->loaded; at && *at; at++)
            names += *at == '|';
        if (!parameter_is_tied_copy(model, parameter) && !parameter->buffer)
            count += (double)names / (parameter->loaded ? parameter->loaded_parts : 1);
    }
    return (size_t)(count + 0.5);
}

size_t module_name_length(const char *name)
{
    size_t length = strlen(name), ending = strlen(".weight");
    return length > ending && text_ends_with(name, ".weight") ? length - ending : length;
}

/* "model.layers.7.mlp" -> "mlp", 7: the first part of the name that is a number, which is the
 * block's. One of seven digits and more is no block's, -1. */
const char *name_after_number(const char *name, int *number)
{
    for (const char *at = name; *at; at++) {
        size_t digits = strspn(at, "0123456789");
        bool begins = at == name || at[-1] == '.';
        if (!begins || digits == 0 || at[digits] != '.')
            continue;
        *number = digits < 7 ? (int)strtol(at, NULL, 10) : -1;
        return at + digits + 1;
    }
    return NULL;
}

/* Here the number may be the last part, too: "layers.3" is a module's whole name where its tensor is
 * "layers.3.weight". */
int module_layer(const char *name)
{
    for (const char *at = strchr(name, '.'); at; at = strchr(at + 1, '.')) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits > 0 && digits < 7 && (at[digits + 1] == '.' || at[digits + 1] == '\0'))
            return (int)strtol(at + 1, NULL, 10);
    }
    return -1;
}

const char *module_type(const char *name, size_t *length)
{
    int number;
    const char *after = name_after_number(name, &number);
    const char *start = after && *after && strcmp(after, ".weight") != 0 ? after : name;
    *length = module_name_length(start);
    return start;
}

void parameter_short_name(const struct parameter *parameter, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)module_name_length(parameter->name), parameter->name);
}

/* --- the configuration as a fingerprint --- */

static void put_text(struct hash *hash, const char *text)
{
    hash_update(hash, text, strlen(text) + 1);
}

static void put_wholes(struct hash *hash, const int64_t *values, size_t count)
{
    hash_update(hash, values, count * sizeof *values);
}

static void put_real(struct hash *hash, double value)
{
    value += 0.0; /* -0 is 0 */
    hash_update(hash, &value, sizeof value);
}

/* Of each scaling the numbers that rope_frequency() and rope_fill() take for it. */
static void put_rope(struct hash *hash, const struct model_config *c)
{
    const int64_t type = c->rope_scaling;
    put_wholes(hash, &type, 1);
    put_real(hash, c->rope_theta);
    put_real(hash, c->rope_attention);
    if (c->rope_scaling != ROPE_PLAIN)
        put_real(hash, c->rope_factor);
    if (c->rope_scaling == ROPE_DYNAMIC) /* a longer text is refused */
        put_wholes(hash, &c->max_positions, 1);
    if (c->rope_scaling == ROPE_LLAMA3 || c->rope_scaling == ROPE_YARN)
        put_real(hash, c->rope_original_positions);
    if (c->rope_scaling == ROPE_LLAMA3) {
        put_real(hash, c->rope_low_freq);
        put_real(hash, c->rope_high_freq);
    }
    if (c->rope_scaling == ROPE_YARN) {
        const int64_t truncate = c->rope_truncate;
        put_real(hash, c->rope_beta_fast);
        put_real(hash, c->rope_beta_slow);
        put_wholes(hash, &truncate, 1);
    }
}

/* Member by member: a struct's bytes have padding and a pointer, and what is not computed with
 * (initializer_range, bos_token) may be edited. Runs on disk have this number: what is added later
 * must leave it where the new member has the value that it always had. */
int model_fingerprint_config(const struct model *model, char out[HASH_TEXT_SIZE], struct error *err)
{
    const struct model_config *c = &model->config;
    const int64_t wholes[] = {c->hidden,         c->intermediate, c->layers,   c->heads,
                              c->kv_heads,       c->head_dim,     c->vocab,    c->tied,
                              c->attention_bias, c->mlp_bias,     c->qkv_bias, c->head_norms};
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    put_text(hash, model->architecture ? model->architecture : "");
    put_text(hash, c->activation);
    put_wholes(hash, wholes, sizeof wholes / sizeof *wholes);
    put_real(hash, c->norm_eps);
    put_rope(hash, c);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        const int64_t window = model_window(c, layer);
        put_wholes(hash, &window, 1);
    }
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* --- stacks of experts --- */

int64_t model_configured_experts(const struct model *model, const char **key)
{
    static const char *const keys[] = {"num_local_experts", "num_experts", "n_routed_experts",
                                       "moe_num_experts"};
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    const cJSON *places[] = {config, json_get(config, "text_config")};
    const char *gguf = "";
    char name[80];
    int64_t count = 0;
    json_get_string(config, "general.architecture", &gguf);
    snprintf(name, sizeof name, "%.60s.expert_count", gguf);
    *key = "expert_count";
    if (json_get_int64(config, name, &count) && count > 0)
        return count;
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            *key = keys[i];
            if (json_get_int64(places[n], keys[i], &count) && count > 0)
                return count;
        }
    return 0;
}

/* By its name, or by as many matrices as the configuration has experts: a convolution's kernels
 * have three dimensions, too. */
bool parameter_is_stack(const struct model *model, const struct parameter *parameter)
{
    const struct tensor_info *tensor = parameter->tensor;
    const char *name = parameter->name, *key;
    if (tensor->rank != 3 || tensor->shape[0] < 1 || tensor->shape[1] < 2 || tensor->shape[2] < 2)
        return false;
    return strstr(name, "expert") || strstr(name, "moe") || strstr(name, "_exps") ||
           tensor->shape[0] == model_configured_experts(model, &key);
}

int64_t parameter_matrices(const struct model *model, const struct parameter *parameter)
{
    return parameter_is_stack(model, parameter) ? parameter->tensor->shape[0] : 1;
}
