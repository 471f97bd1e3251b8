/* JSON: cJSON after checks, for files that are hostile until parsed.
 *
 * Refused here and accepted by cJSON: trailing bytes, duplicate keys in one object, NUL bytes, also
 * as "\u0000" (cJSON would end the string there), invalid UTF-8, nesting over 64 levels, more than
 * four million values (each takes 64 bytes and more, twenty times what it takes in the file).
 * Look-ups are case-sensitive; integers are exact. The tree is cJSON's own: walk it with
 * cJSON_ArrayForEach(), free it with cJSON_Delete(). base/json_writer.h writes.
 */
#ifndef SPECTRUM_BASE_JSON_H
#define SPECTRUM_BASE_JSON_H

#include "base/buffer.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses text[0..length); `where` names the source in messages. JSON_LOOSE_NUMBERS accepts the
 * bare Infinity, -Infinity and NaN that Python writes (they arrive as numbers). JSON_KEEP_NUMBERS
 * leaves the spelling of every number in its valuestring: whether "20" or "20.0" was written.
 * JSON_MANY_VALUES is for files of this program's own, whose length bounds them. */
enum json_flags {
    JSON_STRICT = 0,
    JSON_LOOSE_NUMBERS = 1,
    JSON_KEEP_NUMBERS = 2,
    JSON_MANY_VALUES = 4
};
cJSON *json_parse(const char *text, size_t length, enum json_flags flags, const char *where,
                  struct error *err);

/* Reads and parses a file of at most `cap` bytes. An empty file is an error that says so. */
cJSON *json_read_file(const char *path, size_t cap, enum json_flags flags, struct error *err);

/* Refuses an object that has one key twice, of which one reader takes the first and another the last.
 * Whatever is parsed here was checked; this is for trees that are made of something else. */
int json_check_keys(const cJSON *object, const char *where, struct error *err);

/* The member `key` of an object, or NULL. */
const cJSON *json_get(const cJSON *object, const char *key);

/* Neither absent (NULL) nor null; and besides no empty text, list or object. */
bool json_is_there(const cJSON *item);
bool json_says(const cJSON *item);

/* Typed members. Absent or null: returns false and leaves *out. Wrong type: also false; use
 * json_need_*() where that must be an error with the key's name. */
bool json_get_string(const cJSON *object, const char *key, const char **out);
bool json_get_double(const cJSON *object, const char *key, double *out);
bool json_get_int64(const cJSON *object, const char *key, int64_t *out); /* whole, |x| <= 2^53 */
/* The number itself, or the first of an array of them. */
bool json_get_first_int64(const cJSON *object, const char *key, int64_t *out);
bool json_get_bool(const cJSON *object, const char *key, bool *out);
int json_need_string(const cJSON *object, const char *key, const char **out, const char *where,
                     struct error *err);
int json_need_int64(const cJSON *object, const char *key, int64_t *out, int64_t low, int64_t high,
                    const char *where, struct error *err);

/* clang's analyser does not see into cJSON: what is not there is of no type. */
#ifdef __clang_analyzer__
#define cJSON_IsNumber(item) ((item) && (cJSON_IsNumber)(item))
#define cJSON_IsString(item) ((item) && (cJSON_IsString)(item))
#define cJSON_IsArray(item) ((item) && (cJSON_IsArray)(item))
#define cJSON_IsObject(item) ((item) && (cJSON_IsObject)(item))
#define cJSON_IsTrue(item) ((item) && (cJSON_IsTrue)(item))
#endif

#endif
