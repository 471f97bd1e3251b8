#include "model/config_write.h"

#include "model/architecture.h"

#include <inttypes.h>

static void put_real(struct buffer *out, const char *key, double value)
{
    buffer_format(out, "  \"%s\": ", key);
    json_put_number(out, value);
    buffer_text(out, ",\n");
}

static void put_rope(struct buffer *out, const struct model_config *c)
{
    put_real(out, "rope_theta", c->rope_theta);
    buffer_text(out, "  \"rope_scaling\": ");
    if (c->rope_scaling == ROPE_LINEAR) {
        buffer_text(out, "{\"rope_type\": \"linear\", \"factor\": ");
        json_put_number(out, c->rope_factor);
        buffer_text(out, "},\n");
    } else if (c->rope_scaling == ROPE_LLAMA3) {
        buffer_text(out, "{\"rope_type\": \"llama3\", \"factor\": ");
        json_put_number(out, c->rope_factor);
        buffer_text(out, ", \"low_freq_factor\": ");
        json_put_number(out, c->rope_low_freq);
        buffer_text(out, ", \"high_freq_factor\": ");
        json_put_number(out, c->rope_high_freq);
        buffer_text(out, ", \"original_max_position_embeddings\": ");
        json_put_number(out, c->rope_original_positions);
        buffer_text(out, "},\n");
    } else {
        buffer_text(out, "null,\n");
    }
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
