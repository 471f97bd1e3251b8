#include "text/records.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

static const size_t DATA_FILE_MAX = (size_t)4 << 30;

static bool begins(const struct buffer *content, const char *magic)
{
    size_t length = strlen(magic);
    return content->length >= length && memcmp(content->data, magic, length) == 0;
}

static int refuse_other_formats(const struct buffer *content, const char *path, struct error *err)
{
    bool parquet = begins(content, "PAR1"), arrow = begins(content, "ARROW1");
    if (parquet || arrow || text_ends_with(path, ".arrow") || text_ends_with(path, ".parquet"))
        return error_set(err,
                         "%s is %s; convert it: python -c \"import datasets; "
                         "datasets.load_dataset('%s', data_files='FILE')['train']"
                         ".to_json('data.jsonl')\" with FILE its path",
                         path, parquet || text_ends_with(path, ".parquet") ? "Parquet" : "Arrow",
                         parquet || text_ends_with(path, ".parquet") ? "parquet" : "arrow");
    if (begins(content, "\x1f\x8b") || begins(content, "BZh") || begins(content, "\xFD\x37zXZ") ||
        begins(content, "\x28\xB5\x2F\xFD") || begins(content, "PK\x03\x04"))
        return error_set(err, "%s is compressed; unpack it first", path);
    return 0;
}

static size_t skip_space(const struct buffer *content, size_t at)
{
    while (at < content->length && strchr(" \t\r\n", content->data[at]) && content->data[at])
        at++;
    return at;
}

/* What is behind the JSON value at `at`, the content's length where it does not end: by brackets
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

/* Many .json files hold an object a line; some hold one object over several lines. */
static enum record_form form_of_json(const struct buffer *content, size_t first)
{
    const char *from = content->data + first;
    if (first == content->length || *from != '{')
        return RECORD_ARRAY;
    return memchr(from, '\n', value_end(content, first) - first) ? RECORD_OBJECT : RECORD_LINES;
}

static int find_form(struct record_reader *reader, struct error *err)
{
    const struct buffer *content = &reader->content;
    if (text_ends_with(reader->path, ".txt")) {
        reader->form = RECORD_TEXT;
    } else if (text_ends_with(reader->path, ".jsonl") || text_ends_with(reader->path, ".ndjson")) {
        reader->form = RECORD_LINES;
    } else if (text_ends_with(reader->path, ".json")) {
        reader->form = form_of_json(content, skip_space(content, reader->at));
    } else {
        return error_set(err, "%s: data files end in .txt, .jsonl or .json", reader->path);
    }
    return 0;
}

int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err)
{
    *reader = (struct record_reader){.path = path, .mark = mark, .line = 1};
    if (file_read_all(&reader->content, path, DATA_FILE_MAX, err) != 0 ||
        refuse_other_formats(&reader->content, path, err) != 0)
        return -1;
    if (begins(&reader->content, "\xEF\xBB\xBF"))
        reader->at = 3; /* a byte order mark is no text */
    return find_form(reader, err);
}

void record_reader_free(struct record_reader *reader)
{
    buffer_free(&reader->content);
}

/* Goes to byte `to`, counting lines. */
static void advance(struct record_reader *reader, size_t to)
{
    const char *data = reader->content.data;
    for (const char *at = data + reader->at;
         reader->at < to && (at = memchr(at, '\n', (size_t)(data + to - at))); at++)
        reader->line++;
    reader->at = to;
}

/* The record [reader->at, end), and goes on behind `gap` more bytes. */
static int take(struct record_reader *reader, size_t end, size_t gap, struct record *out)
{
    *out = (struct record){reader->content.data + reader->at, end - reader->at, reader->line};
    advance(reader, end + gap);
    return 1;
}

static int next_text(struct record_reader *reader, struct record *out)
{
    const struct buffer *content = &reader->content;
    size_t left = content->length - reader->at;
    size_t mark = reader->mark ? strlen(reader->mark) : 0;
    if (left == 0)
        return 0;
    const char *hit = mark ? memmem(content->data + reader->at, left, reader->mark, mark) : NULL;
    return hit ? take(reader, (size_t)(hit - content->data), mark, out)
               : take(reader, content->length, 0, out);
}

static int next_line(struct record_reader *reader, struct record *out)
{
    const struct buffer *content = &reader->content;
    advance(reader, skip_space(content, reader->at));
    if (reader->at == content->length)
        return 0;
    const char *from = content->data + reader->at;
    const char *newline = memchr(from, '\n', content->length - reader->at);
    return take(reader, newline ? (size_t)(newline - content->data) : content->length, 0, out);
}

static int form_error(const struct record_reader *reader, const char *expected, struct error *err)
{
    return error_set(err, "%s:%zu: expected %s", reader->path, reader->line, expected);
}

static int end_array(struct record_reader *reader, struct error *err)
{
    advance(reader, skip_space(&reader->content, reader->at + 1));
    return reader->at == reader->content.length
               ? 0
               : form_error(reader, "nothing behind the array", err);
}

static int next_element(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    const char *data = content->data;
    bool begun = reader->begun;
    advance(reader, skip_space(content, reader->at));
    if (begun && reader->at == content->length)
        return 0; /* end_array() was here */
    if (reader->at == content->length || data[reader->at] != (begun ? ',' : '['))
        if (!begun || reader->at == content->length || data[reader->at] != ']')
            return form_error(reader, begun ? "a comma or the array's end" : "an array \"[...]\"",
                              err);
    if (data[reader->at] == ']')
        return end_array(reader, err);
    reader->begun = true;
    advance(reader, skip_space(content, reader->at + 1));
    if (!begun && reader->at < content->length && data[reader->at] == ']')
        return end_array(reader, err);
    size_t end = value_end(content, reader->at);
    if (end == content->length)
        return form_error(reader, "the array's end; the file is cut off", err);
    return take(reader, end, 0, out);
}

static int next_object(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    advance(reader, skip_space(content, reader->at));
    if (reader->at == content->length)
        return 0;
    if (reader->begun)
        return form_error(reader,
                          "nothing behind the object; more than one go one a line, or into "
                          "an array \"[...]\"",
                          err);
    reader->begun = true;
    return take(reader, value_end(content, reader->at), 0, out);
}

int record_next(struct record_reader *reader, struct record *out, struct error *err)
{
    switch (reader->form) {
    case RECORD_TEXT:
        return next_text(reader, out);
    case RECORD_LINES:
        return next_line(reader, out);
    case RECORD_OBJECT:
        return next_object(reader, out, err);
    default:
        return next_element(reader, out, err);
    }
}
