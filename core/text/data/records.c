/* Records cut out of a stream of bytes. `content` is a window of it that grows until what is wanted
 * is inside; `at` is the next byte, and what lies before it is given up when more is read.
 *
 *     .txt                 next_text      up to the mark, or a part of 1 MiB that ends at a seam
 *     .jsonl               next_line      up to the line's end
 *     .json, an array      next_element   by brackets and strings, whole file in the window
 *     .json, an object     next_object    one object over several lines; else its lines
 */
#include "text/data/records.h"

#include "base/json_fault.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

/* Of what is in memory at once: a .json file, a line. */
static const uint64_t WHOLE_MAX = (uint64_t)4 << 30;

static size_t skip_space(const struct buffer *content, size_t at)
{
    while (at < content->length && strchr(" \t\r\n", content->data[at]) && content->data[at])
        at++;
    return at;
}

/* What is after the JSON value at `at`, the content's length where it does not end: by brackets
 * and strings alone; its parser checks the rest. */
static size_t value_end(const struct buffer *content, size_t at)
{
    size_t depth = 0;
    bool in_string = false;
    for (; at < content->length; at++) {
        char c = content->data[at];
        if (in_string) {
            if (c == '\\')
                at++;
            else if (c == '"')
                in_string = false;
        } else if (depth == 0 && (c == ',' || c == ']' || c == '}')) {
            return at;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (c == ']' || c == '}') {
            if (--depth == 0)
                return at + 1;
        }
    }
    return content->length;
}

/* Turns "\r\n" and "\r" into "\n" in text[0..length) and returns what is left of it. */
static size_t join_line_ends(struct record_reader *reader, char *text, size_t length)
{
    size_t to = 0;
    if (!reader->after_cr && !memchr(text, '\r', length))
        return length;
    for (size_t from = 0; from < length; from++) {
        char c = text[from];
        if (c != '\n' || !reader->after_cr)
            text[to++] = c == '\r' ? '\n' : c;
        reader->after_cr = c == '\r';
    }
    return to;
}

/* Appends up to `count` bytes of the stream to the content, which ends with a NUL. */
static int read_more(struct record_reader *reader, size_t count, struct error *err)
{
    struct buffer *content = &reader->content;
    const struct data_stream *stream = &reader->stream;
    uint64_t left = stream->size - stream->taken + (stream->raw.length - stream->at);
    size_t got;
    if (stream->packing == DATA_PLAIN && count > left) /* no more room than a small file fills */
        count = (size_t)left + 1;
    if (array_reserve((void **)&content->data, &content->capacity, content->length + count + 1, 1,
                      err) != 0 ||
        data_stream_read(&reader->stream, content->data + content->length, count, &got, err) != 0)
        return -1;
    reader->ended = got < count;
    if (reader->form == RECORD_TEXT)
        got = join_line_ends(reader, content->data + content->length, got);
    content->length += got;
    content->data[content->length] = '\0';
    return 0;
}

/* Has at least `count` bytes from `at` on in hand, or all that there are. Bytes before `at` are
 * given up. */
static int need(struct record_reader *reader, size_t count, struct error *err)
{
    struct buffer *content = &reader->content;
    size_t held = content->length - reader->at;
    if (held >= count || reader->ended)
        return 0;
    if (reader->at > 0)
        memmove(content->data, content->data + reader->at, held);
    reader->at = 0;
    content->length = held;
    while (content->length < count && !reader->ended) {
        size_t more = content->length > CHUNK ? content->length : CHUNK;
        if (content->length > WHOLE_MAX)
            return error_set(
                err,
                "%s:%zu: more than 4 GiB in one piece; a .json array can be written as "
                "a .jsonl of a line for each record, a line as several",
                reader->path, reader->line);
        if (read_more(reader, more, err) != 0)
            return -1;
    }
    return 0;
}

/* Many .json files hold an object a line; some hold one object over several lines. A .jsonl that is
 * one array is read as one. */
int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err)
{
    *reader = (struct record_reader){.path = path, .mark = mark, .line = 1, .form = RECORD_LINES};
    const struct buffer *content = &reader->content;
    if (data_stream_open(&reader->stream, path, err) != 0 || read_more(reader, DATA_HEAD, err) != 0)
        return -1;
    if (content->length == 0)
        return error_set(err, "%s: no text in it, the file is empty", path);
    if (data_foreign_check(&reader->stream, content->data, content->length, err) != 0)
        return -1;
    if (content->length >= 3 && memcmp(content->data, "\xEF\xBB\xBF", 3) == 0)
        reader->at = 3;
    if (data_name_ends(path, ".txt")) {
        reader->form = RECORD_TEXT;
        reader->content.length = reader->at + join_line_ends(reader, content->data + reader->at,
                                                             content->length - reader->at);
        content->data[content->length] = '\0';
        return 0;
    }
    size_t first = skip_space(content, reader->at);
    if (!data_name_ends(path, ".json") && (first == content->length || content->data[first] != '['))
        return 0;
    if (need(reader, (size_t)WHOLE_MAX + 1, err) != 0)
        return -1;
    first = skip_space(content, reader->at);
    if (first == content->length || content->data[first] != '{')
        reader->form = RECORD_ARRAY;
    else if (memchr(content->data + first, '\n', value_end(content, first) - first))
        reader->form = RECORD_OBJECT;
    return 0;
}

void record_reader_free(struct record_reader *reader)
{
    data_stream_close(&reader->stream);
    buffer_free(&reader->content);
}

/* Goes to byte `to`, counting lines. */
static void advance(struct record_reader *reader, size_t to)
{
    const char *data = reader->content.data, *at;
    for (; reader->at < to; reader->at = (size_t)(at - data) + 1) {
        if (!(at = memchr(data + reader->at, '\n', to - reader->at)))
            break;
        reader->line++;
    }
    reader->at = to;
}

/* The record [reader->at, end), and goes on after `gap` more bytes. */
static int take(struct record_reader *reader, size_t end, size_t gap, struct record *out)
{
    *out = (struct record){.text = reader->content.data + reader->at,
                           .length = end - reader->at,
                           .line = reader->line,
                           .reader = reader};
    advance(reader, end + gap);
    return 1;
}

/* White space of Unicode, which the pre-tokenizers' \s is. */
static bool is_space(int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* The last place where `mark` stands with no white space on either side; 0: there is none. */
static size_t last_lone(const char *text, size_t length, char mark)
{
    for (size_t at = length; at > 2; at--) {
        int32_t before = 0, next = 0;
        size_t from = at - 3;
        if (text[at - 2] != mark)
            continue;
        while (from > 0 && at - 2 - from < 4 && ((unsigned char)text[from] & 0xC0) == 0x80)
            from--;
        utf8_decode(text + from, at - 2 - from, &before);
        if (is_space(before))
            continue;
        utf8_decode(text + at - 1, length - at + 1, &next);
        if (!is_space(next))
            return at - 2;
    }
    return 0;
}

/* A part may end after a line's end, before a space, or at least between two characters. Where a
 * lone one stands no merge of a tokenizer reaches across, so the parts' tokens are those of the
 * whole. */
size_t record_seam(const char *text, size_t length)
{
    size_t at = last_lone(text, length, '\n');
    if (at > 0)
        return at + 1;
    if ((at = last_lone(text, length, ' ')) > 0)
        return at;
    for (at = length; at > 0 && length - at < 4; at--)
        if (((unsigned char)text[at - 1] & 0xC0) != 0x80)
            return at > 1 ? at - 1 : length;
    return length;
}

/* A document, or of a long one the next part. */
static int next_text(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    size_t mark = reader->mark ? strlen(reader->mark) : 0;
    if (need(reader, RECORD_PART_MAX + 1 + mark, err) != 0)
        return -1;
    size_t left = content->length - reader->at;
    bool goes_on = reader->begun, unended = false;
    if (left == 0 && !goes_on)
        return 0;
    const char *from = content->data + reader->at;
    const char *hit = mark ? memmem(from, left, reader->mark, mark) : NULL;
    size_t length = hit ? (size_t)(hit - from) : left;
    if (length > RECORD_PART_MAX) {
        length = record_seam(from, RECORD_PART_MAX);
        unended = true;
        hit = NULL;
    }
    take(reader, reader->at + length, hit ? mark : 0, out);
    out->marked = hit != NULL;
    out->goes_on = goes_on;
    out->unended = reader->begun = unended;
    return 1;
}

/* Blank lines are passed over. The window doubles until the line's end is in it. */
static int next_line(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    do {
        if (need(reader, 1, err) != 0)
            return -1;
        advance(reader, skip_space(content, reader->at));
    } while (reader->at == content->length && !reader->ended);
    for (;;) {
        size_t left = content->length - reader->at;
        if (left == 0)
            return 0;
        const char *newline = memchr(content->data + reader->at, '\n', left);
        if (newline || reader->ended)
            return take(reader, newline ? (size_t)(newline - content->data) : content->length, 0,
                        out);
        if (need(reader, 2 * left, err) != 0)
            return -1;
    }
}

/* What is wrong at the reader's place, or before it: in a file that is held whole the fault has a
 * name (and all that is after the first one is beside the point). */
static int form_error(const struct record_reader *reader, const char *expected, struct error *err)
{
    const struct buffer *content = &reader->content;
    struct json_fault fault;
    size_t mark = content->length >= 3 && memcmp(content->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (json_fault_find(content->data + mark, content->length - mark, true, &fault) && !fault.after)
        return error_set(err, "%s:%zu: not valid JSON, column %zu: %s%s", reader->path, fault.line,
                         fault.column, fault.what, fault.cut ? "; is the file cut off?" : "");
    return error_set(err, "%s:%zu: expected %s", reader->path, reader->line, expected);
}

/* "[", an element, ",", an element, ... "]" and nothing more. */
static int next_element(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    const char *data = content->data;
    bool begun = reader->begun;
    advance(reader, skip_space(content, reader->at));
    if (begun && reader->at == content->length)
        return 0; /* the array's end was here */
    char c = reader->at < content->length ? data[reader->at] : '\0';
    if (c != (begun ? ',' : '[') && !(begun && c == ']'))
        return form_error(
            reader, begun ? "a comma or the array's end" : "an array \"[...]\" or an object", err);
    if (c != ']') {
        reader->begun = true;
        advance(reader, skip_space(content, reader->at + 1));
    }
    if (c == ']' || (!begun && reader->at < content->length && data[reader->at] == ']')) {
        advance(reader, skip_space(content, reader->at + 1));
        if (reader->at == content->length)
            return 0;
        if (data[reader->at] == '[')
            return data_refuse_with(&reader->stream, reader->line,
                                    "expected nothing after the array; several become one by",
                                    "jq -c '.[]'", err);
        return form_error(reader, "nothing after the array", err);
    }
    size_t end = value_end(content, reader->at);
    if (end == reader->at)
        return form_error(reader, "a record", err);
    if (end == content->length)
        return form_error(reader, "the array's end; the file is cut off", err);
    return take(reader, end, 0, out);
}

/* A .json with one object is one record, or the first of lines that should be a .jsonl. */
static int next_object(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    advance(reader, skip_space(content, reader->at));
    if (reader->at == content->length)
        return 0;
    if (reader->begun)
        return data_refuse_with(&reader->stream, reader->line,
                                "expected nothing after the object; more than one go one a line",
                                "jq -c .", err);
    reader->begun = true;
    return take(reader, value_end(content, reader->at), 0, out);
}

/* --- what a record must be --- */

static size_t lines_in(const char *text, size_t length)
{
    size_t lines = 0;
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + length - at))); at++)
        lines++;
    return lines;
}

/* The first byte that is not UTF-8; the length where all are. Eight of ASCII at a time. */
static size_t first_invalid(const char *text, size_t length)
{
    int32_t c;
    for (size_t at = 0; at < length;) {
        uint64_t eight = 0;
        if (length - at >= sizeof eight)
            memcpy(&eight, text + at, sizeof eight);
        if (length - at >= sizeof eight && !(eight & 0x8080808080808080u)) {
            at += sizeof eight;
            continue;
        }
        size_t used = utf8_decode(text + at, length - at, &c);
        if (c < 0)
            return at;
        at += used;
    }
    return length;
}

/* A record is UTF-8 without NUL; a line has no carriage return inside. Each refusal has the
 * command that mends the file. */
static int check_bytes(const struct record_reader *reader, const struct record *record,
                       struct error *err)
{
    const char *text = record->text, *nul = memchr(text, '\0', record->length);
    size_t bad = first_invalid(text, record->length);
    char what[160];
    if (bad + 1 < record->length && (unsigned char)text[bad] == 0xED &&
        ((unsigned char)text[bad + 1] & 0xE0) == 0xA0)
        return data_refuse_with(
            &reader->stream, record->line + lines_in(text, bad),
            "half of a surrogate pair in bytes (as Java and \"surrogatepass\" write it), which is "
            "not UTF-8; two halves become one character, and one alone U+FFFD, by",
            "python3 -c \"import sys; "
            "sys.stdout.buffer.write(sys.stdin.buffer.read().decode('utf-8', "
            "'surrogatepass').encode('utf-16', 'surrogatepass').decode('utf-16', "
            "'replace').encode())\" <",
            err);
    if (bad < record->length) {
        const char *line = memrchr(text, '\n', bad);
        snprintf(what, sizeof what,
                 "not UTF-8, byte %zu%s is 0x%02X; if the file is Windows's or Latin-1",
                 bad - (line ? (size_t)(line + 1 - text) : 0),
                 reader->form == RECORD_LINES || line ? " of the line" : "",
                 (unsigned char)text[bad]);
        return data_refuse_with(&reader->stream, record->line + lines_in(text, bad), what,
                                "iconv -f WINDOWS-1252 -t UTF-8", err);
    }
    if (nul)
        return data_refuse_with(
            &reader->stream, record->line + lines_in(text, (size_t)(nul - text)),
            "a NUL byte, which no text has; without them", "tr -d '\\000' <", err);
    const char *cr = reader->form == RECORD_LINES ? memchr(text, '\r', record->length) : NULL;
    if (cr && (size_t)(cr - text) + 1 < record->length)
        return data_refuse_with(&reader->stream, record->line,
                                "a carriage return inside a line; if it ends lines",
                                "tr '\\r' '\\n' <", err);
    return 0;
}

/* 1: a record, 0: the end, -1. Line and form are the reader's, by which messages name the place. */
int record_next(struct record_reader *reader, struct record *out, struct error *err)
{
    int status = reader->form == RECORD_TEXT     ? next_text(reader, out, err)
                 : reader->form == RECORD_LINES  ? next_line(reader, out, err)
                 : reader->form == RECORD_OBJECT ? next_object(reader, out, err)
                                                 : next_element(reader, out, err);
    if (status == 0 && reader->count == 0)
        return error_set(err, "%s: no record in it", reader->path);
    if (status <= 0)
        return status;
    reader->count++;
    return check_bytes(reader, out, err) == 0 ? 1 : -1;
}
