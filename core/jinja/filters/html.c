/* Filters for HTML, URLs and JSON: escape, forceescape, safe, striptags, tojson, urlencode,
 * xmlattr. */
#include "jinja/filters/filters.h"

#include "base/text.h"
#include "jinja/methods/methods.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* `escape` leaves what is markup already, `forceescape` (twice) escapes that, too. The result is
 * markup, so that it is not escaped again where it meets another text. */
static int escape(struct jinja_run *run, struct jinja_value value, bool twice,
                  struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    if (jinja_soft(run, value, twice, out) != 0)
        return -1;
    if (out->markup)
        return 0;
    if (jinja_step(run, out->is.text.length / 2) != 0)
        return -1;
    jinja_write_escaped(&text, out->is.text);
    return jinja_finish(run, &text, true, out);
}

static int filter_escape(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    return jinja_bind_none(run, "escape()", arguments) != 0 ? -1 : escape(run, value, false, out);
}

static int filter_forceescape(struct jinja_run *run, struct jinja_value value, args *arguments,
                              struct jinja_value *out)
{
    return jinja_bind_none(run, "forceescape()", arguments) != 0 ? -1
                                                                 : escape(run, value, true, out);
}

static int filter_safe(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    if (jinja_bind_none(run, "safe()", arguments) != 0 || jinja_soft(run, value, false, out) != 0)
        return -1;
    out->markup = true;
    return 0;
}

/* --- striptags --- */

/* An entity at the beginning of a text: the bytes that it takes and the character that it is; -1:
 * none that this knows. */
static int32_t read_entity(struct jinja_text text, size_t *taken)
{
    static const struct {
        const char *name;
        int32_t point;
    } names[] = {{"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},
                 {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", 0xA0}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *taken = strlen(names[i].name);
        if (*taken <= text.length && memcmp(text.bytes, names[i].name, *taken) == 0)
            return names[i].point;
    }
    bool hex = text.length > 3 && (text.bytes[2] == 'x' || text.bytes[2] == 'X');
    const char *end = memchr(text.bytes, ';', text.length < 12 ? text.length : 12);
    int64_t point;
    bool beyond;
    if (!end || text.length < 4 || text.bytes[1] != '#')
        return -1;
    size_t digits = hex ? 3 : 2;
    struct jinja_text number = {text.bytes + digits, (size_t)(end - text.bytes) - digits};
    *taken = (size_t)(end - text.bytes) + 1;
    for (size_t i = 0; i < number.length; i++)
        if (!strchr("0123456789abcdefABCDEF", number.bytes[i]))
            return -1;
    if (!jinja_read_integer(number, hex ? 16 : 10, &point, &beyond) || beyond)
        return -1;
    bool plain = (point >= 0x20 && point < 0x7F) || (point >= 0xA0 && point < 0xD800) ||
                 (point >= 0xE000 && point < 0xFDD0) || (point >= 0xFDF0 && point <= 0xFFFD);
    return plain ? (int32_t)point : -1;
}

/* Character references to characters; "&" before anything but a letter or "#" is itself. */
static int unescape(struct jinja_run *run, struct jinja_text text, struct buffer *out)
{
    for (size_t at = 0; at < text.length;) {
        struct jinja_text rest = {text.bytes + at, text.length - at};
        char bytes[4], next = rest.length > 1 ? rest.bytes[1] : ' ';
        bool letter = (next | 0x20) >= 'a' && (next | 0x20) <= 'z';
        if (rest.bytes[0] != '&' || !(letter || next == '#')) {
            buffer_byte(out, rest.bytes[0]);
            at++;
            continue;
        }
        size_t taken = 0;
        int32_t point = read_entity(rest, &taken);
        if (point < 0)
            return error_set(run->err, "striptags() knows no other entities than &amp; &lt; &gt; "
                                       "&quot; &apos; &nbsp; and numbered ones");
        buffer_append(out, bytes, utf8_encode(point, bytes));
        at += taken;
    }
    return 0;
}

/* The text without tags and comments, but for one that has no end; then its words with one space
 * between them; then what its entities mean. */
static int filter_striptags(struct jinja_run *run, struct jinja_value value, args *arguments,
                            struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    struct jinja_value words, space = jinja_string(" ");
    if (jinja_bind_none(run, "striptags()", arguments) != 0 ||
        jinja_soft(run, value, true, out) != 0)
        return -1;
    struct jinja_text from = out->is.text;
    size_t at = 0;
    for (ptrdiff_t tag; (tag = jinja_search(from, (struct jinja_text){"<", 1}, at)) >= 0;) {
        size_t begin = (size_t)tag;
        bool comment = from.length - begin >= 4 && memcmp(from.bytes + begin, "<!--", 4) == 0;
        struct jinja_text end = {comment ? "-->" : ">", comment ? 3 : 1};
        ptrdiff_t found = jinja_search(from, end, comment ? begin + 4 : begin);
        if (found < 0)
            break;
        buffer_append(&text, from.bytes + at, begin - at);
        at = (size_t)found + end.length;
    }
    buffer_append(&text, from.bytes + at, from.length - at);
    if (jinja_finish(run, &text, false, out) != 0 ||
        jinja_call_method(run, *out, "split", NULL, 0, &words) != 0 ||
        jinja_call_method(run, space, "join", &words, 1, out) != 0)
        return -1;
    if (unescape(run, out->is.text, &text) == 0)
        return jinja_finish(run, &text, false, out);
    buffer_free(&text);
    return -1;
}

/* --- JSON --- */

/* A text argument that ends with NUL and has none in it. */
static int c_text(struct jinja_run *run, struct jinja_value value, const char **out)
{
    struct jinja_value copy;
    if (value.type != JINJA_STRING)
        return error_set(run->err, "tojson(): indent and separators are texts, not '%s'",
                         jinja_type_name(value));
    if (jinja_text_copy(run->heap, value.is.text.bytes, value.is.text.length, &copy, run->err) != 0)
        return -1;
    *out = copy.is.text.bytes;
    return strlen(*out) == value.is.text.length
               ? 0
               : error_set(run->err, "tojson(): indent and separators cannot hold NUL");
}

/* transformers' own tojson: not ASCII alone, no HTML escapes. */
static int filter_tojson(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    static const char *const names[] = {"ensure_ascii", "indent", "separators", "sort_keys", NULL};
    struct jinja_value bound[4] = {jinja_bool(false), jinja_none(), jinja_none(),
                                   jinja_bool(false)};
    struct jinja_json_style style = {.indent = -1};
    struct jinja_list *separators;
    struct buffer text = BUFFER_INIT;
    if (jinja_bind(run, "tojson()", arguments, names, 0, bound) != 0)
        return -1;
    style.ensure_ascii = jinja_truth(bound[0]);
    style.sort_keys = jinja_truth(bound[3]);
    if (bound[1].type == JINJA_STRING) {
        if (c_text(run, bound[1], &style.indent_text) != 0)
            return -1;
    } else if (bound[1].type != JINJA_NONE) {
        if (jinja_to_integer(run, bound[1], &style.indent) != 0)
            return -1;
        style.indent = style.indent < 0 ? 0 : style.indent;
    }
    if (bound[2].type != JINJA_NONE) {
        if (jinja_iterate(run, bound[2], &separators) != 0)
            return -1;
        if (separators->count != 2)
            return error_set(run->err, "tojson(): separators are two texts");
        if (c_text(run, separators->items[0], &style.item_separator) != 0 ||
            c_text(run, separators->items[1], &style.key_separator) != 0)
            return -1;
    }
    if (jinja_write_json(&text, value, &style, run->err) != 0) {
        buffer_free(&text);
        return -1;
    }
    return jinja_finish(run, &text, false, out);
}

/* --- URLs and attributes --- */

/* Bytes but for letters, digits, "_.-~" and, where it is a path, "/", as %XX; in a query a space is
 * "+". */
static int quote(struct jinja_run *run, struct jinja_value value, bool query, struct buffer *out)
{
    struct jinja_value text;
    if (jinja_soft(run, value, true, &text) != 0 || jinja_step(run, text.is.text.length / 2) != 0)
        return -1;
    for (size_t i = 0; i < text.is.text.length; i++) {
        unsigned char byte = (unsigned char)text.is.text.bytes[i], lower = byte | 0x20;
        bool kept = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
                    (byte && strchr("_.-~", byte)) || (!query && byte == '/');
        if (kept)
            buffer_byte(out, (char)byte);
        else if (query && byte == ' ')
            buffer_byte(out, '+');
        else
            buffer_format(out, "%%%02X", byte);
    }
    return 0;
}

/* A text is quoted as a path; a dictionary or list of pairs as a query. */
static int filter_urlencode(struct jinja_run *run, struct jinja_value value, args *arguments,
                            struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    struct jinja_list *list, *pair;
    if (jinja_bind_none(run, "urlencode()", arguments) != 0)
        return -1;
    if (value.type == JINJA_DICT && jinja_call_method(run, value, "items", NULL, 0, &value) != 0)
        return -1;
    bool pairs =
        value.type == JINJA_LIST || value.type == JINJA_TUPLE || value.type == JINJA_UNDEFINED;
    if ((pairs ? jinja_iterate(run, value, &list) : quote(run, value, false, &text)) != 0)
        goto fail;
    for (size_t i = 0; pairs && i < list->count; i++) {
        if (jinja_iterate(run, list->items[i], &pair) != 0)
            goto fail;
        if (pair->count != 2) {
            error_set(run->err, "urlencode() wants pairs, not %zu values", pair->count);
            goto fail;
        }
        if (text.length)
            buffer_byte(&text, '&');
        if (quote(run, pair->items[0], true, &text) != 0)
            goto fail;
        buffer_byte(&text, '=');
        if (quote(run, pair->items[1], true, &text) != 0)
            goto fail;
    }
    return jinja_finish(run, &text, false, out);
fail:
    buffer_free(&text);
    return -1;
}

/* name="value" of every entry that has a value, with a space before the first unless told
 * otherwise. */
static int filter_xmlattr(struct jinja_run *run, struct jinja_value value, args *arguments,
                          struct jinja_value *out)
{
    struct jinja_value autospace = jinja_bool(true), key, content;
    struct buffer text = BUFFER_INIT;
    if (jinja_bind(run, "xmlattr()", arguments, (const char *const[]){"autospace", NULL}, 0,
                   &autospace) != 0)
        return -1;
    if (value.type != JINJA_DICT)
        return error_set(run->err, "xmlattr() wants a dictionary, not '%s'",
                         jinja_type_name(value));
    for (size_t i = 0; i < value.is.map->count; i++) {
        struct jinja_entry *entry = &value.is.map->entries[i];
        struct jinja_text name = entry->key.is.text;
        entry->read = true;
        if (entry->value.type == JINJA_NONE || entry->value.type == JINJA_UNDEFINED)
            continue;
        if (entry->key.type != JINJA_STRING) {
            error_set(run->err, "xmlattr() wants names that are texts, not '%s'",
                      jinja_type_name(entry->key));
            goto fail;
        }
        for (size_t k = 0; k < name.length; k++)
            if (name.bytes[k] && strchr(" \t\n\r\f\v/>=", name.bytes[k])) {
                error_set(run->err, "Invalid character in attribute name");
                goto fail;
            }
        if (escape(run, entry->key, false, &key) != 0 ||
            escape(run, entry->value, false, &content) != 0)
            goto fail;
        if (text.length || jinja_truth(autospace))
            buffer_byte(&text, ' ');
        buffer_append(&text, key.is.text.bytes, key.is.text.length);
        buffer_text(&text, "=\"");
        buffer_append(&text, content.is.text.bytes, content.is.text.length);
        buffer_byte(&text, '"');
    }
    return jinja_finish(run, &text, false, out);
fail:
    buffer_free(&text);
    return -1;
}

const struct jinja_filter_entry jinja_html_filters[] = {
    {"e", filter_escape},
    {"escape", filter_escape},
    {"forceescape", filter_forceescape},
    {"safe", filter_safe},
    {"striptags", filter_striptags},
    {"tojson", filter_tojson},
    {"urlencode", filter_urlencode},
    {"xmlattr", filter_xmlattr},
    {NULL, NULL},
};
