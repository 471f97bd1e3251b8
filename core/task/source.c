#include "task/source.h"

#include "base/memory.h"
#include "base/text.h"
#include "task/bzip2.h"
#include "text/data/records.h"

#include <string.h>

/* --- the bytes --- */

static int too_large(const char *path, struct error *err)
{
    return error_set(err, "%s: over %s unpacked, which no evaluation set has", path,
                     bytes_text(TASK_FILE_MAX).text);
}

static int read_stream(struct buffer *out, struct data_stream *stream, struct error *err)
{
    enum { PART = 1 << 16 };
    size_t got = PART;
    while (got == PART) {
        if (out->length > TASK_FILE_MAX)
            return too_large(stream->path, err);
        if (array_reserve((void **)&out->data, &out->capacity, out->length + PART + 1, 1, err) !=
                0 ||
            data_stream_read(stream, out->data + out->length, PART, &got, err) != 0)
            return -1;
        out->length += got;
        out->data[out->length] = '\0';
    }
    return 0;
}

/* What is packed by bzip2 takes the packed bytes' place. */
static int unpack(struct buffer *text, const char *path, struct error *err)
{
    struct buffer packed = *text;
    *text = (struct buffer)BUFFER_INIT;
    int status = bzip2_unpack(text, packed.data, packed.length, TASK_FILE_MAX, path, err);
    buffer_free(&packed);
    return status;
}

/* Names the line of the first byte that is none of a text's. */
static int check_text(const char *path, const struct buffer *text, struct error *err)
{
    size_t line = 1, at = 0;
    while (at < text->length) {
        int32_t code;
        size_t step = utf8_decode(text->data + at, text->length - at, &code);
        if (code < 0 || code == 0)
            return error_set(err, "%s:%zu: %s; evaluation sets are text in UTF-8", path, line,
                             code == 0 ? "a NUL byte" : "not UTF-8");
        line += code == '\n';
        at += step;
    }
    return 0;
}

int task_source_open(struct task_source *source, const char *path, struct error *err)
{
    struct data_stream stream;
    *source = (struct task_source){.path = path, .line = 1};
    int status = data_stream_open(&stream, path, err);
    if (status == 0)
        status = read_stream(&source->text, &stream, err);
    struct buffer *text = &source->text;
    if (status == 0 && text->length >= 3 && memcmp(text->data, "BZh", 3) == 0)
        status = unpack(text, path, err);
    else if (status == 0 && !data_name_ends(path, ".csv") && !data_name_ends(path, ".lst"))
        status = data_foreign_check(&stream, text->data,
                                    text->length < DATA_HEAD ? text->length : DATA_HEAD, err);
    data_stream_close(&stream);
    if (status != 0)
        return -1;
    if (text->length == 0)
        return error_set(err, "%s: the file is empty; download it again", path);
    if (text->length >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0)
        source->at = 3;
    return check_text(path, text, err);
}

void task_source_close(struct task_source *source)
{
    buffer_free(&source->text);
    *source = (struct task_source){.path = NULL};
}

/* --- lines --- */

int task_source_line(struct task_source *source, const char **text, size_t *length,
                     struct error *err)
{
    const struct buffer *all = &source->text;
    if (source->at >= all->length)
        return 0;
    const char *begin = all->data + source->at, *end = strchr(begin, '\n');
    size_t count = end ? (size_t)(end - begin) : all->length - source->at;
    if (count > TASK_LINE_MAX)
        return error_set(err, "%s:%zu: the line has over %d bytes, which no item has", source->path,
                         source->line, TASK_LINE_MAX);
    source->at += count + (end != NULL);
    source->line++;
    *text = begin;
    *length = count > 0 && begin[count - 1] == '\r' ? count - 1 : count;
    return 1;
}

/* --- tables --- */

const char *task_row_field(const struct task_row *row, size_t index)
{
    return buffer_string(&row->text) + row->at[index];
}

void task_row_free(struct task_row *row)
{
    buffer_free(&row->text);
    *row = (struct task_row){.count = 0};
}

/* A field's text up to its comma or the row's end, where source->at stays. */
static int take_field(struct task_source *source, struct task_row *row, struct error *err)
{
    const char *at = source->text.data + source->at;
    bool quoted = *at == '"', closed = false;
    at += quoted;
    for (; *at; at++) {
        bool end = *at == ',' || *at == '\n' || (*at == '\r' && at[1] == '\n');
        if ((!quoted || closed) && end)
            break;
        if (closed)
            return error_set(err, "%s:%zu: text behind the quote that ends a field", source->path,
                             source->line);
        if (quoted && *at == '"' && at[1] != '"') {
            closed = true;
            continue;
        }
        at += quoted && *at == '"'; /* doubled */
        source->line += *at == '\n';
        buffer_byte(&row->text, *at);
        if (row->text.length > TASK_LINE_MAX)
            return error_set(err, "%s:%zu: the row has over %d bytes; is a quote not closed?",
                             source->path, row->line, TASK_LINE_MAX);
    }
    if (quoted && !closed)
        return error_set(err, "%s:%zu: a quote is not closed", source->path, row->line);
    buffer_byte(&row->text, '\0');
    source->at = (size_t)(at - source->text.data);
    return 0;
}

static int take_row(struct task_source *source, struct task_row *row, struct error *err)
{
    buffer_clear(&row->text);
    row->count = 0;
    row->line = source->line;
    for (;;) {
        if (row->count == TASK_FIELDS_MAX)
            return error_set(err, "%s:%zu: the row has over %d fields", source->path, row->line,
                             TASK_FIELDS_MAX);
        row->at[row->count++] = row->text.length;
        if (take_field(source, row, err) != 0)
            return -1;
        if (source->text.data[source->at] != ',')
            break;
        source->at++;
    }
    source->at += source->text.data[source->at] == '\r';
    source->line += source->text.data[source->at] == '\n';
    source->at += source->text.data[source->at] == '\n';
    return buffer_check(&row->text, err) == 0 ? 1 : -1;
}

int task_source_row(struct task_source *source, struct task_row *row, struct error *err)
{
    while (source->at < source->text.length) {
        int status = take_row(source, row, err);
        if (status < 0 || row->count > 1 || row->text.length > 1)
            return status;
    }
    return 0;
}
