#include "text/tokenizer_parts.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_FILE_MAX = 16 << 20 };

/* GPT-2's released code: printable Latin-1 bytes (33-126, 161-172, 174-255) are themselves, the
 * others take the code points from 256 on, in order. */
int32_t byte_letter(uint8_t byte)
{
    if (byte <= 32)
        return 256 + byte;
    if (byte >= 127 && byte <= 160)
        return 289 + byte - 127;
    return byte == 173 ? 323 : byte;
}

int letter_byte(int32_t code_point)
{
    if (code_point < 0 || code_point > 323)
        return -1;
    if (code_point == 323)
        return 173;
    if (code_point >= 289)
        return code_point - 289 + 127;
    if (code_point >= 256)
        return code_point - 256;
    return byte_letter((uint8_t)code_point) == code_point ? code_point : -1;
}

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
    *out = there > 0 ? json_read_file(path, CONFIG_FILE_MAX, JSON_LOOSE_NUMBERS, err) : NULL;
    free(path);
    return there < 0 || (there > 0 && !*out) ? -1 : 0;
}
