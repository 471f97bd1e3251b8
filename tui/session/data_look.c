#include "tui/session/data_look.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/added_tokens.h"
#include "model/model.h"
#include "text/data/data_files.h"
#include "text/tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The files that a look may reach into, as far as they are read whole: a .json array is one value,
 * and one of more than `most` bytes is refused here rather than read for minutes. */
static int check_arrays(const char *const *paths, size_t path_count, int64_t most,
                        struct error *err)
{
    struct data_files files;
    struct stat info;
    int64_t reached = 0;
    int status = data_files_list(&files, paths, path_count, err);
    for (size_t i = 0; status == 0 && i < files.count && reached <= LOOK_BYTES; i++) {
        const char *file = files.items[i].path;
        if (sys.stat(file, &info) != 0)
            continue; /* reading it says why */
        if (text_ends_with(file, ".json") && info.st_size > most)
            status =
                error_set(err, "%s: a .json file over %s is too large for a look; .jsonl is not",
                          file, bytes_text((double)most).text);
        reached += info.st_size;
    }
    data_files_free(&files);
    return status;
}

/* Records until there is enough for a look, and whether there is another after them. */
static int read_head(struct data_look *look, struct record_walk *walk, struct error *err)
{
    int status = 1; /* of record_walk_next(): 1, a record; 0, the end; -1, an error */
    for (size_t bytes = 0; status > 0 && bytes < LOOK_BYTES && look->count < LOOK_RECORDS_MAX;) {
        if (array_reserve((void **)&look->records, &look->capacity, look->count + 1,
                          sizeof *look->records, err) != 0)
            return -1;
        struct record_look *record = &look->records[look->count];
        status = record_walk_next(walk, record, err);
        if (status <= 0)
            break;
        look->count++;
        look->tokens += record->tokens.count;
        look->supervised += record_look_supervised(&record->tokens);
        look->undesired += record->undesired;
        look->too_short += record->tokens.count < 2;
        bytes += record->bytes;
    }
    if (status > 0) {
        struct record_look next;
        status = record_walk_next(walk, &next, err);
        look->cut = status > 0;
        record_look_free(&next);
    }
    return status < 0 ? -1 : 0;
}

void data_look_free(struct data_look *look)
{
    for (size_t i = 0; i < look->count; i++)
        record_look_free(&look->records[i]);
    free(look->records);
    tokenizer_close(look->tokenizer);
    *look = (struct data_look){0};
}

/* With what the form says of how they are read. */
int data_look_read(struct data_look *look, const struct model *model,
                   const struct settings *settings, const char *path, enum look_array most,
                   struct error *err)
{
    struct record_walk *walk = NULL;
    struct training_request request;
    *look = (struct data_look){0};
    settings_request(settings, &request);
    const char *const *paths = path ? &path : request.data.items;
    size_t path_count = path ? 1 : request.data.count;
    struct dataset_options *format = &request.format;
    format->template_may_rest = true; /* it is one of several files, or the start of one */
    format->names_may_rest = true;
    look->seq_len = request.seq_len;
    if (long_documents_by_name(&look->how, request.long_documents, NULL) != 0)
        look->how = LONG_BY_KIND; /* the form says that the name is none */
    int status = check_arrays(paths, path_count, most, err);
    if (status != 0)
        goto out;
    status = tokenizer_for_checkpoint(&look->tokenizer, model->checkpoint, err);
    if (status != 0)
        goto out;
    status = added_tokens_look(look->tokenizer, format->template_name, request.add_tokens,
                               look->marks, sizeof look->marks, err);
    if (request.add_tokens) /* they are tokens then, as in such a run */
        look->marks[0] = '\0';
    if (status != 0)
        goto out;
    status = record_walk_open(&walk, paths, path_count, format, look->tokenizer, err);
    if (status != 0)
        goto out;
    status = read_head(look, walk, err);
    if (status == 0 && look->count == 0)
        status = error_set(err, "%s: no text in it", path ? path : "the data");
out:
    record_walk_close(walk);
    training_request_free(&request);
    if (status != 0)
        data_look_free(look);
    return status;
}

enum piece_fate data_look_fate(const struct data_look *look, const struct record_look *record)
{
    return piece_fate(look->how, record->prompted, record->tokens.count, look->seq_len);
}

/* The place of the first target; as many as there are tokens: nothing of it is trained. */
static size_t first_target(const struct token_list *tokens)
{
    size_t at = 0;
    while (at < tokens->count && !record_look_trains(tokens, at))
        at++;
    return at;
}

/* Of fewer than two tokens, a record is left out whatever a row has. */
static void count_record(struct cut_counts *out, enum long_documents how, int64_t seq_len,
                         const struct record_length *length)
{
    enum piece_fate fate = piece_fate(how, length->prompted, length->tokens, seq_len);
    out->records++;
    out->dropped += fate == PIECE_DROPPED;
    out->truncated += fate == PIECE_TRUNCATED;
    out->split += fate == PIECE_SPLIT;
    out->empty += fate == PIECE_TRUNCATED && length->first_target < length->tokens &&
                  length->first_target >= (uint32_t)seq_len;
}

static struct record_length length_of(const struct record_look *record)
{
    return (struct record_length){(uint32_t)record->tokens.count,
                                  (uint32_t)first_target(&record->tokens), record->prompted};
}

void data_look_count(struct cut_counts *out, const struct data_look *look)
{
    *out = (struct cut_counts){.more = look->cut};
    for (size_t i = 0; i < look->count; i++) {
        struct record_length length = length_of(&look->records[i]);
        if (length.tokens >= 2)
            count_record(out, look->how, look->seq_len, &length);
    }
}

/* --- what is kept of it --- */

/* What the records' lengths depend on, a line each. */
static void put_key(struct buffer *out, const struct settings *settings, const char *path)
{
    const size_t fields[] = {SETTING(format.columns), SETTING(format.template_name),
                             SETTING(format.mark), SETTING(add_tokens)};
    for (size_t i = 0; !path && i < settings_count(settings, SETTING(data)); i++)
        buffer_format(out, "%s\n", settings_item(settings, SETTING(data), i));
    if (path)
        buffer_format(out, "%s\n", path);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        buffer_format(out, "%s\n", settings_value(settings, fields[i]));
}

void data_lengths_keep(struct data_lengths *lengths, const struct data_look *look,
                       const struct settings *settings, const char *path)
{
    struct buffer key = BUFFER_INIT;
    data_lengths_free(lengths);
    put_key(&key, settings, path);
    lengths->items = array_alloc(look->count, sizeof *lengths->items, NULL);
    lengths->key = lengths->items ? string_copy(buffer_string(&key), NULL) : NULL;
    buffer_free(&key);
    if (!lengths->key) {
        data_lengths_free(lengths);
        return;
    }
    for (size_t i = 0; i < look->count; i++) {
        struct record_length length = length_of(&look->records[i]);
        if (length.tokens >= 2)
            lengths->items[lengths->count++] = length;
    }
    lengths->cut = look->cut;
}

void data_lengths_free(struct data_lengths *lengths)
{
    free(lengths->key);
    free(lengths->items);
    *lengths = (struct data_lengths){0};
}

/* Data of one file are the same whether they were named alone or as all. */
bool data_lengths_count(struct cut_counts *out, const struct data_lengths *lengths,
                        const struct settings *settings)
{
    struct buffer key = BUFFER_INIT;
    struct training_request request;
    enum long_documents how;
    *out = (struct cut_counts){.more = lengths->cut};
    put_key(&key, settings, NULL);
    settings_request(settings, &request);
    bool same = lengths->key && strcmp(lengths->key, buffer_string(&key)) == 0 &&
                long_documents_by_name(&how, request.long_documents, NULL) == 0;
    for (size_t i = 0; same && i < lengths->count; i++)
        count_record(out, how, request.seq_len, &lengths->items[i]);
    training_request_free(&request);
    buffer_free(&key);
    return same;
}

void cut_counts_put(const struct cut_counts *counts, char *out, size_t size)
{
    const struct {
        size_t count;
        const char *words;
    } parts[] = {{counts->truncated - counts->empty, "cut off"},
                 {counts->empty, "cut off before what trains"},
                 {counts->dropped, "left out"},
                 {counts->split, "split"}};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].count > 0 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%zu %s", used ? ", " : "",
                                     parts[i].count, parts[i].words);
}
