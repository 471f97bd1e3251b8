/* Records one by one, as the model will see them, and as text for whoever looks.
 *
 * The walk has at most one file open. A document of a .txt comes in parts of 1 MiB, which are
 * joined here up to LOOK_TOKENS_MAX; what is left of it is passed over.
 */
#include "text/dataset/record_look.h"

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "text/dataset/loader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- the walk --- */

struct record_walk {
    struct data_files files;
    struct column_names columns;
    struct form_context forms;
    const char *mark;
    struct record_reader reader;
    size_t next_file;
    bool open; /* the reader is */
    uint64_t row;
};

/* Files are listed, and opened one by one as the walk comes to them. */
int record_walk_open(struct record_walk **out, const char *const *paths, size_t path_count,
                     const struct dataset_options *options, struct tokenizer *tokenizer,
                     struct error *err)
{
    struct record_walk *walk = array_alloc(1, sizeof *walk, err);
    if (!walk)
        return -1;
    walk->forms = (struct form_context){.columns = &walk->columns, .tokenizer = tokenizer};
    walk->mark = options->mark;
    if (data_files_list(&walk->files, paths, path_count, err) == 0 &&
        column_names_parse(&walk->columns, options->columns, err) == 0 &&
        template_open(&walk->forms.chat, tokenizer, options->template_name, options->date, err) ==
            0) {
        *out = walk;
        return 0;
    }
    record_walk_close(walk);
    return -1;
}

/* Also of a walk that was opened half. */
void record_walk_close(struct record_walk *walk)
{
    if (!walk)
        return;
    if (walk->open)
        record_reader_free(&walk->reader);
    template_close(walk->forms.chat);
    column_names_free(&walk->columns);
    data_files_free(&walk->files);
    free(walk);
}

/* The next record, or the next part of one: of the file in hand, or of the next file that has
 * one. */
static int next_part(struct record_walk *walk, struct record *record, struct error *err)
{
    int status = 0;
    while (status == 0) {
        if (walk->open)
            status = record_next(&walk->reader, record, err);
        if (status != 0 || walk->next_file == walk->files.count)
            break;
        if (walk->open)
            record_reader_free(&walk->reader);
        walk->open = true;
        if (record_reader_open(&walk->reader, walk->files.items[walk->next_file++].path, walk->mark,
                               err) != 0)
            return -1;
    }
    return status;
}

/* The parts of a record that follow its first. */
static int pass_parts(struct record_walk *walk, struct record *record, struct error *err)
{
    int status = 1;
    while (status > 0 && record->unended)
        status = next_part(walk, record, err);
    return status;
}

/* The run's own function encodes it: what is shown is what trains. */
static int look_at_json(struct record_walk *walk, const struct record *record,
                        struct record_look *out, struct error *err)
{
    struct form form;
    cJSON *tree = record_parse(record, &out->line, err);
    int status = tree ? form_encode(&walk->forms, tree, &out->tokens, &form, err) : -1;
    if (status == 0)
        status = notes_add_unread(&out->unread, &form, tree, 0, out->line, err);
    out->prompted = status == 0 && form.prompted;
    out->undesired = status == 0 && form.undesired;
    if (status == 0 && !(out->form = string_copy(form.name, err)))
        status = -1;
    cJSON_Delete(tree);
    return status;
}

/* As many of a document's parts as LOOK_TOKENS_MAX takes. */
static int look_at_text(struct record_walk *walk, struct record *record, struct record_look *out,
                        struct error *err)
{
    int status = loader_encode_text(&walk->forms, record, &out->tokens, err);
    while (status == 0 && record->unended && out->tokens.count < LOOK_TOKENS_MAX) {
        status = next_part(walk, record, err) == 1
                     ? loader_encode_text(&walk->forms, record, &out->tokens, err)
                     : -1;
        out->bytes += status == 0 ? record->length : 0;
    }
    if (status == 0 && !(out->form = string_copy("plain text", err)))
        status = -1;
    out->cut = record->unended || out->tokens.count > LOOK_TOKENS_MAX;
    if (out->tokens.count > LOOK_TOKENS_MAX)
        out->tokens.count = LOOK_TOKENS_MAX;
    return status;
}

/* Errors name file and line, as a run's would. */
static int look_at(struct record_walk *walk, struct record *record, struct record_look *out,
                   struct error *err)
{
    out->line = record->line;
    out->row = ++walk->row;
    out->bytes = record->length;
    bool text = walk->reader.form == RECORD_TEXT;
    int status = text ? look_at_text(walk, record, out, err) : look_at_json(walk, record, out, err);
    if (status != 0)
        return error_prefix(err, "%s:%zu", walk->reader.path, out->line);
    out->path = string_copy(walk->reader.path, err);
    return out->path ? pass_parts(walk, record, err) : -1;
}

/* On an error `out` is empty, and the walk may go on with the next record. */
int record_walk_next(struct record_walk *walk, struct record_look *out, struct error *err)
{
    struct record record;
    *out = (struct record_look){0};
    int status = next_part(walk, &record, err);
    if (status > 0)
        status = look_at(walk, &record, out, err);
    if (status < 0)
        record_look_free(out);
    return status;
}

void record_look_free(struct record_look *look)
{
    free(look->path);
    free(look->form);
    dataset_notes_free(&look->unread);
    token_list_free(&look->tokens);
    *look = (struct record_look){0};
}

/* What comes before it is cut, and not parsed. */
int record_look_at(struct record_look *out, const char *const *paths, size_t path_count,
                   const struct dataset_options *options, struct tokenizer *tokenizer, uint64_t row,
                   struct error *err)
{
    struct record_walk *walk;
    struct record record;
    int status = 1;
    *out = (struct record_look){0};
    if (record_walk_open(&walk, paths, path_count, options, tokenizer, err) != 0)
        return -1;
    for (uint64_t left = row - 1; status > 0 && left > 0; left--) {
        status = next_part(walk, &record, err);
        if (status > 0) {
            walk->row++;
            status = pass_parts(walk, &record, err);
        }
    }
    if (status >= 0)
        status = record_walk_next(walk, out, err);
    if (status == 0)
        status = error_set_kind(err, ERROR_USAGE,
                                "there is no record %" PRIu64 ": the data has %" PRIu64
                                ", counted from 1 over all files",
                                row, walk->row);
    record_walk_close(walk);
    return status > 0 ? 0 : -1;
}

/* --- targets --- */

bool record_look_trains(const struct token_list *tokens, size_t i)
{
    return i > 0 && tokens->weights[i] > 0;
}

uint64_t record_look_supervised(const struct token_list *tokens)
{
    uint64_t count = 0;
    for (size_t i = 0; i < tokens->count; i++)
        count += record_look_trains(tokens, i);
    return count;
}

/* --- as text --- */

void record_look_put_piece(struct buffer *out, const struct tokenizer *tokenizer, int32_t id)
{
    struct buffer piece = BUFFER_INIT;
    tokenizer_piece(tokenizer, id, &piece);
    bool readable = utf8_valid(buffer_string(&piece), piece.length);
    const char *spelling = tokenizer_token_text(tokenizer, id);
    json_put_string(out, readable ? buffer_string(&piece) : spelling ? spelling : "");
    buffer_free(&piece);
}

static const char gap[] = " ... ";

/* text[from..to), fit for a terminal; both are moved back to where a letter begins. */
static void put_shown(struct buffer *out, const struct buffer *run, size_t from, size_t to,
                      const char *newline)
{
    const char *text = buffer_string(run);
    while (from > 0 && ((unsigned char)text[from] & 0xC0) == 0x80)
        from--;
    while (to > 0 && to < run->length && ((unsigned char)text[to] & 0xC0) == 0x80)
        to--;
    for (size_t at = from, used; at < to; at += used) {
        int32_t c;
        used = utf8_decode(text + at, to - at, &c);
        if (c == '\n')
            buffer_text(out, newline);
        else if (c == '\t')
            buffer_byte(out, ' ');
        else if (utf8_is_unsafe(c))
            buffer_byte(out, '?');
        else
            buffer_append(out, text + at, used);
    }
}

/* Tokens of one kind, trained or not, are decoded together, so that characters which are split
 * between them come out whole. */
void record_look_put_text(struct buffer *out, const struct token_list *tokens,
                          const struct tokenizer *tokenizer, const struct look_style *style)
{
    struct buffer run = BUFFER_INIT;
    size_t first = out->length, half = style->run_most / 2;
    for (size_t i = 0; i < tokens->count;) {
        bool trained = record_look_trains(tokens, i);
        if (style->most > 0 && out->length - first >= style->most) {
            buffer_text(out, gap);
            break;
        }
        buffer_clear(&run);
        for (; i < tokens->count && record_look_trains(tokens, i) == trained; i++)
            tokenizer_piece(tokenizer, tokens->ids[i], &run);
        buffer_text(out, trained ? style->begin : "");
        if (style->run_most == 0 || run.length <= style->run_most) {
            put_shown(out, &run, 0, run.length, style->newline);
        } else {
            put_shown(out, &run, 0, half, style->newline);
            buffer_text(out, gap);
            put_shown(out, &run, run.length - half, run.length, style->newline);
        }
        buffer_text(out, trained ? style->end : "");
    }
    buffer_free(&run);
}
