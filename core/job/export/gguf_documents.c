#include "job/export/gguf_documents.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/config_write.h"
#include "model/sidecars.h"
#include "text/template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENIZER_FILE_MAX = 256 << 20 };

/* --- what the run has otherwise --- */

/* Those that the run's texts were written with: where files and tokenizer_config.json both have
 * some, the converter would take the others. One that was chosen is the only one, as in a folder
 * (export_sidecars.c). */
static int find_templates(struct gguf_documents *out, const struct export *export,
                          struct error *err)
{
    const struct source *source = &export->source;
    struct chat_template *chat = NULL;
    out->templates = tokenizer_templates(export->tokenizer);
    if (!source->template_name)
        return 0;
    int status = template_open(&chat, export->tokenizer, source->template_name, source->date, err);
    if (status == 0) {
        out->templates = out->chosen = cJSON_CreateObject();
        if (!cJSON_AddStringToObject(out->chosen, TEMPLATE_DEFAULT, template_source(chat)))
            status = error_no_memory(err);
    }
    template_close(chat);
    return status;
}

/* Tokens that were added for the run: into tokenizer.json's list, and where the configuration has
 * tokens, there, too. */
static int add_tokens(struct gguf_documents *out, const cJSON *added, struct error *err)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(out->tokenizer, "added_tokens");
    cJSON *decoder =
        cJSON_GetObjectItemCaseSensitive(out->tokenizer_config, "added_tokens_decoder");
    const cJSON *token;
    if (!cJSON_IsArray(list)) {
        cJSON_DeleteItemFromObjectCaseSensitive(out->tokenizer, "added_tokens");
        list = cJSON_AddArrayToObject(out->tokenizer, "added_tokens");
    }
    cJSON_ArrayForEach(token, added)
    {
        char id[32];
        snprintf(id, sizeof id, "%.0f", token->valuedouble);
        cJSON *item = cJSON_CreateObject();
        bool done = item && cJSON_AddNumberToObject(item, "id", token->valuedouble) &&
                    cJSON_AddStringToObject(item, "content", token->string) &&
                    cJSON_AddTrueToObject(item, "special");
        cJSON *again = done && cJSON_IsObject(decoder) ? cJSON_Duplicate(item, true) : NULL;
        if (again && !cJSON_AddItemToObject(decoder, id, again)) {
            cJSON_Delete(again);
            done = false;
        }
        if (!done || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            return error_no_memory(err);
        }
    }
    return 0;
}

/* --- all of them --- */

/* Its config.json as export_sidecars.c makes it of a GGUF base, and the base's own keys. */
static int rebuild(struct gguf_documents *out, const struct export *export, struct error *err)
{
    const struct model *model = export->source.model;
    struct buffer config = BUFFER_INIT;
    struct end_tokens ends;
    out->base = checkpoint_metadata(model->checkpoint);
    if (source_end_tokens(&ends, &export->source, export->tokenizer, err) != 0)
        return -1;
    config_put_json(&config, model, "", ends.ids, ends.count);
    if (buffer_check(&config, err) == 0)
        out->config = json_parse(config.data, config.length, JSON_STRICT, "config.json", err);
    buffer_free(&config);
    return out->config ? 0 : -1;
}

/* Without a generation_config.json the base's config.json says what is in one, where texts of the
 * run have an end. */
static int read_generation(struct gguf_documents *out, const struct export *export,
                           const char *folder, struct error *err)
{
    struct end_tokens ends;
    if (tokenizer_read_beside(&out->generation, folder, "generation_config.json", err) != 0)
        return -1;
    if (out->generation)
        return 0;
    if (source_end_tokens(&ends, &export->source, export->tokenizer, err) != 0)
        return -1;
    if (ends.count > 0 && !(out->generation = cJSON_Duplicate(out->config, true)))
        return error_no_memory(err);
    return 0;
}

static int read_base(struct gguf_documents *out, const struct export *export, struct error *err)
{
    const struct model *model = export->source.model;
    const char *folder = checkpoint_folder(model->checkpoint);
    out->config = cJSON_Duplicate(checkpoint_metadata(model->checkpoint), true);
    if (!out->config)
        return error_no_memory(err);
    if (config_amend(out->config, model, err) < 0)
        return -1;
    char *path = path_join(folder, "tokenizer.json", err);
    out->tokenizer = path ? json_read_file(path, TOKENIZER_FILE_MAX, JSON_STRICT, err) : NULL;
    free(path);
    const struct {
        const char *name;
        cJSON **tree;
    } files[] = {{"tokenizer_config.json", &out->tokenizer_config},
                 {"added_tokens.json", &out->added_tokens},
                 {"special_tokens_map.json", &out->special_map}};
    if (!out->tokenizer || read_generation(out, export, folder, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (tokenizer_read_beside(files[i].tree, folder, files[i].name, err) != 0)
            return -1;
    out->pieces = path_join(folder, "tokenizer.model", err);
    int there = out->pieces ? file_find(out->pieces, err) : -1;
    if (there == 0) {
        free(out->pieces);
        out->pieces = NULL;
    }
    if (there < 0)
        return -1;
    return export->source.added_tokens ? add_tokens(out, export->source.added_tokens, err) : 0;
}

int gguf_documents_open(struct gguf_documents *out, const struct export *export, struct error *err)
{
    bool gguf = checkpoint_format(export->source.model->checkpoint) == CHECKPOINT_GGUF;
    *out = (struct gguf_documents){0};
    int status = gguf ? rebuild(out, export, err) : read_base(out, export, err);
    return status == 0 ? find_templates(out, export, err) : -1;
}

void gguf_documents_free(struct gguf_documents *documents)
{
    cJSON_Delete(documents->config);
    cJSON_Delete(documents->tokenizer);
    cJSON_Delete(documents->tokenizer_config);
    cJSON_Delete(documents->generation);
    cJSON_Delete(documents->added_tokens);
    cJSON_Delete(documents->special_map);
    cJSON_Delete(documents->chosen);
    free(documents->pieces);
}
