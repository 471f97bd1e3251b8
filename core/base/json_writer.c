#include "base/json_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parts --- */

/* Most characters stand for themselves, so runs of them are copied whole. False: some bytes were no
 * UTF-8. */
static bool put_string(struct buffer *out, const char *text)
{
    size_t length = strlen(text), from = 0, used;
    bool valid = true;
    buffer_byte(out, '"');
    for (size_t at = 0; at < length; at += used) {
        int32_t c = (unsigned char)text[at];
        used = 1;
        if (c >= 0x7F)
            used = utf8_decode(text + at, length - at, &c);
        if (c != '"' && c != '\\' && !utf8_is_unsafe(c))
            continue;
        buffer_append(out, text + from, at - from);
        from = at + used;
        if (c == '"' || c == '\\')
            buffer_format(out, "\\%c", (char)c);
        else /* none of them needs a surrogate pair; no UTF-8: the replacement character */
            buffer_format(out, "\\u%04x", c < 0 ? 0xFFFD : (unsigned)c);
        valid &= c >= 0;
    }
    buffer_append(out, text + from, length - from);
    buffer_byte(out, '"');
    return valid;
}

void json_put_string(struct buffer *out, const char *text)
{
    put_string(out, text);
}

/* The shortest of 15 to 17 digits that reads back as the same number. */
void json_put_number(struct buffer *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        buffer_text(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_text(out, text);
}

/* A key has a member of an object, an element of a list none. */
static void put_members(struct buffer *out, const cJSON *parent)
{
    for (const cJSON *item = parent->child; item; item = item->next) {
        if (item != parent->child)
            buffer_byte(out, ',');
        if (cJSON_IsObject(parent)) {
            json_put_string(out, item->string);
            buffer_byte(out, ':');
        }
        json_put_tree(out, item);
    }
}

/* On one line; numbers as json_put_number() has them. */
void json_put_tree(struct buffer *out, const cJSON *tree)
{
    bool object = cJSON_IsObject(tree);
    if (object || cJSON_IsArray(tree)) {
        buffer_byte(out, object ? '{' : '[');
        put_members(out, tree);
        buffer_byte(out, object ? '}' : ']');
    } else if (cJSON_IsString(tree)) {
        json_put_string(out, tree->valuestring);
    } else if (cJSON_IsNumber(tree)) {
        json_put_number(out, tree->valuedouble);
    } else {
        buffer_text(out, cJSON_IsTrue(tree) ? "true" : cJSON_IsFalse(tree) ? "false" : "null");
    }
}

/* --- the writer --- */

static bool refuse(struct json_writer *json, const char *misuse)
{
    json->misuse = misuse;
    json->out->failed = true;
    return false;
}

static struct json_level *innermost(struct json_writer *json)
{
    return json->depth > 0 ? &json->levels[json->depth - 1] : NULL;
}

/* Before a member (`depth` deep in what is open) or the bracket that ends it (one less): a new
 * line, where the layout or json_break() wants one. False: it goes on on the same one. */
static bool begin_line(struct json_writer *json, bool wanted, int depth)
{
    const struct json_level *level = innermost(json);
    int spaces = json->breaks ? json->indent : level->layout == JSON_INDENTED ? 2 * depth : 0;
    if (!json->breaks && !wanted)
        return false;
    json->breaks = false;
    buffer_byte(json->out, '\n');
    for (int i = 0; i < spaces; i++)
        buffer_byte(json->out, ' ');
    return true;
}

/* Everything up to a value: the comma, the line's end, the key. False: the value does not fit. */
static bool begin_value(struct json_writer *json, const char *key)
{
    struct json_level *level = innermost(json);
    if (json->misuse)
        return false;
    if (!level) {
        if (json->done || key)
            return refuse(json, key ? "a key outside of any object" : "a second outermost value");
        json->done = true;
        return true;
    }
    if (level->object != (key != NULL))
        return refuse(json, key ? "a key in a list" : "a member of an object without a key");
    bool rows = level->layout == JSON_ROWS_BESIDE ? level->used : level->layout >= JSON_ROWS;
    bool compact = level->layout == JSON_COMPACT;
    if (level->used)
        buffer_byte(json->out, ',');
    if (!begin_line(json, rows, json->depth) && level->used && !compact)
        buffer_byte(json->out, ' ');
    level->used = true;
    if (key) {
        json->mended |= !put_string(json->out, key);
        buffer_text(json->out, compact ? ":" : ": ");
    }
    return true;
}

/* Inside a compact value all is compact. */
static void open_level(struct json_writer *json, const char *key, bool object)
{
    const struct json_level *around = innermost(json);
    bool compact = around && around->layout == JSON_COMPACT;
    if (json->depth == JSON_WRITER_DEPTH) {
        refuse(json, "too many levels");
        return;
    }
    if (!begin_value(json, key))
        return;
    buffer_byte(json->out, object ? '{' : '[');
    json->levels[json->depth++] =
        (struct json_level){.object = object, .layout = compact ? JSON_COMPACT : JSON_LINE};
}

void json_object(struct json_writer *json, const char *key)
{
    open_level(json, key, true);
}

void json_list(struct json_writer *json, const char *key)
{
    open_level(json, key, false);
}

void json_layout(struct json_writer *json, enum json_layout layout)
{
    struct json_level *level = innermost(json);
    if (json->misuse)
        return;
    if (!level || level->used)
        refuse(json, "a layout for what is not just opened");
    else
        level->layout = layout;
}

/* Closes what was opened last; too many ends are a mistake of the caller's that json_finish()
 * reports. */
void json_end(struct json_writer *json)
{
    const struct json_level *level = innermost(json);
    if (json->misuse)
        return;
    if (!level) {
        refuse(json, "an end where nothing is open");
        return;
    }
    bool closed = level->layout == JSON_ROWS_CLOSED || level->layout == JSON_INDENTED;
    begin_line(json, closed, json->depth - 1);
    buffer_byte(json->out, level->object ? '}' : ']');
    json->depth--;
}

void json_break(struct json_writer *json, int spaces)
{
    json->breaks = json->depth > 0;
    json->indent = spaces;
}

void json_text(struct json_writer *json, const char *key, const char *text)
{
    if (!begin_value(json, key))
        return;
    if (text)
        json->mended |= !put_string(json->out, text);
    else
        buffer_text(json->out, "null");
}

void json_integer(struct json_writer *json, const char *key, int64_t value)
{
    if (begin_value(json, key))
        buffer_format(json->out, "%" PRId64, value);
}

void json_count(struct json_writer *json, const char *key, uint64_t value)
{
    if (begin_value(json, key))
        buffer_format(json->out, "%" PRIu64, value);
}

void json_real(struct json_writer *json, const char *key, double value)
{
    if (!begin_value(json, key))
        return;
    if (!json->loose || isfinite(value))
        json_put_number(json->out, value);
    else
        buffer_text(json->out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

void json_flag(struct json_writer *json, const char *key, bool value)
{
    json_raw(json, key, value ? "true" : "false");
}

void json_null(struct json_writer *json, const char *key)
{
    json_raw(json, key, "null");
}

void json_tree(struct json_writer *json, const char *key, const cJSON *tree)
{
    if (begin_value(json, key))
        json_put_tree(json->out, tree);
}

void json_raw(struct json_writer *json, const char *key, const char *text)
{
    if (begin_value(json, key))
        buffer_text(json->out, text);
}

void json_begin(struct json_writer *json, const char *format)
{
    json_object(json, NULL);
    json_text(json, "format", format);
    json_count(json, "version", 1);
}

int json_finish(struct json_writer *json, struct error *err)
{
    if (!json->misuse && (json->depth > 0 || !json->done))
        refuse(json, json->depth > 0 ? "an end that is missing" : "no value");
    if (json->misuse)
        return error_set(err, "JSON is not written as it must be, an error of this program: %s",
                         json->misuse);
    buffer_byte(json->out, '\n');
    return buffer_check(json->out, err);
}

/* --- one member of a text --- */

static const char space[] = " \t\r\n";

/* Where the text continues after the string that begins at text[at]. */
static size_t after_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

/* Where the value of a member of the outermost object lies in the text; brackets inside of texts do
 * not count. */
bool json_find_value(const char *text, const char *key, size_t *begin, size_t *end)
{
    size_t at = 0;
    *begin = 0;
    for (int depth = 0; text[at]; at++) {
        if (text[at] == '"') {
            size_t after = after_string(text, at), length = after - at - 2;
            bool is_key = depth == 1 && text[after + strspn(text + after, space)] == ':';
            if (is_key && !*begin && length == strlen(key) &&
                memcmp(text + at + 1, key, length) == 0) {
                after += strspn(text + after, space) + 1;
                *begin = after;
            }
            at = after - 1;
            continue;
        }
        if (*begin && depth == 1 && (text[at] == ',' || text[at] == '}'))
            break;
        depth += (text[at] == '{' || text[at] == '[') - (text[at] == '}' || text[at] == ']');
    }
    while (*begin && at > *begin && strchr(space, text[at - 1]))
        at--;
    *end = at;
    return *begin > 0;
}

/* The text with one member changed, or put in front, and not a byte of the rest: a file that people
 * have written keeps its layout. */
void json_put_edited(struct buffer *out, const char *text, const char *key, const char *value)
{
    size_t begin, end;
    if (json_find_value(text, key, &begin, &end)) {
        buffer_append(out, text, begin);
        buffer_byte(out, ' ');
        buffer_text(out, value);
        buffer_text(out, text + end);
        return;
    }
    const char *brace = strchr(text, '{'), *rest = brace + 1 + strspn(brace + 1, space);
    buffer_append(out, text, (size_t)(brace + 1 - text));
    buffer_text(out, "\n  ");
    json_put_string(out, key);
    buffer_text(out, ": ");
    buffer_text(out, value);
    buffer_text(out, *rest == '}' ? "" : ",");
    buffer_text(out, brace + 1);
}
