#include "base/json.h"

#include "base/file.h"
#include "base/json_fault.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cJSON is called on nothing that it could be hurt by:
 *
 *   1. check_text() reads the bytes once: depth, number of values, NUL, UTF-8. cJSON recurses, and
 *      takes 64 bytes and more a value, so both are bounded before it runs.
 *   2. cJSON parses; what follows the value is refused, which it would let pass.
 *   3. check_tree() finds keys that an object has twice, of which cJSON would give the first.
 */

/* The biggest tokenizer.json have two million values. */
enum { JSON_DEPTH_MAX = 64, JSON_VALUES_MAX = 4 << 20, JSON_VALUES_MANY = 32 << 20 };

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts pointers, so that big objects stay fast. */
int json_check_keys(const cJSON *object, const char *where, struct error *err)
{
    int count = cJSON_GetArraySize(object), used = 0, status = 0;
    if (count < 2)
        return 0;
    const char **keys = malloc((size_t)count * sizeof *keys);
    if (!keys)
        return error_set(err, "%s: not enough memory", where);
    for (const cJSON *item = object->child; item; item = item->next)
        keys[used++] = item->string;
    qsort(keys, (size_t)used, sizeof *keys, compare_keys);
    for (int i = 1; i < used && status == 0; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            status = error_set(err, "%s: the key \"%.80s\" appears twice", where, keys[i]);
    free(keys);
    return status;
}

/* Depth is bounded by check_text(), which runs first. */
static int check_tree(const cJSON *node, const char *where, struct error *err)
{
    for (; node; node = node->next) {
        if (cJSON_IsObject(node) && json_check_keys(node, where, err) != 0)
            return -1;
        if (node->child && check_tree(node->child, where, err) != 0)
            return -1;
    }
    return 0;
}

/* What the parser must not see: NUL bytes, deep nesting, values without end, no UTF-8. One pass
 * without a grammar is enough: whatever the text is, brackets outside of strings bound its depth,
 * and as every value but the first of a list or an object comes after a comma, brackets and commas
 * bound their number. */
static int check_text(const char *text, size_t length, enum json_flags flags, const char *where,
                      struct error *err)
{
    size_t values = 0, most = flags & JSON_MANY_VALUES ? JSON_VALUES_MANY : JSON_VALUES_MAX;
    bool in_string = false, escaped = false;
    int depth = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\0')
            return error_set(err, "%s: a NUL byte at %zu: this is not JSON", where, i);
        if (escaped) {
            escaped = false;
            if (length - i >= 5 && memcmp(text + i, "u0000", 5) == 0)
                return error_set(err,
                                 "%s: a NUL character (\\u0000) at byte %zu; take it out, texts "
                                 "with it cannot be read",
                                 where, i - 1);
            continue;
        }
        if (in_string) {
            escaped = c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        depth -= c == ']' || c == '}';
        if (c != '[' && c != '{' && c != ',')
            continue;
        if (c != ',' && ++depth > JSON_DEPTH_MAX)
            return error_set(err, "%s: nested more than %d levels deep", where, JSON_DEPTH_MAX);
        if (++values > most)
            return error_set(err, "%s: more than %d values; no file that is known here has so many",
                             where, (int)most);
    }
    return utf8_valid(text, length) ? 0 : error_set(err, "%s: not valid UTF-8", where);
}

/* Why cJSON does not take it; `at` is where it gave up. */
static void refuse_text(const char *text, size_t length, enum json_flags flags, size_t at,
                        const char *where, struct error *err)
{
    struct json_fault fault;
    if (!json_fault_find(text, length, flags & JSON_LOOSE_NUMBERS, &fault))
        error_set(err, "%s: not valid JSON near byte %zu", where, at);
    else if (memchr(text, '\n', length))
        error_set(err, "%s: not valid JSON, line %zu, column %zu: %s", where, fault.line,
                  fault.column, fault.what);
    else
        error_set(err, "%s: not valid JSON, column %zu: %s", where, fault.column, fault.what);
}

/* No JSON number means NaN: loosen() writes a marker string, turned into a number here. */
#define NAN_MARKER "\x01NaN"

/* cJSON has no NaN: loosen() puts a text in its place, which becomes one here. */
static void markers_to_nan(cJSON *node)
{
    for (; node; node = node->next) {
        if (cJSON_IsString(node) && strcmp(node->valuestring, NAN_MARKER) == 0) {
            free(node->valuestring);
            node->valuestring = NULL;
            node->type = (node->type & ~0xFF) | cJSON_Number;
            node->valuedouble = NAN;
        }
        markers_to_nan(node->child);
    }
}

/* A copy of the text in which Python's bare words are JSON: 1e999 reads as infinity. */
static char *loosen(const char *text, size_t length)
{
    static const struct {
        const char *word, *json;
    } words[] = {{"Infinity", "1e999"}, {"NaN", "\"\\u0001NaN\""}};
    struct buffer out = BUFFER_INIT;
    bool in_string = false, escaped = false;
    for (size_t i = 0; i < length; i++) {
        size_t word_length = 0;
        for (int w = 0; w < 2 && !in_string && !word_length; w++) {
            size_t n = strlen(words[w].word);
            if (length - i >= n && memcmp(text + i, words[w].word, n) == 0) {
                buffer_text(&out, words[w].json);
                word_length = n;
            }
        }
        if (word_length) {
            i += word_length - 1;
            continue;
        }
        if (escaped)
            escaped = false;
        else if (in_string && text[i] == '\\')
            escaped = true;
        else if (text[i] == '"')
            in_string = !in_string;
        buffer_byte(&out, text[i]);
    }
    if (out.failed) {
        buffer_free(&out);
        return NULL;
    }
    return out.data;
}

/* The next number of the text from *at on, which moves past it; its length, 0: none. */
static size_t next_number(const char **at, const char *end, const char **number)
{
    bool in_string = false;
    for (; *at < end; (*at)++) {
        char c = **at;
        if (in_string && c == '\\') {
            (*at)++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            *number = *at;
            while (*at < end && **at && strchr("+-.eE0123456789", **at))
                (*at)++;
            return (size_t)(*at - *number);
        }
    }
    return 0;
}

/* The numbers of a tree stand in the text's order. */
static int keep_numbers(cJSON *node, const char **at, const char *end, struct error *err)
{
    const char *number = NULL;
    for (; node; node = node->next) {
        if (cJSON_IsNumber(node)) {
            size_t length = next_number(at, end, &number);
            if (!(node->valuestring = strndup(length ? number : "", length)))
                return error_set(err, "not enough memory");
        }
        if (keep_numbers(node->child, at, end, err) != 0)
            return -1;
    }
    return 0;
}

/* Checked before cJSON sees it, and after: what follows the value, and keys that occur twice. */
cJSON *json_parse(const char *text, size_t length, enum json_flags flags, const char *where,
                  struct error *err)
{
    if (check_text(text, length, flags, where, err) != 0)
        return NULL;
    char *loose = flags & JSON_LOOSE_NUMBERS && length ? loosen(text, length) : NULL;
    const char *from = loose ? loose : text, *end = NULL;
    size_t from_length = loose ? strlen(loose) : length;
    cJSON *tree = cJSON_ParseWithLengthOpts(from, from_length, &end, 0);
    if (!tree) {
        refuse_text(text, length, flags, end && end >= from ? (size_t)(end - from) : 0, where, err);
        goto out;
    }
    while (end < from + from_length && strchr(" \t\r\n", *end))
        end++;
    if (end < from + from_length) {
        error_set(err, "%s: %zu bytes follow the end of the JSON text", where,
                  (size_t)(from + from_length - end));
        goto refused;
    }
    if (check_tree(tree, where, err) != 0)
        goto refused;
    if (flags & JSON_KEEP_NUMBERS && keep_numbers(tree, &from, end, err) != 0)
        goto refused;
    if (loose)
        markers_to_nan(tree);
    goto out;
refused:
    cJSON_Delete(tree);
    tree = NULL;
out:
    free(loose);
    return tree;
}

cJSON *json_read_file(const char *path, size_t cap, enum json_flags flags, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    cJSON *tree = NULL;
    if (file_read_all(&text, path, cap, err) == 0) {
        if (text.length == 0)
            error_set(err, "%s is empty", path);
        else
            tree = json_parse(text.data, text.length, flags, path, err);
    }
    buffer_free(&text);
    return tree;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

bool json_is_there(const cJSON *item)
{
    return item && !cJSON_IsNull(item);
}

bool json_says(const cJSON *item)
{
    bool empty_text = cJSON_IsString(item) && !item->valuestring[0];
    bool list = cJSON_IsArray(item) || cJSON_IsObject(item);
    return json_is_there(item) && !empty_text && !(list && !item->child);
}

bool json_get_string(const cJSON *object, const char *key, const char **out)
{
    const cJSON *item = json_get(object, key);
    if (!cJSON_IsString(item))
        return false;
    *out = item->valuestring;
    return true;
}

bool json_get_double(const cJSON *object, const char *key, double *out)
{
    const cJSON *item = json_get(object, key);
    if (!cJSON_IsNumber(item))
        return false;
    *out = item->valuedouble;
    return true;
}

static bool whole_number(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= 9007199254740992.0) ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

bool json_get_int64(const cJSON *object, const char *key, int64_t *out)
{
    return whole_number(json_get(object, key), out);
}

bool json_get_first_int64(const cJSON *object, const char *key, int64_t *out)
{
    const cJSON *item = json_get(object, key);
    return whole_number(cJSON_IsArray(item) ? item->child : item, out);
}

bool json_get_bool(const cJSON *object, const char *key, bool *out)
{
    const cJSON *item = json_get(object, key);
    if (!cJSON_IsBool(item))
        return false;
    *out = cJSON_IsTrue(item);
    return true;
}

int json_need_string(const cJSON *object, const char *key, const char **out, const char *where,
                     struct error *err)
{
    return json_get_string(object, key, out)
               ? 0
               : error_set(err, "%s: \"%s\" must be there and be a string", where, key);
}

int json_need_int64(const cJSON *object, const char *key, int64_t *out, int64_t low, int64_t high,
                    const char *where, struct error *err)
{
    if (json_get_int64(object, key, out) && *out >= low && *out <= high)
        return 0;
    return error_set(err, "%s: \"%s\" must be there and be a whole number from %lld to %lld", where,
                     key, (long long)low, (long long)high);
}
