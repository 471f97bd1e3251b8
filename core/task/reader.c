/* A file of records: which form it has, and one record after the other. */
#include "task/reader.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The line's JSON, NULL where it is none; blank lines are passed over. */
static int take_json(struct task_reader *reader, struct error *err)
{
    const char *text;
    size_t length;
    cJSON_Delete(reader->json);
    reader->json = NULL;
    for (;;) {
        size_t line = reader->source.line;
        int status = task_source_line(&reader->source, &text, &length, err);
        if (status <= 0)
            return status;
        snprintf(reader->where, sizeof reader->where, "%.200s:%zu", reader->path, line);
        if (strspn(text, " \t\r") >= length)
            continue;
        reader->json = json_parse(text, length, JSON_OBJECT, reader->where, err);
        return reader->json ? 1 : -1;
    }
}

static bool is_table(const struct task_reader *reader)
{
    size_t length = strlen(reader->path);
    return length >= 4 && strcmp(reader->path + length - 4, ".csv") == 0;
}

/* Is the file one of lines of JSON? By its first character. */
static bool is_json(const struct task_reader *reader)
{
    const struct buffer *text = &reader->source.text;
    size_t at = reader->source.at + strspn(text->data + reader->source.at, " \t\r\n");
    return at < text->length && text->data[at] == '{';
}

/* Says which members the first record has, and which would do. */
static int refuse(const struct task_reader *reader, const struct task_form *const *forms,
                  const char *task, struct error *err)
{
    struct buffer has = BUFFER_INIT, wants = BUFFER_INIT;
    const cJSON *member;
    cJSON_ArrayForEach(member, reader->json) if (has.length < 120)
        buffer_format(&has, "%s%.24s", has.length ? ", " : "", member->string);
    for (; *forms; forms++)
        buffer_format(&wants, "%s%s (%s)", wants.length ? "; or " : "", (*forms)->members,
                      (*forms)->of);
    error_set(
        err, "%.160s: no form of %s that is known: its first record has %.150s; expected %.300s",
        reader->path, task, reader->json ? buffer_string(&has) : "no JSON", buffer_string(&wants));
    buffer_free(&has);
    buffer_free(&wants);
    return -1;
}

/* Looks at the first record, and goes back to the beginning. */
static int find_form(struct task_reader *reader, const struct task_form *const *forms,
                     const char *task, struct error *err)
{
    size_t at = reader->source.at;
    reader->lines = is_json(reader);
    int status = reader->lines      ? take_json(reader, err)
                 : is_table(reader) ? task_source_row(&reader->source, &reader->row, err)
                                    : 1;
    if (status < 0)
        return -1;
    for (size_t i = 0; forms[i] && !reader->form; i++)
        reader->form = forms[i]->is(reader) ? forms[i] : NULL;
    if (!reader->form)
        return refuse(reader, forms, task, err);
    reader->source.at = at;
    reader->source.line = 1;
    return 0;
}

/* PIQA's labels lie beside: valid.jsonl and valid-labels.lst. */
static int open_labels(struct task_reader *reader, struct error *err)
{
    if (reader->form != &form_piqa || json_get(reader->json, "label"))
        return 0;
    size_t size = strlen(reader->path) + sizeof "-labels.lst";
    reader->labels_path = array_alloc(size, 1, err);
    if (!reader->labels_path)
        return -1;
    const char *name = path_last(reader->path), *dot = strchr(name, '.');
    snprintf(reader->labels_path, size, "%.*s-labels.lst",
             (int)((dot ? dot : name + strlen(name)) - reader->path), reader->path);
    if (task_source_open(&reader->labels, reader->labels_path, err) != 0)
        return error_prefix(err, "%.160s has no \"label\", and what is published beside it",
                            reader->path);
    return 0;
}

struct task_reader *task_reader_open(const char *path, const struct task_form *const *forms,
                                     const char *task, struct error *err)
{
    struct task_reader *reader = array_alloc(1, sizeof *reader, err);
    if (!reader)
        return NULL;
    reader->path = string_copy(path, err);
    if (reader->path && task_source_open(&reader->source, reader->path, err) == 0 &&
        find_form(reader, forms, task, err) == 0 && open_labels(reader, err) == 0)
        return reader;
    task_reader_close(reader);
    return NULL;
}

void task_reader_close(struct task_reader *reader)
{
    if (!reader)
        return;
    task_source_close(&reader->source);
    task_source_close(&reader->labels);
    task_row_free(&reader->row);
    cJSON_Delete(reader->json);
    free(reader->path);
    free(reader->labels_path);
    free(reader);
}

int task_reader_next(struct task_reader *reader, struct task_record *record, struct error *err)
{
    *record = (struct task_record){.line = reader->source.line};
    int status = 1;
    if (reader->lines) {
        status = take_json(reader, err);
        record->line = reader->source.line - 1;
    }
    if (status > 0)
        status = reader->form->read(reader, record, err);
    reader->records += status > 0;
    if (status == 0 && reader->records == 0)
        return error_set(err, "%s: there is no record in it; download it again", reader->path);
    return status;
}
