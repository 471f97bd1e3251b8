#include "model/config_write.h"

#include "model/config.h"
#include "model/config_keys.h"
#include "model/config_values.h"

#include <inttypes.h>

static void put_real(struct buffer *out, const char *key, double value)
{
    buffer_format(out, "  \"%s\": ", key);
    json_put_number(out, value);
    buffer_text(out, ",\n");
}

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

static void put_rope(struct buffer *out, const struct model_config *c)
{
    bool failed = false;
    cJSON *object = rope_object(c, &failed);
    put_real(out, "rope_theta", c->rope_theta);
    buffer_text(out, "  \"rope_scaling\": ");
    if (object)
        json_put_tree(out, object);
    buffer_text(out, object ? ",\n" : "null,\n");
    out->failed = out->failed || failed;
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

void config_put_ends(struct buffer *out, const int64_t *ends, size_t count)
{
    buffer_text(out, count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++)
        buffer_format(out, "%s%" PRId64, i ? ", " : "", ends[i]);
    buffer_text(out, count > 1 ? "]" : "");
}

void config_put_json(struct buffer *out, const struct model *model, const char *dtype,
                     const int64_t *ends, size_t end_count)
{
    const struct model_config *c = &model->config;
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    const struct architecture *architecture = architecture_by_name(model->architecture_name, gguf);
    const struct {
        const char *key;
        int64_t value;
    } sizes[] = {
        {"vocab_size", c->vocab},
        {"hidden_size", c->hidden},
        {"intermediate_size", c->intermediate},
        {"num_hidden_layers", c->layers},
        {"num_attention_heads", c->heads},
        {"num_key_value_heads", c->kv_heads},
        {"head_dim", c->head_dim},
        {"max_position_embeddings", c->max_positions},
        {"bos_token_id", c->bos_token},
    };
    buffer_format(out, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n",
                  architecture->class_name, architecture->name);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value >= 0)
            buffer_format(out, "  \"%s\": %" PRId64 ",\n", sizes[i].key, sizes[i].value);
    if (end_count > 0) {
        buffer_text(out, "  \"eos_token_id\": ");
        config_put_ends(out, ends, end_count);
        buffer_text(out, ",\n");
    }
    put_real(out, "rms_norm_eps", c->norm_eps);
    put_real(out, "initializer_range", c->initializer_range);
    put_rope(out, c);
    if (architecture->window > 0 && c->window == 0)
        buffer_text(out, "  \"sliding_window\": null,\n");
    else if (c->window > 0)
        buffer_format(out, "  \"sliding_window\": %" PRId64 ",\n", c->window);
    buffer_format(out,
                  "  \"hidden_act\": \"silu\",\n  \"attention_bias\": %s,\n  \"mlp_bias\": %s,\n"
                  "  \"tie_word_embeddings\": %s,\n  \"torch_dtype\": \"%s\"\n}\n",
                  c->attention_bias ? "true" : "false", c->mlp_bias ? "true" : "false",
                  c->tied ? "true" : "false", dtype);
}
