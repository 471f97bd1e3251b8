/* A tokenizer from its first to its last moment, and what is asked of it: what load_json.c and
 * load_gguf.c fill it by, its fingerprint, its special tokens and templates. */
#include "text/tokenizer/parts.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_FILE_MAX = 16 << 20 };

/* Special tokens of -1 are not there. */
struct tokenizer *tokenizer_new(struct error *err)
{
    struct tokenizer *t = array_alloc(1, sizeof *t, err);
    if (!t)
        return NULL;
    t->bos = t->eos = t->pad = t->unk = t->unknown = -1;
    t->templates = cJSON_CreateObject();
    t->special_map = cJSON_CreateObject();
    if (t->templates && t->special_map)
        return t;
    error_set(err, "not enough memory for a tokenizer");
    cJSON_Delete(t->templates);
    cJSON_Delete(t->special_map);
    free(t);
    return NULL;
}

/* All that the loaders filled in, as far as they came. */
void tokenizer_close(struct tokenizer *t)
{
    if (!t)
        return;
    free(t->path);
    vocabulary_free(&t->vocabulary);
    merge_table_free(&t->merges);
    added_free(&t->added_raw);
    added_free(&t->added_normalized);
    rewriter_free(&t->normalizer);
    rewriter_free(&t->prefixer);
    splitter_free(&t->splitter);
    bpe_free(&t->word);
    buffer_free(&t->normalized);
    buffer_free(&t->prefixed);
    buffer_free(&t->spelled);
    cJSON_Delete(t->templates);
    cJSON_Delete(t->special_map);
    free(t->cache);
    free(t);
}

/* --- a list of tokens --- */

/* Two arrays of one length; each grows on its own, as one may be taken away by its caller. */
int token_list_add(struct token_list *list, int32_t id, float weight, struct error *err)
{
    if (list->count == list->capacity || list->count == list->weight_capacity) {
        if (array_reserve((void **)&list->ids, &list->capacity, list->count + 1, sizeof *list->ids,
                          err) != 0 ||
            array_reserve((void **)&list->weights, &list->weight_capacity, list->count + 1,
                          sizeof *list->weights, err) != 0)
            return -1;
    }
    list->ids[list->count] = id;
    list->weights[list->count++] = weight;
    return 0;
}

void token_list_free(struct token_list *list)
{
    free(list->ids);
    free(list->weights);
    *list = (struct token_list){0};
}

/* --- what it is filled by --- */

/* Later places replace earlier ones (load_added.c has their order). */
int tokenizer_map_text(cJSON *map, const char *key, const char *text, struct error *err)
{
    cJSON *item = cJSON_CreateString(text);
    bool put = item && (cJSON_GetObjectItemCaseSensitive(map, key)
                            ? cJSON_ReplaceItemInObjectCaseSensitive(map, key, item)
                            : cJSON_AddItemToObject(map, key, item));
    if (put)
        return 0;
    cJSON_Delete(item);
    return error_set(err, "not enough memory for a tokenizer");
}

/* After all tokens are there: which one stands for each byte, and the caches. */
int tokenizer_finish(struct tokenizer *t, struct error *err)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        size_t length = t->byte_level ? utf8_encode(byte_letter((uint8_t)byte), text)
                                      : (size_t)snprintf(text, sizeof text, "<0x%02X>", byte);
        t->byte_ids[byte] = vocabulary_find(&t->vocabulary, text, length);
    }
    added_index(&t->added_raw);
    added_index(&t->added_normalized);
    t->cache = array_alloc(CACHE_ENTRIES, sizeof *t->cache, err);
    return t->cache ? 0 : -1;
}

/* --- its fingerprint --- */

/* Nesting is bounded by the parser. */
static void hash_tree(struct hash *hash, const cJSON *tree)
{
    const cJSON *child;
    hash_update(hash, &tree->type, sizeof tree->type);
    hash_update(hash, &tree->valuedouble, sizeof tree->valuedouble);
    if (tree->string)
        hash_update(hash, tree->string, strlen(tree->string) + 1);
    if (tree->valuestring)
        hash_update(hash, tree->valuestring, strlen(tree->valuestring) + 1);
    cJSON_ArrayForEach(child, tree) hash_tree(hash, child);
    hash_update(hash, "]", 1);
}

/* What was noted before, then the tree or the bytes. */
static int note(struct tokenizer *t, const cJSON *tree, const void *bytes, size_t count,
                struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, t->source, sizeof t->source);
    if (tree)
        hash_tree(hash, tree);
    hash_update(hash, bytes, count);
    hash_text(hash, t->source);
    hash_free(hash);
    return 0;
}

int tokenizer_note_source(struct tokenizer *t, const cJSON *tree, struct error *err)
{
    return note(t, tree, "", 0, err);
}

int tokenizer_note_bytes(struct tokenizer *t, const void *bytes, size_t count, struct error *err)
{
    return note(t, NULL, bytes, count, err);
}

/* A merge of tokens that do not exist would never apply: the file is not a whole one. */
int tokenizer_add_merge(struct tokenizer *t, const char *left, size_t left_length,
                        const char *right, size_t right_length, int32_t rank, struct error *err)
{
    struct merge merge = {vocabulary_find(&t->vocabulary, left, left_length),
                          vocabulary_find(&t->vocabulary, right, right_length), rank, -1};
    buffer_clear(&t->spelled);
    buffer_append(&t->spelled, left, left_length);
    buffer_append(&t->spelled, right, right_length);
    if (buffer_check(&t->spelled, err) != 0)
        return -1;
    merge.id = vocabulary_find(&t->vocabulary, buffer_string(&t->spelled), t->spelled.length);
    if (merge.left < 0 || merge.right < 0 || merge.id < 0)
        return error_set(err,
                         "merge %d joins \"%.*s\" and \"%.*s\", but not all of them and the result "
                         "are in the vocabulary",
                         rank, (int)(left_length < 40 ? left_length : 40), left,
                         (int)(right_length < 40 ? right_length : 40), right);
    return merge_table_add(&t->merges, merge, err);
}

int tokenizer_read_beside(cJSON **out, const char *folder, const char *file, struct error *err)
{
    char *path = path_join(folder, file, err);
    int there = path ? file_find(path, err) : -1;
    *out = there > 0 ? json_read_file(path, CONFIG_FILE_MAX, JSON_LOOSE_NUMBERS | JSON_OBJECT, err)
                     : NULL;
    free(path);
    return there < 0 || (there > 0 && !*out) ? -1 : 0;
}

/* A row more for the model, so the fingerprint changes, by which tokenised data is found. */
int tokenizer_add_special(struct tokenizer *t, const char *text, int32_t *id, struct error *err)
{
    size_t length = strlen(text);
    struct added_token token = {
        .content = (char *)(uintptr_t)text, .length = length, .special = true};
    if (length == 0 || tokenizer_token_id(t, text) >= 0)
        return error_set(err, "\"%.60s\" cannot be added to the tokenizer: %s", text,
                         length ? "it is a token already" : "it is empty");
    if (vocabulary_add(&t->vocabulary, t->next_id, text, length, err) != 0)
        return error_prefix(err, "\"%.60s\" cannot be added to the tokenizer, whose ids have gaps",
                            text);
    token.id = *id = (int32_t)t->next_id++;
    t->vocabulary.entries[token.id].special = true;
    if (added_push(&t->added_raw, token, err) != 0 ||
        tokenizer_note_bytes(t, id, sizeof *id, err) != 0)
        return -1;
    added_index(&t->added_raw);
    return tokenizer_note_bytes(t, text, length, err);
}

int tokenizer_fingerprint(const struct tokenizer *t, char out[HASH_TEXT_SIZE], struct error *err)
{
    const int32_t special[] = {t->bos, t->eos, t->pad, t->unk, t->unknown};
    const char *source = tokenizer_chat_template(t);
    const cJSON *item;
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, t->source, sizeof t->source);
    hash_update(hash, special, sizeof special);
    /* The default template first and without its name, as before there were others, so that what
     * was recorded of a tokenizer holds; then the others, which few have. */
    if (source)
        hash_update(hash, source, strlen(source));
    cJSON_ArrayForEach(item, t->templates)
    {
        if (strcmp(item->string, TEMPLATE_DEFAULT) == 0)
            continue;
        hash_update(hash, item->string, strlen(item->string) + 1);
        hash_update(hash, item->valuestring, strlen(item->valuestring) + 1);
    }
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* --- what is asked of one --- */

const char *tokenizer_path(const struct tokenizer *t)
{
    return t->path;
}

int32_t tokenizer_bos(const struct tokenizer *t)
{
    return t->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t)
{
    return t->eos;
}

void tokenizer_added_kinds(const struct tokenizer *t, unsigned char *kinds)
{
    memset(kinds, ADDED_NOT, t->vocabulary.size);
    for (size_t i = 0; i < t->added_raw.count; i++)
        kinds[t->added_raw.tokens[i].id] = ADDED_RAW;
    for (size_t i = 0; i < t->added_normalized.count; i++)
        kinds[t->added_normalized.tokens[i].id] = ADDED_NORMALIZED;
}

int32_t tokenizer_vocabulary_size(const struct tokenizer *t)
{
    return (int32_t)t->vocabulary.size;
}

const char *tokenizer_chat_template(const struct tokenizer *t)
{
    return tokenizer_named_template(t, TEMPLATE_DEFAULT);
}

const char *tokenizer_named_template(const struct tokenizer *t, const char *name)
{
    const char *source = NULL;
    json_get_string(t->templates, name, &source);
    return source;
}

const cJSON *tokenizer_templates(const struct tokenizer *t)
{
    return t->templates;
}

const cJSON *tokenizer_special_map(const struct tokenizer *t)
{
    return t->special_map;
}
