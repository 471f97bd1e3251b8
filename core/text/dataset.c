#include "text/dataset.h"

#include "base/hash.h"
#include "base/memory.h"
#include "text/forms.h"
#include "text/records.h"

#include <stdlib.h>
#include <string.h>

/* A data set being filled; `list` is its ids and mask, moved to the data set at the end. */
struct loader {
    struct form_context forms;
    struct dataset *data;
    struct token_list list;
    size_t offset_capacity;
};

static int end_document(struct loader *l, struct error *err)
{
    struct dataset *data = l->data;
    size_t begin = (size_t)data->offsets[data->documents], end = l->list.count;
    if (end - begin < 2) { /* nothing to predict */
        l->list.count = begin;
        return 0;
    }
    if (array_reserve((void **)&data->offsets, &l->offset_capacity, data->documents + 2,
                      sizeof *data->offsets, err) != 0)
        return -1;
    data->offsets[++data->documents] = end;
    for (size_t i = begin + 1; i < end; i++)
        data->supervised += l->list.mask[i];
    return 0;
}

static int load_record(struct loader *l, const struct record_reader *reader,
                       const struct record *record, struct error *err)
{
    if (reader->form == RECORD_TEXT)
        return form_encode_text(&l->forms, record->text, record->length, &l->list, err);
    cJSON *tree = json_parse(record->text, record->length, JSON_LOOSE_NUMBERS, "record", err);
    if (!tree)
        return -1;
    int status = cJSON_IsObject(tree) || cJSON_IsString(tree)
                     ? form_encode(&l->forms, tree, &l->list, err)
                     : error_set(err, "expected an object or a text");
    cJSON_Delete(tree);
    return status;
}

static int load_file(struct loader *l, const char *path, const char *mark, struct error *err)
{
    struct record_reader reader;
    struct record record;
    int status = record_reader_open(&reader, path, mark, err) == 0 ? 1 : -1;
    while (status > 0 && (status = record_next(&reader, &record, err)) > 0) {
        if (load_record(l, &reader, &record, err) != 0)
            status = error_prefix(err, "%s:%zu", path, record.line);
        else if (end_document(l, err) != 0)
            status = -1;
    }
    record_reader_free(&reader);
    return status;
}

static int fingerprint(struct dataset *data, struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, data->ids, data->tokens * sizeof *data->ids);
    hash_update(hash, data->mask, data->tokens);
    hash_update(hash, data->offsets, (data->documents + 1) * sizeof *data->offsets);
    hash_text(hash, data->fingerprint);
    hash_free(hash);
    return 0;
}

static int finish(struct loader *l, const char *path, struct error *err)
{
    struct dataset *data = l->data;
    if (data->documents == 0)
        return error_set(err, "%s: no text in it", path);
    if (data->supervised == 0)
        return error_set(err,
                         "%s: none of its %zu documents has a token to learn from: the completions "
                         "or the assistant's messages are missing or empty",
                         path, data->documents);
    data->ids = l->list.ids;
    data->mask = l->list.mask;
    data->tokens = l->list.count;
    l->list = (struct token_list){0};
    return fingerprint(data, err);
}

static int load(struct loader *l, const char *const *paths, size_t path_count,
                const struct dataset_options *options, struct error *err)
{
    l->data->offsets = array_alloc(1, sizeof *l->data->offsets, err);
    l->offset_capacity = 1;
    if (!l->data->offsets)
        return -1;
    if (path_count == 0)
        return error_set_kind(err, ERROR_USAGE, "no data file; give one with --data FILE");
    for (size_t i = 0; i < path_count; i++)
        if (load_file(l, paths[i], options->mark, err) != 0)
            return -1;
    return finish(l, paths[0], err);
}

int dataset_check_columns(const char *columns, struct error *err)
{
    struct column_names names;
    if (column_names_parse(&names, columns, err) != 0)
        return -1;
    column_names_free(&names);
    return 0;
}

int dataset_load(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 struct error *err)
{
    struct column_names columns;
    struct chat_template chat;
    struct loader l = {{&columns, &chat, tokenizer}, out, {0}, 0};
    *out = (struct dataset){0};
    if (column_names_parse(&columns, options->columns, err) != 0)
        return -1;
    int status = template_find(&chat, tokenizer, options->template_name, err);
    if (status == 0) {
        status = load(&l, paths, path_count, options, err);
        template_free(&chat);
    }
    column_names_free(&columns);
    token_list_free(&l.list);
    if (status != 0)
        dataset_free(out);
    return status;
}

void dataset_free(struct dataset *dataset)
{
    free(dataset->ids);
    free(dataset->mask);
    free(dataset->offsets);
    *dataset = (struct dataset){0};
}

bool dataset_all_supervised(const struct dataset *dataset)
{
    return dataset->supervised == dataset->tokens - dataset->documents;
}
