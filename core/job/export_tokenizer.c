/* The tokenizer's files of an export, where the run has another chat template than its base, or
 * tokens that it added. All else in them stays to the byte.
 *
 * transformers 5 writes templates as files and reads those before tokenizer_config.json's
 * "chat_template", which is what its forerunners and most other tools read: the configuration has
 * the run's template, and so has chat_template.jinja where the base has one, or no configuration. A
 * template that was chosen stands alone, as where tokenizer.chat_template is set and saved: others
 * of the base, by name, are not the run's. */
#include "base/file.h"
#include "base/json_edit.h"
#include "base/json_writer.h"
#include "base/sys.h"
#include "job/export_parts.h"
#include "model/sidecars.h"
#include "text/template.h"
#include "text/tokenizer_open.h"
#include "text/tokenizer_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20 };
static const char configuration[] = "tokenizer_config.json", jinja[] = "chat_template.jinja";

static int is_there(const char *folder, const char *name, bool *there, struct error *err)
{
    char *path = path_join(folder, name, err);
    int found = path ? file_find(path, err) : -1;
    *there = found > 0;
    free(path);
    return found < 0 ? -1 : 0;
}

/* A member's value, and whether the key is there as it is looked for. */
struct member {
    struct buffer text; /* of the file */
    const cJSON *value; /* NULL: there is none */
    cJSON *tree;
    char *path;
};

static void member_free(struct member *member)
{
    buffer_free(&member->text);
    cJSON_Delete(member->tree);
    free(member->path);
}

static int member_read(struct member *out, const char *folder, const char *name, const char *key,
                       struct error *err)
{
    size_t begin, end;
    *out = (struct member){.path = path_join(folder, name, err)};
    if (!out->path || file_read_all(&out->text, out->path, FILE_MAX, err) != 0 ||
        !(out->tree = json_parse(buffer_string(&out->text), out->text.length, JSON_LOOSE_NUMBERS,
                                 out->path, err)))
        return -1;
    if (!cJSON_IsObject(out->tree))
        return error_set(err, "%s is no JSON object", out->path);
    out->value = json_get(out->tree, key);
    if (out->value && !json_find_value(buffer_string(&out->text), key, &begin, &end))
        return error_set(err, "%s spells \"%s\" with escapes; write it plainly", out->path, key);
    return 0;
}

/* Saves the file with another value; `value` is freed. */
static int member_save(const struct member *member, const char *key, struct buffer *value,
                       struct error *err)
{
    struct buffer out = BUFFER_INIT;
    json_put_edited(&out, buffer_string(&member->text), key, buffer_string(value));
    int status = buffer_check(value, err) == 0 ? buffer_check(&out, err) : -1;
    if (status == 0)
        status = file_save(member->path, buffer_string(&out), out.length, err);
    buffer_free(&out);
    buffer_free(value);
    return status;
}

/* --- the template --- */

static int configure_template(const char *out, const char *source, struct error *err)
{
    struct buffer value = BUFFER_INIT;
    struct member member;
    int status = member_read(&member, out, configuration, "chat_template", err);
    if (status == 0) {
        json_put_string(&value, source);
        status = member_save(&member, "chat_template", &value, err);
    }
    member_free(&member);
    return status;
}

static int replace_template(const char *out, const char *source, struct error *err)
{
    bool configured, file;
    struct buffer text = BUFFER_INIT;
    char *more = path_join(out, TEMPLATES_FOLDER, err);
    if (!more)
        return -1;
    folder_remove(more);
    free(more);
    if (is_there(out, configuration, &configured, err) != 0 ||
        is_there(out, jinja, &file, err) != 0 ||
        (configured && configure_template(out, source, err) != 0))
        return -1;
    if (configured && !file)
        return 0;
    buffer_text(&text, source);
    return export_save_text(out, jinja, &text, err);
}

int export_write_template(const struct export *export, const char *out, struct error *err)
{
    const struct source *source = &export->source;
    struct chat_template *chat = NULL;
    if (!source->template_name)
        return 0;
    int status = template_open(&chat, export->tokenizer, source->template_name, source->date, err);
    if (status == 0)
        status = replace_template(out, template_source(chat), err);
    template_close(chat);
    return status;
}

/* --- added tokens --- */

/* A list or an object as it stands, without its last bracket. */
static void put_open(struct buffer *out, const struct member *member, const char *key)
{
    size_t begin, end;
    const char *text = buffer_string(&member->text);
    json_find_value(text, key, &begin, &end);
    begin += strspn(text + begin, " \t\r\n");
    buffer_append(out, text + begin, end - begin - 1);
    while (out->length > 0 && strchr(" \t\r\n", out->data[out->length - 1]))
        out->length--;
}

/* tokenizer.json: [{"id": 49152, "content": ...}] */
static int add_to_list(const char *out, const cJSON *added, struct error *err)
{
    static const char key[] = "added_tokens";
    struct buffer value = BUFFER_INIT;
    struct member member;
    const cJSON *token;
    int status = member_read(&member, out, "tokenizer.json", key, err);
    if (status == 0) {
        bool listed = cJSON_IsArray(member.value), first = !listed || !member.value->child;
        if (listed)
            put_open(&value, &member, key);
        else
            buffer_byte(&value, '[');
        cJSON_ArrayForEach(token, added)
        {
            struct json_writer json = {.out = &value};
            buffer_text(&value, first ? "\n    " : ",\n    ");
            json_object(&json, NULL);
            json_count(&json, "id", (uint64_t)token->valuedouble);
            tokenizer_put_added(&json, token->string, true);
            json_end(&json);
            first = false;
        }
        buffer_text(&value, "\n  ]");
        status = member_save(&member, key, &value, err);
    }
    member_free(&member);
    return status;
}

/* tokenizer_config.json, where it says them again: {"49152": {"content": ...}} */
static int add_to_decoder(const char *out, const cJSON *added, struct error *err)
{
    static const char key[] = "added_tokens_decoder";
    struct buffer value = BUFFER_INIT;
    struct member member;
    const cJSON *token;
    int status = member_read(&member, out, configuration, key, err);
    if (status == 0 && cJSON_IsObject(member.value)) {
        bool first = !member.value->child;
        put_open(&value, &member, key);
        cJSON_ArrayForEach(token, added)
        {
            struct json_writer json = {.out = &value};
            char id[32];
            snprintf(id, sizeof id, "%.0f", token->valuedouble);
            buffer_text(&value, first ? "\n    " : ",\n    ");
            json_put_string(&value, id);
            buffer_text(&value, ": ");
            json_object(&json, NULL);
            tokenizer_put_added(&json, token->string, true);
            json_end(&json);
            first = false;
        }
        buffer_text(&value, "\n  }");
        status = member_save(&member, key, &value, err);
    }
    member_free(&member);
    return status;
}

/* Whoever loads the folder must find the same ids. */
static int check_added(const char *out, const cJSON *added, struct error *err)
{
    struct tokenizer *tokenizer = NULL;
    const cJSON *token;
    int status = tokenizer_open(&tokenizer, out, err);
    cJSON_ArrayForEach(token, added)
    {
        int32_t id = status == 0 ? tokenizer_token_id(tokenizer, token->string) : -1;
        if (status == 0 && (id != token->valuedouble || !tokenizer_is_special(tokenizer, id)))
            status = error_set(err,
                               "the tokenizer's files cannot say that \"%.60s\" is the token %.0f: "
                               "read again it is %d; its vocabulary has ids that do not follow one "
                               "another",
                               token->string, token->valuedouble, id);
    }
    tokenizer_close(tokenizer);
    return status;
}

int export_write_added(const struct export *export, const char *out, struct error *err)
{
    const cJSON *added = export->source.added_tokens;
    const struct checkpoint *base = export->source.model->checkpoint;
    bool gguf = checkpoint_format(base) == CHECKPOINT_GGUF, configured;
    if (!added)
        return 0;
    if (is_there(out, configuration, &configured, err) != 0 ||
        (!gguf && add_to_list(out, added, err) != 0) ||
        (!gguf && configured && add_to_decoder(out, added, err) != 0))
        return -1;
    return check_added(out, added, err);
}
