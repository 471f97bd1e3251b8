#include "job/export.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "checkpoint/safetensors_write.h"
#include "job/source.h"
#include "model/companions.h"
#include "model/config_write.h"
#include "text/tokenizer_write.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAGING = 1 << 20 };

/* One tensor of the export and where its bytes are. */
struct part {
    const struct module *module;
    const struct tensor_info *trained; /* in the run's weights; NULL: frozen */
    bool raw;                          /* the base's bytes as they are */
};

struct export
{
    struct source source;
    struct checkpoint *weights; /* the run's */
    struct part *parts;
    struct safetensors_entry *entries;
    size_t count;
};

/* --- what goes in --- */

static bool is_plain(const struct module *module)
{
    return !dtype_traits(module->tensor->dtype)->quantized && module->rotary_heads == 0;
}

static void add_part(struct export *export, const struct module *module)
{
    bool vector = module->tensor->rank == 1;
    bool gguf = checkpoint_format(export->source.model->checkpoint) == CHECKPOINT_GGUF;
    struct part part = {.module = module,
                        .trained = checkpoint_find(export->weights, module->name)};
    part.raw = !part.trained && !gguf && is_plain(module);
    enum dtype run = export->source.bf16 ? DTYPE_BF16 : DTYPE_F32;
    export->entries[export->count] = (struct safetensors_entry){
        module->name,
        part.raw ? module->tensor->dtype : run,
        vector ? 1 : 2,
        {vector ? module->cols : module->rows, vector ? 0 : module->cols}};
    export->parts[export->count++] = part;
}

static int list_parts(struct export *export, struct error *err)
{
    const struct model *model = export->source.model;
    export->parts = array_alloc(model->module_count, sizeof *export->parts, err);
    export->entries = array_alloc(model->module_count, sizeof *export->entries, err);
    if (!export->parts || !export->entries)
        return -1;
    for (size_t i = 0; i < model->module_count; i++)
        if (module_is_used(model, &model->modules[i]))
            add_part(export, &model->modules[i]);
    return 0;
}

/* --- writing --- */

static int copy_bytes(struct safetensors_writer *writer, const struct checkpoint *from,
                      const struct tensor_info *tensor, void *staging, struct error *err)
{
    for (uint64_t at = 0; at < tensor->bytes; at += STAGING) {
        uint64_t part = tensor->bytes - at < STAGING ? tensor->bytes - at : STAGING;
        if (checkpoint_read_raw(from, tensor, at, part, staging, err) != 0 ||
            safetensors_writer_put(writer, staging, (size_t)part, err) != 0)
            return -1;
    }
    return 0;
}

/* Widened as the run did it, and rounded as the run did it. */
static int put_rounded(struct safetensors_writer *writer, const struct export *export,
                       const struct module *module, struct error *err)
{
    size_t count = (size_t)module->parameters;
    float *values = array_alloc(count, sizeof *values, err);
    int status = values ? model_read_f32(export->source.model, module, values, err) : -1;
    if (status == 0 && export->source.bf16) {
        uint16_t *narrow = (uint16_t *)(void *)values; /* in place, from the front */
        for (size_t i = 0; i < count; i++) {
            uint16_t rounded = bf16_from_float(values[i]);
            memcpy(&narrow[i], &rounded, sizeof rounded);
        }
    }
    if (status == 0)
        status = safetensors_writer_put(writer, values, count * (export->source.bf16 ? 2 : 4), err);
    free(values);
    return status;
}

static int put_part(struct safetensors_writer *writer, const struct export *export,
                    const struct part *part, void *staging, struct error *err)
{
    if (part->trained)
        return copy_bytes(writer, export->weights, part->trained, staging, err);
    if (part->raw)
        return copy_bytes(writer, export->source.model->checkpoint, part->module->tensor, staging,
                          err);
    return put_rounded(writer, export, part->module, err);
}

static int write_weights(const struct export *export, const char *out, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_writer writer;
    char *path = path_join(out, "model.safetensors", err);
    void *staging = array_alloc(1, STAGING, err);
    int status = path && staging ? safetensors_writer_open(&writer, path, export->entries,
                                                           export->count, metadata, err)
                                 : -1;
    if (status == 0) {
        for (size_t i = 0; i < export->count && status == 0; i++)
            status = put_part(&writer, export, &export->parts[i], staging, err);
        if (status == 0)
            status = safetensors_writer_commit(&writer, err);
        else
            safetensors_writer_abort(&writer);
    }
    free(staging);
    free(path);
    return status;
}

static int save_text(const char *folder, const char *name, struct buffer *text, struct error *err)
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
    int status = save_text(out, "config.json", &config, err);
    if (status == 0)
        status = tokenizer_for_checkpoint(&tokenizer, model->checkpoint, err);
    if (status == 0)
        status = tokenizer_put_json(&tokens, tokenizer, err);
    if (status == 0)
        status = save_text(out, "tokenizer.json", &tokens, err);
    if (status == 0) {
        tokenizer_put_config(&about, tokenizer, model->config.max_positions);
        status = save_text(out, "tokenizer_config.json", &about, err);
    }
    buffer_free(&tokens);
    tokenizer_close(tokenizer);
    return status;
}

/* transformers loads in the type that config.json names: with fp32-trained tensors that must be
 * float32, or they are rounded. */
static int widen_config(const struct export *export, const char *out, struct error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    struct buffer text = BUFFER_INIT;
    cJSON *config = cJSON_Duplicate(checkpoint_metadata(export->source.model->checkpoint), true);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_get(config, keys[i]))
            cJSON_ReplaceItemInObjectCaseSensitive(config, keys[i], cJSON_CreateString("float32"));
    char *printed = cJSON_Print(config);
    buffer_text(&text, printed ? printed : "");
    cJSON_free(printed);
    cJSON_Delete(config);
    if (text.length == 0)
        return error_set(err, "not enough memory for config.json");
    return save_text(out, "config.json", &text, err);
}

static int write_companions(const struct export *export, const char *out, struct error *err)
{
    const struct checkpoint *base = export->source.model->checkpoint;
    if (checkpoint_format(base) == CHECKPOINT_GGUF)
        return rebuild_companions(export, out, err);
    if (companions_copy(checkpoint_folder(base), out, err) != 0)
        return -1;
    return export->source.bf16 ? 0 : widen_config(export, out, err);
}

static int refuse_model(const char *out, struct error *err)
{
    char *path = path_join(out, "model.safetensors", err);
    int there = path ? access(path, F_OK) == 0 : -1;
    free(path);
    return there > 0 ? error_set(err, "%s holds a model already; -o takes another folder", out)
                     : there;
}

static int export_open(struct export *export, const char *run, struct error *err)
{
    if (source_open(&export->source, run, err) != 0)
        return -1;
    if (!export->source.state)
        return error_set(err, "%s is a model, not a run: there is nothing to export", run);
    char *path = path_join(export->source.state, "weights.safetensors", err);
    int status = path ? checkpoint_open(&export->weights, path, err) : -1;
    free(path);
    return status == 0 ? list_parts(export, err) : -1;
}

static void summarize(const struct export *export, struct export_summary *summary)
{
    *summary = (struct export_summary){.step = export->source.step};
    for (size_t i = 0; i < export->count; i++) {
        summary->trained += export->parts[i].trained != NULL;
        summary->frozen += export->parts[i].trained == NULL;
        summary->bytes += (uint64_t) export->parts[i].module->parameters *
                          (uint64_t)dtype_traits(export->entries[i].dtype)->block_bytes;
    }
}

/* A folder that could not be filled goes again, unless it was there before. */
static int write_folder(const struct export *export, const char *out, struct error *err)
{
    bool made = access(out, F_OK) != 0;
    if (folder_make(out, err) != 0)
        return -1;
    if (write_companions(export, out, err) == 0 && write_weights(export, out, err) == 0)
        return 0;
    if (made)
        folder_remove(out);
    return -1;
}

int export_run(const char *run, const char *out, struct export_summary *summary, struct error *err)
{
    struct export export = {0};
    int status = export_open(&export, run, err);
    if (status == 0)
        status = checkpoint_check_output(export.source.model->checkpoint, out, err);
    if (status == 0)
        status = refuse_model(out, err);
    if (status == 0)
        status = write_folder(&export, out, err);
    if (status == 0)
        summarize(&export, summary);
    checkpoint_close(export.weights);
    source_close(&export.source);
    free(export.parts);
    free(export.entries);
    return status;
}
