/* Chat templates, from every place that they may stand in (transformers 5.23,
 * tokenization_utils_base.py): chat_template.jinja, which is the default, and the files of
 * additional_chat_templates/, each by its name; where there is none of these, what
 * tokenizer_config.json has as "chat_template", one text or several by name. */
#include "text/tokenizer/parts.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEMPLATE_FILE_MAX = 16 << 20, TEMPLATES_MAX = 64 };

static int put(struct tokenizer *t, const char *name, const char *source, struct error *err)
{
    if (cJSON_GetArraySize(t->templates) >= TEMPLATES_MAX)
        return error_set(err, "more than %d chat templates", TEMPLATES_MAX);
    return tokenizer_map_text(t->templates, name, source, err);
}

/* As Python reads a text: a line ends in a line feed, whatever it ended in. */
static void unify_lines(struct buffer *text)
{
    size_t to = 0;
    for (size_t at = 0; at < text->length; at++) {
        bool ends = text->data[at] == '\r';
        if (ends && at + 1 < text->length && text->data[at + 1] == '\n')
            continue;
        text->data[to++] = ends ? '\n' : text->data[at];
    }
    text->length = to;
    if (text->data)
        text->data[to] = '\0';
}

/* A file that is not there is none; *found says. */
static int read_file(struct tokenizer *t, const char *name, const char *folder, const char *file,
                     bool *found, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    char *path = path_join(folder, file, err);
    int there = path ? file_find(path, err) : -1, status = there < 0 ? -1 : 0;
    if (there > 0) {
        *found = true;
        status = file_read_text(&text, path, TEMPLATE_FILE_MAX, err);
        if (status == 0 && !utf8_valid(buffer_string(&text), text.length))
            status = error_set(err, "%s is not UTF-8", path);
        unify_lines(&text);
        if (status == 0)
            status = put(t, name, buffer_string(&text), err);
    }
    buffer_free(&text);
    free(path);
    return status;
}

static int is_template(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".jinja") && strlen(entry->d_name) > strlen(".jinja");
}

/* In the order of their names, which the fingerprint takes. */
static int read_folder(struct tokenizer *t, const char *folder, bool *found, struct error *err)
{
    struct dirent **entries;
    char *more = path_join(folder, "additional_chat_templates", err);
    int status = more ? 0 : -1,
        count = more ? sys.scandir(more, &entries, is_template, alphasort) : -1;
    if (more && count < 0 && errno != ENOENT && errno != ENOTDIR)
        status = error_set_errno(err, errno, "cannot read folder %s", more);
    else if (more && count < 0 && file_find(more, err) < 0)
        status = -1;
    for (int i = 0; i < count; i++) {
        char *name = status == 0 ? string_copy(entries[i]->d_name, err) : NULL;
        if (name) {
            name[strlen(name) - strlen(".jinja")] = '\0';
            status = read_file(t, name, more, entries[i]->d_name, found, err);
        } else {
            status = -1;
        }
        free(name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    free(more);
    return status;
}

/* A text; a list of {"name": ..., "template": ...}; or an object of texts by their names. */
static int read_config(struct tokenizer *t, const cJSON *said, struct error *err)
{
    const cJSON *item;
    const char *name, *source;
    if (!said || cJSON_IsNull(said))
        return 0;
    if (cJSON_IsString(said))
        return put(t, TEMPLATE_DEFAULT, said->valuestring, err);
    if (!cJSON_IsArray(said) && !cJSON_IsObject(said))
        return error_set(err, "\"chat_template\" is neither a text nor several by their names");
    cJSON_ArrayForEach(item, said)
    {
        name = item->string;
        source = cJSON_GetStringValue(item);
        if (cJSON_IsArray(said) &&
            (!json_get_string(item, "name", &name) || !json_get_string(item, "template", &source)))
            return error_set(err, "\"chat_template\" is a list, and not each of it has \"name\" "
                                  "and \"template\", two texts");
        if (!source)
            return error_set(err, "\"chat_template\": what is called \"%.40s\" is not a text",
                             name);
        if (put(t, name, source, err) != 0)
            return -1;
    }
    return 0;
}

int tokenizer_load_templates(struct tokenizer *t, const cJSON *config, const char *folder,
                             struct error *err)
{
    bool found = false;
    if (read_file(t, TEMPLATE_DEFAULT, folder, "chat_template.jinja", &found, err) != 0 ||
        read_folder(t, folder, &found, err) != 0)
        return -1;
    return found || read_config(t, json_get(config, "chat_template"), err) == 0
               ? 0
               : error_prefix(err, "%s/tokenizer_config.json", folder);
}

/* "tokenizer.chat_template", and as llama.cpp's converter writes those that have names,
 * "tokenizer.chat_template.tool_use". */
int tokenizer_load_gguf_templates(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    static const char key[] = "tokenizer.chat_template";
    const size_t length = sizeof key - 1;
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata)
    {
        if (!cJSON_IsString(item) || strncmp(item->string, key, length) != 0 ||
            (item->string[length] != '\0' && item->string[length] != '.'))
            continue;
        const char *name = item->string[length] ? item->string + length + 1 : TEMPLATE_DEFAULT;
        if (put(t, name, item->valuestring, err) != 0)
            return -1;
    }
    return 0;
}
