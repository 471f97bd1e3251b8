#include "job/export/gguf_documents.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "model/config_write.h"
#include "model/sidecars.h"
#include "text/template/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENIZER_FILE_MAX = 256 << 20, TEMPLATE_MAX = 16 << 20 };

/* --- templates that are files --- */

/* As Python reads a text: a line ends in a line feed, whatever it ended in. */
static void unify_lines(struct buffer *text)
{
    size_t to = 0;
    for (size_t at = 0; at < text->length; at++) {
        bool ends = text->data[at] == '\r';
        if (ends && at + 1 < text->length && text->data[at + 1] == '\n')
            continue;
        text->data[to++] = text->data[at];
        if (ends)
            text->data[to - 1] = '\n';
    }
    text->length = to;
    if (text->data)
        text->data[to] = '\0';
}

static int add_template(cJSON *list, const char *name, const char *source, struct error *err)
{
    cJSON *item = cJSON_CreateObject();
    if (item && cJSON_AddStringToObject(item, "name", name) &&
        cJSON_AddStringToObject(item, "template", source) && cJSON_AddItemToArray(list, item))
        return 0;
    cJSON_Delete(item);
    return error_no_memory(err);
}

static int read_template(cJSON *list, const char *name, const char *path, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    int status = file_read_all(&text, path, TEMPLATE_MAX, err);
    if (status == 0 && (memchr(buffer_string(&text), '\0', text.length) ||
                        !utf8_valid(buffer_string(&text), text.length)))
        status = error_set(err, "%s is not UTF-8", path);
    if (status == 0) {
        unify_lines(&text);
        status = add_template(list, name, buffer_string(&text), err);
    }
    buffer_free(&text);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of NAME.jinja in a folder, sorted; {0} where it is not there. */
struct names {
    char **items;
    size_t count, capacity;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static int list_templates(struct names *out, const char *folder, struct error *err)
{
    DIR *entries = sys.opendir(folder);
    struct dirent *entry;
    int more = 0;
    if (!entries)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : error_set_errno(err, errno, "cannot read folder %s", folder);
    while ((more = folder_read(entries, folder, &entry, err)) > 0) {
        if (!text_ends_with(entry->d_name, ".jinja"))
            continue;
        char *name = string_copy(entry->d_name, err);
        if (!name || array_reserve((void **)&out->items, &out->capacity, out->count + 1,
                                   sizeof *out->items, err) != 0) {
            free(name);
            more = -1;
            break;
        }
        out->items[out->count++] = name;
    }
    sys.closedir(entries);
    if (out->count > 0)
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    return more;
}

/* Those of additional_chat_templates count only beside chat_template.jinja. */
static int read_templates(struct gguf_documents *out, const char *folder, struct error *err)
{
    struct names names = {0};
    char *path = path_join(folder, "chat_template.jinja", err);
    char *more = path_join(folder, TEMPLATES_FOLDER, err);
    int there = path && more ? file_find(path, err) : -1, status = there < 0 ? -1 : 0;
    if (there <= 0)
        goto out;
    out->templates = cJSON_CreateArray();
    status = out->templates ? read_template(out->templates, TEMPLATE_DEFAULT, path, err)
                            : error_no_memory(err);
    if (status == 0)
        status = list_templates(&names, more, err);
    for (size_t i = 0; i < names.count && status == 0; i++) {
        char *file = path_join(more, names.items[i], err);
        names.items[i][strlen(names.items[i]) - strlen(".jinja")] = '\0';
        status = file ? read_template(out->templates, names.items[i], file, err) : -1;
        free(file);
    }
out:
    names_free(&names);
    free(path);
    free(more);
    return status;
}

/* --- what the run has otherwise --- */

/* A template that was chosen is the only one: export_sidecars.c. */
static int choose_template(struct gguf_documents *out, const struct export *export,
                           struct error *err)
{
    const struct source *source = &export->source;
    struct chat_template *chat = NULL;
    if (!source->template_name)
        return 0;
    int status = template_open(&chat, export->tokenizer, source->template_name, source->date, err);
    if (status == 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(out->tokenizer_config, "chat_template");
        cJSON_Delete(out->templates);
        out->templates = cJSON_CreateArray();
        out->chosen = true;
        status = out->templates
                     ? add_template(out->templates, TEMPLATE_DEFAULT, template_source(chat), err)
                     : error_no_memory(err);
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

static cJSON *parse(struct buffer *text, const char *what, struct error *err)
{
    cJSON *tree = buffer_check(text, err) == 0
                      ? json_parse(text->data, text->length, JSON_STRICT, what, err)
                      : NULL;
    buffer_free(text);
    return tree;
}

/* As export_sidecars.c makes them of a GGUF base. */
static int rebuild(struct gguf_documents *out, const struct export *export, struct error *err)
{
    const struct model *model = export->source.model;
    struct buffer config = BUFFER_INIT, tokenizer = BUFFER_INIT, about = BUFFER_INIT;
    struct end_tokens ends;
    if (source_end_tokens(&ends, &export->source, export->tokenizer, err) != 0)
        return -1;
    config_put_json(&config, model, "", ends.ids, ends.count);
    out->config = parse(&config, "config.json", err);
    if (!out->config)
        return -1;
    if (tokenizer_put_json(&tokenizer, export->tokenizer, err) != 0) {
        buffer_free(&tokenizer);
        return -1;
    }
    tokenizer_put_config(&about, export->tokenizer, model->config.max_positions);
    out->tokenizer = parse(&tokenizer, "tokenizer.json", err);
    out->tokenizer_config = parse(&about, "tokenizer_config.json", err);
    return out->tokenizer && out->tokenizer_config ? 0 : -1;
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
    if (there < 0 || read_templates(out, folder, err) != 0)
        return -1;
    return export->source.added_tokens ? add_tokens(out, export->source.added_tokens, err) : 0;
}

int gguf_documents_open(struct gguf_documents *out, const struct export *export, struct error *err)
{
    bool gguf = checkpoint_format(export->source.model->checkpoint) == CHECKPOINT_GGUF;
    *out = (struct gguf_documents){0};
    int status = gguf ? rebuild(out, export, err) : read_base(out, export, err);
    return status == 0 ? choose_template(out, export, err) : -1;
}

void gguf_documents_free(struct gguf_documents *documents)
{
    cJSON_Delete(documents->config);
    cJSON_Delete(documents->tokenizer);
    cJSON_Delete(documents->tokenizer_config);
    cJSON_Delete(documents->generation);
    cJSON_Delete(documents->added_tokens);
    cJSON_Delete(documents->special_map);
    cJSON_Delete(documents->templates);
    free(documents->pieces);
}
