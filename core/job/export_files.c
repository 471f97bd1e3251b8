/* What stands beside an export's weights, and bytes that are copied. */
#include "base/file.h"
#include "base/json.h"
#include "job/export_parts.h"
#include "model/companions.h"
#include "model/config_write.h"
#include "text/tokenizer_write.h"

#include <stdlib.h>

int export_copy_bytes(struct safetensors_writer *writer, const struct checkpoint *from,
                      const struct tensor_info *tensor, void *staging, struct error *err)
{
    for (uint64_t at = 0; at < tensor->bytes; at += EXPORT_STAGING) {
        uint64_t part = tensor->bytes - at < EXPORT_STAGING ? tensor->bytes - at : EXPORT_STAGING;
        if (checkpoint_read_raw(from, tensor, at, part, staging, err) != 0 ||
            safetensors_writer_put(writer, staging, (size_t)part, err) != 0)
            return -1;
    }
    return 0;
}

int export_save_text(const char *folder, const char *name, struct buffer *text, struct error *err)
{
    char *path = buffer_check(text, err) == 0 ? path_join(folder, name, err) : NULL;
    int status = path ? file_save(path, buffer_string(text), text->length, err) : -1;
    free(path);
    buffer_free(text);
    return status;
}

/* From a GGUF file's metadata. */
static int rebuild_companions(const struct export *export, const char *out, struct error *err)
{
    const struct model *model = export->source.model;
    struct buffer config = BUFFER_INIT, tokens = BUFFER_INIT, about = BUFFER_INIT;
    struct tokenizer *tokenizer = NULL;
    config_put_json(&config, model, export->source.bf16 ? "bfloat16" : "float32");
    int status = export_save_text(out, "config.json", &config, err);
    if (status == 0)
        status = tokenizer_for_checkpoint(&tokenizer, model->checkpoint, err);
    if (status == 0)
        status = tokenizer_put_json(&tokens, tokenizer, err);
    if (status == 0)
        status = export_save_text(out, "tokenizer.json", &tokens, err);
    if (status == 0) {
        tokenizer_put_config(&about, tokenizer, model->config.max_positions);
        status = export_save_text(out, "tokenizer_config.json", &about, err);
    }
    buffer_free(&tokens);
    tokenizer_close(tokenizer);
    return status;
}

/* transformers loads in the type that config.json names: with fp32-trained tensors that must be
 * float32, or they are rounded. And what the run computed otherwise than the base's configuration
 * says (model/config_write.h). */
static int amend_config(const struct export *export, const char *out, struct error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    struct buffer text = BUFFER_INIT;
    cJSON *config = cJSON_Duplicate(checkpoint_metadata(export->source.model->checkpoint), true);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!export->source.bf16 && json_get(config, keys[i]))
            cJSON_ReplaceItemInObjectCaseSensitive(config, keys[i], cJSON_CreateString("float32"));
    int amended = config ? config_amend(config, export->source.model, err) : 0;
    if (amended < 0 || (amended == 0 && export->source.bf16)) { /* the copy says it all */
        cJSON_Delete(config);
        return amended;
    }
    char *printed = cJSON_Print(config);
    buffer_text(&text, printed ? printed : "");
    cJSON_free(printed);
    cJSON_Delete(config);
    if (text.length == 0)
        return error_set(err, "not enough memory for config.json");
    return export_save_text(out, "config.json", &text, err);
}

int export_write_companions(const struct export *export, const char *out, struct error *err)
{
    const struct checkpoint *base = export->source.model->checkpoint;
    if (checkpoint_format(base) == CHECKPOINT_GGUF)
        return rebuild_companions(export, out, err);
    if (companions_copy(checkpoint_folder(base), out, err) != 0)
        return -1;
    return amend_config(export, out, err);
}
