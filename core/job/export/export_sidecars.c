#include "job/export/export_sidecars.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "model/config_write.h"
#include "model/sidecars.h"
#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the tokenizer: added tokens, the template ---
 *
 * transformers 5 writes templates as files and reads those before tokenizer_config.json's
 * "chat_template", which is what its forerunners and most other tools read: the configuration has
 * the run's template, and so has chat_template.jinja where the base has one, or no configuration. A
 * template that was chosen stands alone, as where tokenizer.chat_template is set and saved: others
 * of the base, by name, are not the run's. All else in the files stays to the byte. */

enum { TOKENIZER_FILE_MAX = 256 << 20 };
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

/* Reads the file and finds the member in it twice: in the tree, for its value, and in the text,
 * where it is to be replaced. A key that is spelt with escapes is found in the tree alone, and
 * refused. */
static int member_read(struct member *out, const char *folder, const char *name, const char *key,
                       struct error *err)
{
    size_t begin, end;
    *out = (struct member){.path = path_join(folder, name, err)};
    if (!out->path || file_read_all(&out->text, out->path, TOKENIZER_FILE_MAX, err) != 0 ||
        !(out->tree = json_parse(buffer_string(&out->text), out->text.length,
                                 JSON_LOOSE_NUMBERS | JSON_OBJECT, out->path, err)))
        return -1;
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

/* Where the tokenizer's configuration has a template, it is replaced there: a second one would be a
 * guess. */
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

/* Puts the template where its readers look for it, as said above. */
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

/* The template that the run trained with, wherever the base had its own. */
static int write_template(const struct export *export, const char *out, struct error *err)
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

/* tokenizer_config.json, which has them, too: {"49152": {"content": ...}} */
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
                               "read back it is %d; its vocabulary has ids that do not follow one "
                               "another",
                               token->string, token->valuedouble, id);
    }
    tokenizer_close(tokenizer);
    return status;
}

/* Added tokens where transformers looks for them, then a look whether it would find them there. */
static int write_added(const struct export *export, const char *out, struct error *err)
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

/* --- what ends a text --- */

static const char generation_config[] = "generation_config.json", ends_key[] = "eos_token_id";
enum { GENERATION_CONFIG_MAX = 16 << 20 };

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
    config_put_ends(&json, ends_key, ends->ids, ends->count);
    json_end(&json);
    json_finish(&json, NULL);
}

/* Where the base's file says the same it stays to the byte. */
static int change(const struct end_tokens *ends, const char *path, const char *out,
                  struct error *err)
{
    struct buffer text = BUFFER_INIT, changed = BUFFER_INIT;
    struct end_tokens said = {0};
    int status = file_read_all(&text, path, GENERATION_CONFIG_MAX, err);
    cJSON *tree = status == 0 ? json_parse(buffer_string(&text), text.length,
                                           JSON_LOOSE_NUMBERS | JSON_OBJECT, path, err)
                              : NULL;
    struct buffer value = BUFFER_INIT;
    status = tree ? end_tokens_add_json(&said, json_get(tree, ends_key), err) : -1;
    if (status == 0 && said.count != ends->count) {
        struct json_writer json = {.out = &value};
        config_put_ends(&json, NULL, ends->ids, ends->count);
        json_put_edited(&changed, buffer_string(&text), ends_key, buffer_string(&value));
        status = export_save_text(out, generation_config, &changed, err);
    }
    cJSON_Delete(tree);
    buffer_free(&value);
    buffer_free(&text);
    buffer_free(&changed);
    return status;
}

/* transformers reads the base's files, whatever stands beside the adapters. */
int export_find_ends(struct end_tokens *ends, bool *base_lacks, const struct export *export,
                     struct error *err)
{
    const struct source *source = &export->source;
    struct end_tokens said = {0};
    if (source_end_tokens(ends, source, export->tokenizer, err) != 0)
        return -1;
    if (!base_lacks)
        return 0;
    if (end_tokens_read(&said, source->model->checkpoint, NULL, err) != 0)
        return -1;
    for (size_t i = 0; i < ends->count; i++)
        *base_lacks |= !end_tokens_have(&said, ends->ids[i]);
    return 0;
}

/* generation_config.json of the base with the run's ends, or a new one. A base whose texts have no
 * known end gets none. */
static int write_ends(const struct export *export, const char *out, struct error *err)
{
    const struct model *model = export->source.model;
    struct end_tokens ends;
    struct buffer text = BUFFER_INIT;
    if (source_end_tokens(&ends, &export->source, export->tokenizer, err) != 0)
        return -1;
    if (ends.count == 0)
        return 0;
    if (checkpoint_format(model->checkpoint) != CHECKPOINT_GGUF) {
        char *path = path_join(checkpoint_folder(model->checkpoint), generation_config, err);
        int there = path ? file_find(path, err) : -1;
        int status = there > 0 ? change(&ends, path, out, err) : there;
        free(path);
        if (there != 0)
            return status;
    }
    put_new(&text, model, &ends);
    return export_save_text(out, generation_config, &text, err);
}

/* --- all of them --- */

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

/* Numbers that are written as real ones and have a whole value stay as they are written: transformers
 * refuses an attn_logit_softcapping of 50, which must be 50.0. */
static void keep_reals(cJSON *tree)
{
    cJSON *item;
    cJSON_ArrayForEach(item, tree) keep_reals(item);
    bool whole = cJSON_IsNumber(tree) && isfinite(tree->valuedouble) &&
                 floor(tree->valuedouble) == tree->valuedouble;
    if (whole && tree->valuestring && strpbrk(tree->valuestring, ".eE"))
        tree->type = cJSON_Raw;
}

/* The base's, as its file has it. */
static cJSON *read_config(const struct export *export, struct error *err)
{
    enum { MOST = 64 << 20 };
    char *path = path_join(checkpoint_folder(export->source.model->checkpoint), "config.json", err);
    cJSON *config =
        path ? json_read_file(path, MOST, JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS | JSON_OBJECT, err)
             : NULL;
    free(path);
    if (config)
        keep_reals(config);
    return config;
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
    cJSON *config = read_config(export, err);
    if (!config)
        return -1;
    bool none = !cJSON_HasObjectItem(config, keys[0]) && !cJSON_HasObjectItem(config, keys[1]);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (none)
            cJSON_AddStringToObject(config, keys[i], type);
        else if (cJSON_HasObjectItem(config, keys[i]))
            cJSON_ReplaceItemInObjectCaseSensitive(config, keys[i], cJSON_CreateString(type));
    if (config_amend(config, export->source.model, err) < 0) {
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

/* The base's files first, then what the run has changed in them, in an order in which each finds
 * what the one before has written. */
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
        status = write_template(export, out, err);
    if (status == 0)
        status = write_added(export, out, err);
    return status == 0 ? write_ends(export, out, err) : -1;
}
