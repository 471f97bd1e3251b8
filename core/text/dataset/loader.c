/* Files to tokens, a record at a time.
 *
 * The list holds what was not written yet. With a writer it is flushed at every 65,536 tokens or
 * so, and offsets, kinds and notes are all that stays in memory; without one it is all of the data.
 * A document ends where its last record's part does; of fewer than two tokens there is nothing to
 * predict, and it is taken back. So a document's only token is never flushed.
 */
#include "text/dataset/loader.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { FLUSH_TOKENS = 1 << 16 };

/* A data set being filled. `list` holds what was not written yet; without a writer, everything. */
struct loader {
    struct form_context forms;
    struct dataset *data;
    struct token_list *list;
    struct token_writer *writer;
    const struct dataset_watch *watch;
    uint64_t written;
    size_t offset_capacity, kind_capacity;
    size_t ready;            /* tokens of the list whose targets are counted */
    size_t file;             /* which one is read */
    uint64_t bytes, before;  /* of all files, and of those that were read */
    bool seen[COLUMN_COUNT]; /* some record has the column, be it null */
    bool mark_seen;
};

static uint64_t reached(const struct loader *l)
{
    return l->written + l->list->count;
}

/* How many bytes of the files were read; of packed ones, as they lie on the disk. */
static void tell_work(const struct loader *l, const struct record_reader *reader)
{
    if (l->watch)
        work_tell(l->watch->work, WORK_TOKENIZING, l->before + reader->stream.taken, l->bytes);
}

/* A document's only token stays: its end may drop it. */
static int flush(struct loader *l, const struct record_reader *reader, struct error *err)
{
    uint64_t own = reached(l) - l->data->offsets[l->data->documents];
    if (!l->writer || l->list->count < FLUSH_TOKENS || own == 1)
        return 0;
    if (l->watch && l->watch->stop && l->watch->stop(l->watch->context))
        return error_set_kind(err, ERROR_INTERRUPTED, "stopped while the data was tokenised");
    tell_work(l, reader);
    if (token_writer_put(l->writer, l->list->ids, l->list->weights, l->list->count, err) != 0)
        return -1;
    l->written += l->list->count;
    l->list->count = l->ready = 0;
    return 0;
}

/* Keeps the document that ends here, or takes back its only token. */
static int end_document(struct loader *l, uint8_t kind, struct error *err)
{
    struct dataset *data = l->data;
    uint64_t begin = data->offsets[data->documents];
    if (reached(l) - begin < 2) { /* nothing to predict */
        l->list->count = l->ready = (size_t)(begin - l->written);
        data->left_out++;
        return 0;
    }
    if (array_reserve((void **)&data->offsets, &l->offset_capacity, data->documents + 2,
                      sizeof *data->offsets, err) != 0 ||
        array_reserve((void **)&data->kinds, &l->kind_capacity, data->documents + 1, 1, err) != 0)
        return -1;
    data->kinds[data->documents] = kind;
    data->offsets[++data->documents] = reached(l);
    return 0;
}

int loader_encode_text(const struct form_context *forms, const struct record *record,
                       struct token_list *out, struct error *err)
{
    unsigned parts =
        (record->goes_on ? ENCODE_GOES_ON : 0u) | (record->unended ? ENCODE_UNENDED : 0u);
    return form_encode_text(forms, record->text, record->length, parts, out, err);
}

/* A record to tokens at the end of the list; what was seen in it to the notes. A .txt's part ends
 * no document unless it is the last. */
static int load_record(struct loader *l, const struct record_reader *reader,
                       const struct record *record, struct error *err)
{
    const struct column_names *columns = l->forms.columns;
    struct dataset *data = l->data;
    struct form form = {.prompted = false};
    bool text = reader->form == RECORD_TEXT;
    size_t line = record->line;
    cJSON *tree = text ? NULL : record_parse(record, &line, err);
    int status = text   ? loader_encode_text(&l->forms, record, l->list, err)
                 : tree ? form_encode(&l->forms, tree, l->list, &form, err)
                        : -1;
    if (tree && status == 0) { /* what it was recognised as, and what of it was not read */
        for (int i = 0; i < COLUMN_COUNT; i++)
            if (columns->named[i] && !l->seen[i])
                l->seen[i] = json_get(tree, columns->names[i]);
        data->templated |= form.templated;
        data->undesired += form.undesired;
        status = notes_add(&data->recognised, form.name, l->file, record->line, err);
        if (status == 0)
            status = notes_add_unread(&data->unread, &form, tree, l->file, record->line, err);
    }
    cJSON_Delete(tree);
    if (status != 0)
        return error_prefix(err, "%s:%zu", reader->path, line);
    /* Targets: of what the list has more by now, but for a document's first token. */
    for (; l->ready < l->list->count; l->ready++) {
        float weight = l->list->weights[l->ready];
        if (l->written + l->ready == data->offsets[data->documents])
            continue;
        data->supervised += weight > 0;
        data->weighted |= weight > 0 && weight != 1;
    }
    l->mark_seen |= text && record->marked;
    bool stream = text && !(reader->mark && reader->mark[0]);
    uint8_t kind = (form.prompted ? DOCUMENT_PROMPTED : 0) | (stream ? DOCUMENT_STREAM : 0);
    if (!record->unended && end_document(l, kind, err) != 0)
        return -1;
    return flush(l, reader, err);
}

/* Bytes taken from the stream are the progress, packed or not. */
static int load_file(struct loader *l, const char *path, const char *mark, struct error *err)
{
    struct record_reader reader;
    struct record record;
    int status = record_reader_open(&reader, path, mark, err) == 0 ? 1 : -1;
    tell_work(l, &reader);
    while (status > 0 && (status = record_next(&reader, &record, err)) > 0)
        if (load_record(l, &reader, &record, err) != 0)
            status = -1;
    l->before += reader.stream.taken;
    record_reader_free(&reader);
    return status;
}

/* Every file, and where each source ends; then what --columns and --mark name and nothing has. */
static int load(struct loader *l, const struct data_files *files, size_t source_count,
                const char *mark, struct error *err)
{
    const struct column_names *columns = l->forms.columns;
    const char *path = files->items[0].path;
    struct dataset *data = l->data;
    char pair[128];
    data->offsets = array_alloc(1, sizeof *data->offsets, err);
    data->kinds = array_alloc(1, sizeof *data->kinds, err);
    data->sources = array_alloc(source_count, sizeof *data->sources, err);
    if (!data->offsets || !data->kinds || !data->sources)
        return -1;
    l->offset_capacity = l->kind_capacity = 1;
    l->bytes = data_files_bytes(files);
    data->source_count = source_count;
    for (size_t s = 0; s < source_count; s++)
        data->sources[s].weight = 1;
    for (size_t i = 0; i < files->count; i++) {
        l->file = i;
        if (load_file(l, files->items[i].path, mark, err) != 0)
            return -1;
        for (size_t s = files->items[i].source; s < source_count; s++)
            data->sources[s].end = data->documents;
    }
    if (data->documents == 0)
        return error_set(err, "%s: no text in it", path);
    if (data->supervised == 0 && data->undesired > 0)
        return error_set(err,
                         "%s: no document of its %zu has a token to learn from: %zu have a label "
                         "that says false (KTO's), and of those nothing is trained; --columns "
                         "label= leaves labels unread",
                         path, data->documents, data->undesired);
    if (data->supervised == 0)
        return error_set(err,
                         "%s: no document of its %zu has a token to learn from: the completions "
                         "or the assistant's messages are missing, empty, or have the weight 0",
                         path, data->documents);
    data->tokens = reached(l);
    if (l->writer &&
        token_writer_put(l->writer, l->list->ids, l->list->weights, l->list->count, err) != 0)
        return -1;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (!columns->named[i] || l->seen[i])
            continue;
        snprintf(pair, sizeof pair, "--columns %s=%s", column_key((enum column)i),
                 columns->names[i]);
        if (notes_add(&data->absent, pair, 0, 0, err) != 0)
            return -1;
    }
    snprintf(pair, sizeof pair, "--mark %s", mark ? mark : "");
    return mark && mark[0] && !l->mark_seen ? notes_add(&data->absent, pair, 0, 0, err) : 0;
}

/* The same for tokens that stay in memory and for those that a writer puts into a file. */
int loader_run(struct dataset *out, struct token_list *tokens, struct token_writer *writer,
               const struct data_files *files, size_t source_count,
               const struct dataset_options *options, struct tokenizer *tokenizer,
               const struct dataset_watch *watch, struct error *err)
{
    struct column_names columns;
    struct loader l = {.forms = {.columns = &columns, .tokenizer = tokenizer},
                       .data = out,
                       .list = tokens,
                       .writer = writer,
                       .watch = watch};
    *out = (struct dataset){0};
    if (column_names_parse(&columns, options->columns, err) != 0)
        return -1;
    int status =
        template_open(&l.forms.chat, tokenizer, options->template_name, options->date, err);
    if (status == 0)
        status = load(&l, files, source_count, options->mark, err);
    template_close(l.forms.chat);
    column_names_free(&columns);
    return status;
}

/* What only all records together can tell: names that none of them has, a template that none of
 * them needs. */
int loader_finish(struct dataset *data, const struct data_files *files,
                  const struct dataset_options *options, struct error *err)
{
    if (notes_name_files(&data->recognised, files, err) != 0 ||
        notes_name_files(&data->unread, files, err) != 0)
        return -1;
    if (!options->names_may_rest &&
        dataset_check_absent(data, NULL, files->items[0].path, err) != 0)
        return -1;
    if (!options->template_name || options->template_may_rest || data->templated)
        return 0;
    return dataset_refuse_template(files->items[0].path, options->template_name, err);
}
