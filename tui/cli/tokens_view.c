#include "tui/cli/tokens_view.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "base/text.h"
#include "text/data/data_files.h"
#include "text/dataset/dataset.h"
#include "text/dataset/record_look.h"
#include "text/packing/pieces.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- tokens --- */

/* Token i of the document that begins at `begin`, whose first token is nobody's target. */
static void put_line(struct buffer *out, const struct dataset *data, uint64_t begin, uint64_t i,
                     unsigned columns, const struct tokenizer *tokenizer)
{
    bool trained = columns & TOKENS_MASK && i > begin && data->weights[i] > 0;
    bool bold = columns & TOKENS_BOLD && trained;
    buffer_format(out, "%s%7" PRId32 "  ", bold ? "\x1b[1m" : "", data->ids[i]);
    if (columns & TOKENS_MASK)
        buffer_text(out, trained ? "trained  " : "-        ");
    if (columns & TOKENS_WEIGHTS && data->weighted)
        buffer_format(out, "%-8.6g  ", trained ? (double)data->weights[i] : 0.0);
    record_look_put_piece(out, tokenizer, data->ids[i]);
    buffer_text(out, bold ? "\x1b[0m\n" : "\n");
}

void tokens_put_lines(struct buffer *out, const struct dataset *data, unsigned columns,
                      const struct tokenizer *tokenizer)
{
    for (size_t d = 0; d < data->documents; d++) {
        buffer_text(out, d ? "\n" : "");
        for (uint64_t i = data->offsets[d]; i < data->offsets[d + 1]; i++)
            put_line(out, data, data->offsets[d], i, columns, tokenizer);
    }
}

/* A weight on a document's first token is none of training: it has nothing before it. That is said,
 * as it would be missed in the count. */
void tokens_put_count(struct buffer *out, const struct dataset *data)
{
    bool first = false;
    for (size_t d = 0; d < data->documents; d++)
        first |= data->offsets[d] < data->offsets[d + 1] && data->weights[data->offsets[d]] > 0;
    buffer_format(out, "%s of %s token%s are trained on%s",
                  decimal_text((int64_t)data->supervised).text,
                  decimal_text((int64_t)data->tokens).text, text_s(data->tokens),
                  !first                ? ""
                  : data->documents > 1 ? ": the first of a document has nothing before it"
                                        : ": the first has nothing before it");
}

/* A row a document: ids, of masked ones the mask (1 for a token that is trained, else 0), weights
 * where some are neither 0 nor 1, and what each id stands for, which record_look_put_piece() quotes
 * itself. */
void tokens_put_json(struct json_writer *json, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer)
{
    struct buffer piece = BUFFER_INIT;
    json_list(json, "documents");
    json_layout(json, JSON_ROWS);
    for (size_t d = 0; d < data->documents; d++) {
        uint64_t begin = data->offsets[d], end = data->offsets[d + 1];
        json_object(json, NULL);
        json_list(json, "ids");
        for (uint64_t i = begin; i < end; i++)
            json_integer(json, NULL, data->ids[i]);
        json_end(json);
        if (masked) {
            json_list(json, "mask");
            for (uint64_t i = begin; i < end; i++)
                json_integer(json, NULL, data->weights[i] > 0);
            json_end(json);
        }
        if (data->weighted) {
            json_list(json, "weights");
            for (uint64_t i = begin; i < end; i++)
                json_real(json, NULL, (double)data->weights[i]);
            json_end(json);
        }
        json_list(json, "pieces");
        for (uint64_t i = begin; i < end; i++) {
            buffer_clear(&piece);
            record_look_put_piece(&piece, tokenizer, data->ids[i]);
            json_raw(json, NULL, buffer_string(&piece));
            json->out->failed |= piece.failed;
        }
        json_end(json);
        json_end(json);
    }
    json_end(json);
    buffer_free(&piece);
    json_count(json, "tokens", data->tokens);
    if (masked)
        json_count(json, "supervised_tokens", data->supervised);
}

/* --- data --- */

/* Of the first record, below the numbers; record N alone is shown whole. */
enum { FIRST_RUN_MAX = 1500, FIRST_MAX = 6000 };
/* A document of any length fits a row of so many tokens. */
static const int64_t NO_LIMIT = (int64_t)1 << 50;

/* Bold is for eyes: a terminal, and nobody who said NO_COLOR. */
static bool in_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
}

/* The record as a data set of one document, in the look's own memory. */
static struct dataset as_document(const struct record_look *look, uint64_t offsets[2])
{
    struct dataset data = {.ids = look->tokens.ids,
                           .weights = look->tokens.weights,
                           .offsets = offsets,
                           .documents = 1,
                           .tokens = look->tokens.count};
    offsets[0] = 0;
    offsets[1] = data.tokens;
    data.supervised = record_look_supervised(&look->tokens);
    for (size_t i = 0; i < look->tokens.count; i++)
        data.weighted |= record_look_trains(&look->tokens, i) && look->tokens.weights[i] != 1;
    return data;
}

/* A name from a file: what a terminal must not get is '?'. */
static void put_name(struct buffer *out, const char *name)
{
    char shown[512];
    utf8_copy(shown, sizeof shown, name);
    buffer_text(out, shown);
}

/* "data.jsonl:3, record 3: messages; 12 of 30 tokens are trained on" */
static void put_place(struct buffer *out, const struct record_look *look,
                      const struct dataset *data)
{
    put_name(out, look->path);
    buffer_format(out, ":%zu, record %" PRIu64 ": %s; ", look->line, look->row, look->form);
    tokens_put_count(out, data);
    buffer_text(out, look->undesired ? ": it is undesired (label false)\n" : "\n");
    if (look->tokens.count < 2)
        buffer_text(out, "it is left out: fewer than two tokens\n");
    if (look->cut)
        buffer_text(out, "the text continues: these are the tokens of its beginning\n");
}

/* As running text, what is trained between [[ and ]]; the first record of many is cut, one that was
 * asked for is whole. */
static void put_record_text(struct buffer *out, const struct record_look *look,
                            const struct tokenizer *tokenizer, bool whole)
{
    bool color = in_color();
    const struct look_style style = {.begin = color ? "\x1b[1m[[" : "[[",
                                     .end = color ? "]]\x1b[0m" : "]]",
                                     .newline = "\n",
                                     .run_most = whole ? 0 : FIRST_RUN_MAX,
                                     .most = whole ? 0 : FIRST_MAX};
    record_look_put_text(out, &look->tokens, tokenizer, &style);
    buffer_byte(out, '\n');
}

/* --- as JSON --- */

/* Beside the tokens: where the record is from, in which form it was read, and what is special of
 * it. */
static void put_record_json(struct json_writer *json, const struct record_look *look)
{
    json_object(json, "record");
    json_text(json, "file", look->path);
    json_count(json, "line", look->line);
    json_count(json, "row", look->row);
    json_text(json, "form", look->form);
    json_list(json, "unread_columns");
    for (size_t i = 0; i < look->unread.count; i++)
        json_text(json, NULL, look->unread.items[i].text);
    json_end(json);
    json_flag(json, "too_short", look->tokens.count < 2);
    json_flag(json, "undesired", look->undesired);
    json_flag(json, "cut", look->cut);
    json_end(json);
}

/* --- one record --- */

/* The record's tokens are the result, on standard output; where it is from and what of it is not
 * read is said beside them, on standard error. On a terminal the text follows the tokens, with what
 * is trained between brackets. */
static int print_record(const struct record_look *look, const struct tokenizer *tokenizer,
                        bool as_json, struct error *err)
{
    uint64_t offsets[2];
    struct dataset data = as_document(look, offsets);
    struct buffer out = BUFFER_INIT, said = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int status;
    if (as_json) {
        json_begin(&json, "spectrum.tokens");
        tokens_put_json(&json, &data, true, tokenizer);
        put_record_json(&json, look);
        json_end(&json);
        status = output_json(&json, err);
    } else {
        tokens_put_lines(&out, &data, TOKENS_MASK | TOKENS_WEIGHTS | (in_color() ? TOKENS_BOLD : 0),
                         tokenizer);
        if (isatty(STDOUT_FILENO)) {
            buffer_byte(&out, '\n');
            put_record_text(&out, look, tokenizer, true);
        }
        status = output_text(&out, err);
    }
    put_place(&said, look, &data);
    for (size_t i = 0; i < look->unread.count; i++) {
        buffer_text(&said, i ? ", " : "columns that are not read: ");
        put_name(&said, look->unread.items[i].text);
    }
    buffer_text(&said, look->unread.count > 0 ? "\n" : "");
    fflush(stdout);
    fputs(buffer_string(&said), stderr);
    buffer_free(&said);
    return status;
}

/* --- the whole --- */

struct summary {
    struct dataset data;
    struct record_look first;
    size_t files, records;
    size_t without_target; /* documents */
};

/* The context is the flag of an interruption itself. */
static bool is_interrupted(void *context)
{
    return *(const volatile sig_atomic_t *)context;
}

/* `told`: what is found in the records is said while they are read, too. */
static int read_summary(struct summary *out, const char *const *paths, size_t path_count,
                        const struct dataset_options *options, struct tokenizer *tokenizer,
                        bool told, struct error *err)
{
    struct piece_list pieces = {0};
    const struct dataset_watch watch = {.context = (void *)(uintptr_t)interrupt_watch(NULL),
                                        .say = message_say,
                                        .stop = is_interrupted,
                                        .untold = !told};
    struct data_files files;
    int status = data_files_list(&files, paths, path_count, err);
    out->files = files.count;
    data_files_free(&files);
    if (status != 0)
        return -1;
    if (dataset_open(&out->data, paths, path_count, options, tokenizer, &watch, err) != 0 ||
        pieces_list(&pieces, &out->data, NO_LIMIT, LONG_BY_KIND, err) != 0)
        return -1;
    out->without_target = pieces.counts.without_target;
    pieces_free(&pieces);
    out->records = out->data.documents + out->data.left_out;
    return record_look_at(&out->first, paths, path_count, options, tokenizer, 1, err);
}

/* "messages (12), text (3)" */
static void put_counts(struct buffer *out, const struct dataset_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        buffer_text(out, i ? ", " : "");
        put_name(out, notes->items[i].text);
        buffer_format(out, " (%zu)", notes->items[i].count);
    }
}

/* Records by their form; documents of .txt files have none, and are plain text. */
static void put_forms(struct buffer *out, const struct summary *s)
{
    size_t texts = dataset_plain_texts(&s->data);
    put_counts(out, &s->data.recognised);
    if (texts > 0)
        buffer_format(out, "%splain text (%zu)", s->data.recognised.count > 0 ? ", " : "", texts);
}

/* "source (1), first in data.jsonl:3; id (12), first in more.jsonl:1" */
static void put_columns(struct buffer *out, const struct dataset_notes *unread)
{
    for (size_t i = 0; i < unread->count; i++) {
        const struct dataset_note *note = &unread->items[i];
        buffer_text(out, i ? "; " : "not read    ");
        put_name(out, note->text);
        buffer_format(out, " (%zu), first in ", note->count);
        put_name(out, note->path);
        buffer_format(out, ":%zu", note->line);
    }
    buffer_text(out, unread->count > 0 ? "\n" : "");
}

/* What a user looks for before training, from the whole to the one: files, records, tokens, what is
 * left out, which columns nobody reads, and the first record as the model will see it. */
static int print_summary(const struct summary *s, const struct tokenizer *tokenizer,
                         struct error *err)
{
    struct buffer text = BUFFER_INIT, *out = &text;
    const struct dataset *data = &s->data;
    uint64_t offsets[2];
    struct dataset first = as_document(&s->first, offsets);
    buffer_format(out, "%-12s%s\n%-12s%s\n%-12s", "files", decimal_text((int64_t)s->files).text,
                  "records", decimal_text((int64_t)s->records).text, "forms");
    put_forms(out, s);
    buffer_format(out, "\n%-12s%s\n%-12s%s\n%-12s%s (%.1f %%)\n", "documents",
                  decimal_text((int64_t)data->documents).text, "tokens",
                  decimal_text((int64_t)data->tokens).text, "supervised",
                  decimal_text((int64_t)data->supervised).text,
                  100.0 * (double)data->supervised / (double)data->tokens);
    buffer_format(out, "%-12s%s of fewer than two tokens, %s without a supervised token",
                  "left out", decimal_text((int64_t)data->left_out).text,
                  decimal_text((int64_t)s->without_target).text);
    if (data->undesired > 0)
        buffer_format(out, ", %s of them undesired (label false)",
                      decimal_text((int64_t)data->undesired).text);
    buffer_byte(out, '\n');
    put_columns(out, &data->unread);
    buffer_text(out, "\nThe first record, what is trained between [[ and ]]:\n");
    put_place(out, &s->first, &first);
    buffer_byte(out, '\n');
    put_record_text(out, &s->first, tokenizer, false);
    return output_text(out, err);
}

/* The first record and the counts of all, in one object. */
static int print_summary_json(const struct summary *s, const struct tokenizer *tokenizer,
                              struct error *err)
{
    const struct dataset *data = &s->data;
    uint64_t offsets[2];
    struct dataset first = as_document(&s->first, offsets);
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.tokens");
    tokens_put_json(&json, &first, true, tokenizer);
    put_record_json(&json, &s->first);
    json_object(&json, "data");
    json_count(&json, "files", s->files);
    json_count(&json, "records", s->records);
    json_count(&json, "documents", data->documents);
    json_count(&json, "tokens", data->tokens);
    json_count(&json, "supervised_tokens", data->supervised);
    json_count(&json, "too_short", data->left_out);
    json_count(&json, "without_target", s->without_target);
    json_count(&json, "undesired", data->undesired);
    dataset_put_forms(&json, "forms", data);
    dataset_put_counts(&json, "unread_columns", &data->unread);
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

/* One record, which is found without reading the others' tokens, or a summary of all. */
int tokens_data_print(const char *const *paths, size_t path_count,
                      const struct dataset_options *options, struct tokenizer *tokenizer,
                      uint64_t row, bool json, struct error *err)
{
    struct summary summary = {0};
    int status;
    if (row > 0) {
        status =
            record_look_at(&summary.first, paths, path_count, options, tokenizer, row, err) == 0
                ? print_record(&summary.first, tokenizer, json, err)
                : -1;
    } else {
        status = read_summary(&summary, paths, path_count, options, tokenizer, json, err);
        if (status == 0)
            status = (json ? print_summary_json : print_summary)(&summary, tokenizer, err);
    }
    record_look_free(&summary.first);
    dataset_free(&summary.data);
    return status;
}
