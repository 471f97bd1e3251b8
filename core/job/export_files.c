/* What stands beside an export's weights, and bytes that are copied. */
#include "base/file.h"
#include "base/json.h"
#include "job/export_parts.h"
#include "model/config_write.h"
#include "model/sidecars.h"
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
static int rebuild_sidecars(const struct export *export, const char *out, bool whole,
                            struct error *err)
{
    const struct model *model = export->source.model;
    const struct tokenizer *tokenizer = export->tokenizer;
    struct buffer config = BUFFER_INIT, tokens = BUFFER_INIT, about = BUFFER_INIT;
    struct end_tokens ends;
    int status = source_end_tokens(&ends, &export->source, tokenizer, err);
    if (status == 0 && whole) {
        config_put_json(&config, model, export->source.bf16 ? "bfloat16" : "float32", ends.ids,
                        ends.count);
        status = export_save_text(out, "config.json", &config, err);
    }
    if (status == 0)
        status = tokenizer_put_json(&tokens, tokenizer, err);
    if (status == 0)
        status = export_save_text(out, "tokenizer.json", &tokens, err);
    if (status == 0) {
        tokenizer_put_config(&about, tokenizer, model->config.max_positions);
        status = export_save_text(out, "tokenizer_config.json", &about, err);
    }
    buffer_free(&tokens);
    return status;
}

/* What the run computed otherwise than the base's config.json says (model/config_write.h), and its
 * type: transformers loads in the type that config.json names (version 5 reads "dtype", and without
 * it "torch_dtype", which is all that version 4 wrote), and where it names none in that of the
 * file's first tensor. That must be the run's: what was trained in fp32 is rounded otherwise, and
 * frozen tensors that keep the base's type were read in the run's. Both keys where the base has
 * neither. */
static int amend_config(const struct export *export, const char *out, struct error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    const char *type = export->source.bf16 ? "bfloat16" : "float32";
    struct buffer text = BUFFER_INIT;
    cJSON *config = cJSON_Duplicate(checkpoint_metadata(export->source.model->checkpoint), true);
    bool none = !cJSON_HasObjectItem(config, keys[0]) && !cJSON_HasObjectItem(config, keys[1]);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (none)
            cJSON_AddStringToObject(config, keys[i], type);
        else if (cJSON_HasObjectItem(config, keys[i]))
            cJSON_ReplaceItemInObjectCaseSensitive(config, keys[i], cJSON_CreateString(type));
    if (config && config_amend(config, export->source.model, err) < 0) {
        cJSON_Delete(config);
        return -1;
    }
    char *printed = cJSON_Print(config);
    buffer_text(&text, printed ? printed : "");
    cJSON_free(printed);
    cJSON_Delete(config);
    if (text.length == 0)
        return error_set(err, "not enough memory for config.json");
    return export_save_text(out, "config.json", &text, err);
}

int export_write_sidecars(const struct export *export, const char *out, bool whole,
                          struct error *err)
{
    const struct checkpoint *base = export->source.model->checkpoint;
    bool gguf = checkpoint_format(base) == CHECKPOINT_GGUF;
    int status = gguf ? rebuild_sidecars(export, out, whole, err)
                      : sidecars_copy(checkpoint_folder(base), out, whole, err);
    if (status == 0 && whole && !gguf)
        status = amend_config(export, out, err);
    if (status == 0)
        status = export_write_template(export, out, err);
    if (status == 0)
        status = export_write_added(export, out, err);
    return status == 0 ? export_write_ends(export, out, err) : -1;
}
