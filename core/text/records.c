#include "text/records.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/utf8.h"

#include <string.h>

enum { CHUNK = 1 << 20 };

/* Of what is in memory at once: a .json file, a line. */
static const uint64_t WHOLE_MAX = (uint64_t)4 << 30;

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

bool record_file_name(const char *path)
{
    return text_ends_with(path, ".txt") || text_ends_with(path, ".jsonl") ||
           text_ends_with(path, ".ndjson") || text_ends_with(path, ".json");
}

/* Has at least `count` bytes from `at` on in hand, or all that there are. */
static int need(struct record_reader *reader, size_t count, struct error *err)
{
    struct buffer *content = &reader->content;
    size_t held = content->length - reader->at;
    uint64_t left = reader->size - reader->read;
    if (held >= count || left == 0)
        return 0;
    size_t more = count - held > CHUNK ? count - held : CHUNK;
    more = more < left ? more : (size_t)left;
    if (held + more > WHOLE_MAX)
        return error_set(err,
                         "%s:%zu: more than 4 GB in one piece; a .json array can be written as a "
                         ".jsonl of a line for each record, a line as several",
                         reader->path, reader->line);
    if (array_reserve((void **)&content->data, &content->capacity, content->length + 1, 1, err))
        return -1;
    memmove(content->data, content->data + reader->at, held);
    reader->at = 0;
    content->length = held;
    if (array_reserve((void **)&content->data, &content->capacity, held + more + 1, 1, err) != 0 ||
        file_read_at(reader->fd, content->data + held, more, reader->read, reader->path, err) != 0)
        return -1;
    content->length += more;
    content->data[content->length] = '\0';
    reader->read += more;
    return 0;
}

static int find_form(struct record_reader *reader, struct error *err)
{
    if (!record_file_name(reader->path))
        return error_set(err, "%s: data files end in .txt, .jsonl or .json", reader->path);
    if (text_ends_with(reader->path, ".txt")) {
        reader->form = RECORD_TEXT;
    } else if (!text_ends_with(reader->path, ".json")) {
        reader->form = RECORD_LINES;
    } else {
        uint64_t most = reader->size < WHOLE_MAX ? reader->size : WHOLE_MAX + 1;
        if (need(reader, (size_t)most, err) != 0)
            return -1;
        reader->form = form_of_json(&reader->content, skip_space(&reader->content, reader->at));
    }
    return 0;
}

int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err)
{
    *reader = (struct record_reader){.path = path, .mark = mark, .line = 1};
    reader->fd = file_open_read(path, &reader->size, err);
    if (reader->fd < 0 || need(reader, 1, err) != 0 ||
        refuse_other_formats(&reader->content, path, err) != 0)
        return -1;
    if (begins(&reader->content, "\xEF\xBB\xBF"))
        reader->at = 3; /* a byte order mark is no text */
    return find_form(reader, err);
}

void record_reader_free(struct record_reader *reader)
{
    if (reader->fd >= 0)
        sys.close(reader->fd);
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
    *out = (struct record){.text = reader->content.data + reader->at,
                           .length = end - reader->at,
                           .line = reader->line};
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

static bool space_before(const char *text, size_t at)
{
    int32_t c = 0;
    size_t from = at - 1;
    while (from > 0 && at - from < 4 && ((unsigned char)text[from] & 0xC0) == 0x80)
        from--;
    utf8_decode(text + from, at - from, &c);
    return is_space(c);
}

/* The last place where `mark` stands with no white space on either side; 0: there is none. */
static size_t last_lone(const char *text, size_t length, char mark)
{
    for (size_t at = length; at > 2; at--) {
        int32_t next = 0;
        if (text[at - 2] != mark || space_before(text, at - 2))
            continue;
        utf8_decode(text + at - 1, length - at + 1, &next);
        if (!is_space(next))
            return at - 2;
    }
    return 0;
}

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
    out->goes_on = goes_on;
    out->unended = reader->begun = unended;
    return 1;
}

static int next_line(struct record_reader *reader, struct record *out, struct error *err)
{
    const struct buffer *content = &reader->content;
    do {
        if (need(reader, 1, err) != 0)
            return -1;
        advance(reader, skip_space(content, reader->at));
    } while (reader->at == content->length && reader->read < reader->size);
    for (;;) {
        size_t left = content->length - reader->at;
        if (left == 0)
            return 0;
        const char *newline = memchr(content->data + reader->at, '\n', left);
        if (newline || reader->read == reader->size)
            return take(reader, newline ? (size_t)(newline - content->data) : content->length, 0,
                        out);
        if (need(reader, 2 * left, err) != 0)
            return -1;
    }
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
        return next_text(reader, out, err);
    case RECORD_LINES:
        return next_line(reader, out, err);
    case RECORD_OBJECT:
        return next_object(reader, out, err);
    default:
        return next_element(reader, out, err);
    }
}
