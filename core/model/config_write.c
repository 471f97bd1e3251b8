/* Configurations for models that are exported: a new one from a GGUF file's metadata, or the one
 * that was there, of which only the members change that are no longer true. */
#include "model/config_write.h"

#include "model/config.h"
#include "model/config_keys.h"
#include "model/config_values.h"

/* "rope_scaling" as transformers has it; NULL: plain. *failed: no memory. */
static cJSON *rope_object(const struct model_config *c, bool *failed)
{
    static const char *const names[] = {[ROPE_LLAMA3] = "llama3",
                                        [ROPE_LINEAR] = "linear",
                                        [ROPE_DYNAMIC] = "dynamic",
                                        [ROPE_YARN] = "yarn"};
    const struct {
        const char *key;
        double value;
        bool has;
    } numbers[] = {
        {"factor", c->rope_factor, true},
        {"low_freq_factor", c->rope_low_freq, c->rope_scaling == ROPE_LLAMA3},
        {"high_freq_factor", c->rope_high_freq, c->rope_scaling == ROPE_LLAMA3},
        {"original_max_position_embeddings", c->rope_original_positions,
         c->rope_scaling == ROPE_LLAMA3 || c->rope_scaling == ROPE_YARN},
    };
    if (c->rope_scaling == ROPE_PLAIN || c->rope_scaling == ROPE_UNSUPPORTED)
        return NULL;
    cJSON *object = cJSON_CreateObject();
    *failed = *failed || !cJSON_AddStringToObject(object, "rope_type", names[c->rope_scaling]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].has)
            *failed = *failed || !cJSON_AddNumberToObject(object, numbers[i].key, numbers[i].value);
    return object;
}

static void put_rope(struct json_writer *json, const struct model_config *c)
{
    bool failed = false;
    cJSON *object = rope_object(c, &failed);
    json_real(json, "rope_theta", c->rope_theta);
    json_tree(json, "rope_scaling", object);
    json->out->failed |= failed;
    cJSON_Delete(object);
}

/* Takes over the value, in place of the one that is there. */
static bool set(cJSON *object, const char *key, cJSON *value)
{
    if (!value)
        return false;
    bool done = json_get(object, key) ? cJSON_ReplaceItemInObjectCaseSensitive(object, key, value)
                                      : cJSON_AddItemToObject(object, key, value);
    if (!done)
        cJSON_Delete(value);
    return done;
}

/* "1e-05" is a number here, and transformers takes it for none. 1: there was one. */
static int mend_numbers(cJSON *object, const struct architecture *architecture)
{
    int changed = 0;
    for (cJSON *item = object->child, *next; item; item = next) {
        double number;
        bool truth;
        next = item->next;
        if (!cJSON_IsString(item) || (architecture && !config_reads(architecture, item->string)))
            continue;
        cJSON *value = config_number(item, &number) ? cJSON_CreateNumber(number)
                       : config_truth(item, &truth) ? cJSON_CreateBool(truth)
                                                    : NULL;
        if (value && set(object, item->string, value))
            changed = 1;
    }
    return changed;
}

/* transformers 5 writes one object with the base in it, its forerunners the base beside it; what
 * was there stays what it was. */
static int amend_rope(cJSON *config, const struct model_config *c, struct error *err)
{
    bool failed = false, newer = cJSON_IsObject(json_get(config, "rope_parameters"));
    cJSON *object = rope_object(c, &failed);
    if (newer)
        failed = failed || !cJSON_AddNumberToObject(object, "rope_theta", c->rope_theta);
    else
        failed = failed || !set(config, "rope_theta", cJSON_CreateNumber(c->rope_theta));
    cJSON_DeleteItemFromObjectCaseSensitive(config, "rope_scaling");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "original_max_position_embeddings");
    failed = !set(config, newer ? "rope_parameters" : "rope_scaling", object) || failed;
    failed = failed ||
             !set(config, "max_position_embeddings", cJSON_CreateNumber((double)c->max_positions));
    return failed ? error_set(err, "not enough memory for config.json") : 1;
}

/* 1: something was changed, 0: nothing, -1. Everything that is not named here stays as it is, in
 * its order, also what this program does not know. */
int config_amend(cJSON *config, const struct model *model, struct error *err)
{
    const struct model_config *c = &model->config;
    const struct architecture *architecture = architecture_by_name(model->architecture_name, false);
    int changed = mend_numbers(config, architecture);
    cJSON *rope[] = {cJSON_GetObjectItemCaseSensitive(config, "rope_scaling"),
                     cJSON_GetObjectItemCaseSensitive(config, "rope_parameters")};
    for (int i = 0; i < 2; i++)
        if (cJSON_IsObject(rope[i]))
            changed |= mend_numbers(rope[i], NULL);
    int64_t vocab = c->vocab;
    if (json_get_int64(config, "vocab_size", &vocab) && vocab < c->vocab) {
        if (!set(config, "vocab_size", cJSON_CreateNumber((double)c->vocab)))
            return error_set(err, "not enough memory for config.json");
        changed = 1;
    }
    const cJSON *tied = json_get(config, "tie_word_embeddings");
    if (!c->tied && (tied ? cJSON_IsTrue(tied) : architecture->tied)) {
        if (!set(config, "tie_word_embeddings", cJSON_CreateFalse()))
            return error_set(err, "not enough memory for config.json");
        changed = 1;
    }
    return c->rope_scaled ? amend_rope(config, c, err) : changed;
}

void config_put_ends(struct json_writer *json, const char *key, const int64_t *ends, size_t count)
{
    if (count > 1)
        json_list(json, key);
    for (size_t i = 0; i < count; i++)
        json_integer(json, count > 1 ? NULL : key, ends[i]);
    if (count > 1)
        json_end(json);
}

static void put_size(struct json_writer *json, const char *key, int64_t size)
{
    if (size >= 0)
        json_integer(json, key, size);
}

/* The fields that transformers needs to build the class, by the names of Llama's configuration,
 * which all trainable architectures share. */
void config_put_json(struct buffer *out, const struct model *model, const char *dtype,
                     const int64_t *ends, size_t end_count)
{
    const struct model_config *c = &model->config;
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    const struct architecture *architecture = architecture_by_name(model->architecture_name, gguf);
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_layout(&json, JSON_INDENTED);
    json_list(&json, "architectures");
    json_text(&json, NULL, architecture->class_name);
    json_end(&json);
    json_text(&json, "model_type", architecture->name);
    put_size(&json, "vocab_size", c->vocab);
    put_size(&json, "hidden_size", c->hidden);
    put_size(&json, "intermediate_size", c->intermediate);
    put_size(&json, "num_hidden_layers", c->layers);
    put_size(&json, "num_attention_heads", c->heads);
    put_size(&json, "num_key_value_heads", c->kv_heads);
    put_size(&json, "head_dim", c->head_dim);
    put_size(&json, "max_position_embeddings", c->max_positions);
    put_size(&json, "bos_token_id", c->bos_token);
    config_put_ends(&json, "eos_token_id", ends, end_count);
    json_real(&json, "rms_norm_eps", c->norm_eps);
    json_real(&json, "initializer_range", c->initializer_range);
    put_rope(&json, c);
    if (c->window > 0)
        json_integer(&json, "sliding_window", c->window);
    else if (architecture->window > 0 && c->window == 0)
        json_null(&json, "sliding_window");
    json_text(&json, "hidden_act", "silu");
    json_flag(&json, "attention_bias", c->attention_bias);
    json_flag(&json, "mlp_bias", c->mlp_bias);
    json_flag(&json, "tie_word_embeddings", c->tied);
    json_text(&json, "torch_dtype", dtype);
    json_end(&json);
    json_finish(&json, NULL);
}
