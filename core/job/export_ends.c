/* generation_config.json of an export: what ends a text of the run's model, and all else as the
 * base has it. */
#include "base/file.h"
#include "base/json.h"
#include "base/json_edit.h"
#include "base/sys.h"
#include "job/export_parts.h"
#include "model/config_write.h"

#include <stdlib.h>
#include <unistd.h>

static const char file_name[] = "generation_config.json", key[] = "eos_token_id";
enum { FILE_MAX = 16 << 20 };

/* Without a file of its own the base's config.json says these, but no longer once there is one. */
static void put_new(struct buffer *out, const struct model *model, const struct end_tokens *ends)
{
    static const char *const kept[] = {"bos_token_id", "pad_token_id",
                                       "do_sample",    "temperature",
                                       "top_k",        "top_p",
                                       "min_p",        "typical_p",
                                       "num_beams",    "repetition_penalty",
                                       "max_length",   "max_new_tokens",
                                       "min_length",   "no_repeat_ngram_size",
                                       "bad_words_ids"};
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_layout(&json, JSON_INDENTED);
    for (size_t i = 0; !gguf && i < sizeof kept / sizeof *kept; i++) {
        const cJSON *item = json_get(config, kept[i]);
        if (json_is_there(item))
            json_tree(&json, kept[i], item);
    }
    if (gguf && model->config.bos_token >= 0)
        json_integer(&json, "bos_token_id", model->config.bos_token);
    config_put_ends(&json, key, ends->ids, ends->count);
    json_end(&json);
    json_finish(&json, NULL);
}

/* Where the base's file says the same it stays to the byte. */
static int change(const struct end_tokens *ends, const char *path, const char *out,
                  struct error *err)
{
    struct buffer text = BUFFER_INIT, changed = BUFFER_INIT;
    struct end_tokens said = {0};
    int status = file_read_all(&text, path, FILE_MAX, err);
    cJSON *tree = status == 0
                      ? json_parse(buffer_string(&text), text.length, JSON_LOOSE_NUMBERS, path, err)
                      : NULL;
    struct buffer value = BUFFER_INIT;
    if (tree && !cJSON_IsObject(tree))
        error_set(err, "%s is no JSON object", path);
    status = cJSON_IsObject(tree) ? end_tokens_add_json(&said, json_get(tree, key), err) : -1;
    if (status == 0 && said.count != ends->count) {
        struct json_writer json = {.out = &value};
        config_put_ends(&json, NULL, ends->ids, ends->count);
        json_put_edited(&changed, buffer_string(&text), key, buffer_string(&value));
        status = export_save_text(out, file_name, &changed, err);
    }
    cJSON_Delete(tree);
    buffer_free(&value);
    buffer_free(&text);
    buffer_free(&changed);
    return status;
}

/* transformers reads the base's files, whatever stands beside the adapters. */
int export_find_ends(struct export_summary *summary, const struct export *export, struct error *err)
{
    const struct source *source = &export->source;
    struct end_tokens said = {0};
    if (source_end_tokens(&summary->ends, source, export->tokenizer, err) != 0)
        return -1;
    if (!summary->base && end_tokens_read(&said, source->model->checkpoint, NULL, err) != 0)
        return -1;
    for (size_t i = 0; !summary->base && i < summary->ends.count; i++)
        summary->base_lacks_ends |= !end_tokens_have(&said, summary->ends.ids[i]);
    return 0;
}

int export_write_ends(const struct export *export, const char *out, struct error *err)
{
    const struct model *model = export->source.model;
    struct end_tokens ends;
    struct buffer text = BUFFER_INIT;
    if (source_end_tokens(&ends, &export->source, export->tokenizer, err) != 0)
        return -1;
    if (ends.count == 0)
        return 0;
    if (checkpoint_format(model->checkpoint) != CHECKPOINT_GGUF) {
        char *path = path_join(checkpoint_folder(model->checkpoint), file_name, err);
        int there = path ? file_find(path, err) : -1;
        int status = there > 0 ? change(&ends, path, out, err) : there;
        free(path);
        if (there != 0)
            return status;
    }
    put_new(&text, model, &ends);
    return export_save_text(out, file_name, &text, err);
}
