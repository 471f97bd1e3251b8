/* `spectrum tokens MODEL|RUN --text TEXT | --chat FILE | --data PATH`: token ids, and of data what
 * is trained.
 *
 *     --text   a text as it stands          ids
 *     --chat   a file of records            ids, and which of them are trained, record by record
 *     --data   data as `train` reads it     what is in it, and one record (tokens_view.h)
 *
 * Of a run it is the run's own tokenizer, template and options, so what is printed is what the run
 * trains on.
 */
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "job/added_tokens.h"
#include "job/source.h"
#include "text/dataset/dataset.h"
#include "text/record/form.h"
#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/source_view.h"
#include "tui/cli/tokens_view.h"

#include <stdio.h>
#include <string.h>

struct request {
    const char *text, *chat;
    struct dataset_options format;
    struct option_list data;
    int64_t row; /* 0: the whole */
    bool json, no_special, add_tokens;
};

/* Ids, with weights where there are some, as documents. */
static int encode(struct dataset *out, const struct request *request, struct tokenizer *tokenizer,
                  struct error *err)
{
    if (request->chat)
        return dataset_load(out, &request->chat, 1, &request->format, tokenizer, err);
    struct token_list list = {0};
    unsigned flags = ENCODE_PARSE_SPECIAL | (request->no_special ? 0 : ENCODE_ADD_SPECIAL);
    *out = (struct dataset){.documents = 1};
    out->offsets = array_alloc(2, sizeof *out->offsets, err);
    if (!out->offsets ||
        tokenizer_encode(tokenizer, request->text, strlen(request->text), flags, &list, err) != 0) {
        token_list_free(&list);
        dataset_free(out);
        return -1;
    }
    out->ids = list.ids;
    out->weights = list.weights;
    out->tokens = out->offsets[1] = list.count;
    return 0;
}

/* Ids on standard output; of records, how many are trained, on standard error. */
static int print(const struct dataset *data, const struct request *request,
                 const struct tokenizer *tokenizer, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int status;
    if (request->json) {
        json_begin(&json, "spectrum.tokens");
        tokens_put_json(&json, data, request->chat, tokenizer);
        json_end(&json);
        status = output_json(&json, err);
    } else {
        tokens_put_lines(&out, data, request->chat ? TOKENS_MASK : 0, tokenizer);
        status = output_text(&out, err);
    }
    if (status == 0 && request->chat) {
        tokens_put_count(&out, data);
        fflush(stdout);
        fprintf(stderr, "%s\n", buffer_string(&out));
    }
    buffer_free(&out);
    return status;
}

/* The tokenizer of a model, or of a run with what the run reads its data by, where nothing else is
 * asked for. `source` stays the caller's to close. */
static int open_tokenizer(struct tokenizer **out, struct source *source, struct request *request,
                          const char *path, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    struct dataset_options *format = &request->format;
    int run = source_open_texts(source, path, err);
    if (run == 0) { /* not a run: a model, whose tokenizer is all that is wanted of it */
        int status = checkpoint_open(&checkpoint, path, err) == 0
                         ? tokenizer_for_checkpoint(out, checkpoint, err)
                         : -1;
        checkpoint_close(checkpoint);
        return status;
    }
    if (run > 0 && request->add_tokens)
        return error_set_kind(err, ERROR_USAGE,
                              "%s is a run, which has its tokens already: --add-tokens belongs to "
                              "a model",
                              path);
    /* what is not said on the command line is the run's own */
    if (run < 0 || source_tokenizer(out, source, err) != 0)
        return -1;
    if (!format->template_name) {
        format->template_name = source->template_name;
        format->date = source->date;
        format->template_may_rest = true; /* as the run's other data may have been what it wrote */
    }
    if (!format->columns) /* each by itself: one may be given, and the others be the run's */
        format->columns = source->columns;
    if (!format->mark)
        format->mark = source->mark;
    return 0;
}

/* With the run's own tokens where it is a run; marks that are no tokens are warned of. */
static int print_tokens(const char *path, struct request *request, struct error *err)
{
    struct source source = {0};
    struct tokenizer *tokenizer = NULL;
    struct dataset data = {0};
    const char *template_name;
    char marks[200];
    int status = -1;
    if (open_tokenizer(&tokenizer, &source, request, path, err) != 0)
        goto out;
    template_name = request->format.template_name;
    if (request->add_tokens) {
        if (added_tokens_look(tokenizer, template_name, true, marks, sizeof marks, err) != 0)
            goto out;
        if (marks[0])
            fprintf(stderr, "tokens as --add-tokens adds them: %s\n", marks);
        else
            fprintf(stderr, "--add-tokens adds none: there is no chat template, or all of its "
                            "marks are tokens\n");
    } else if (!request->text &&
               source_view_marks(tokenizer, template_name, "; --add-tokens shows them as tokens",
                                 err) != 0) {
        goto out;
    }
    if (request->data.count > 0)
        status = tokens_data_print(request->data.items, request->data.count, &request->format,
                                   tokenizer, (uint64_t)request->row, request->json, err);
    else if (encode(&data, request, tokenizer, err) == 0)
        status = print(&data, request, tokenizer, err);
out:
    dataset_free(&data);
    tokenizer_close(tokenizer);
    source_close(&source);
    return status;
}

/* An option that would do nothing is a misunderstanding. */
static int check(const struct request *r, const char *needs, struct error *err)
{
    const char *template_name = r->format.template_name;
    if ((r->text != NULL) + (r->chat != NULL) + (r->data.count > 0) != 1)
        return error_set_kind(err, ERROR_USAGE, "%s", needs);
    if ((r->row > 0 || r->format.mark) && r->data.count == 0)
        return error_set_kind(err, ERROR_USAGE, "--row and --mark belong to --data");
    if (r->text && (r->format.columns || (template_name && !r->add_tokens)))
        return error_set_kind(err, ERROR_USAGE,
                              "--template and --columns belong to --chat and --data: --text is "
                              "tokenised as it stands");
    if (r->no_special && !r->text)
        return error_set_kind(err, ERROR_USAGE,
                              "--no-special belongs to --text: records have the tokens that they "
                              "train with");
    return 0;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "text", .kind = OPTION_TEXT, .at = AT(text), .argument = "TEXT",
     .help = "the text to tokenise"},
    {.name = "chat", .kind = OPTION_PATH, .at = AT(chat), .argument = "FILE",
     .help = "a data file: ids and what is trained"},
    {.name = "data", .kind = OPTION_PATHS, .at = AT(data), .argument = "PATH",
     .help = "data as train takes it: what is in it, and its first record; repeatable"},
    {.name = "row", .kind = OPTION_INTEGER, .at = AT(row), .argument = "N", .low = 1, .high = 9e15,
     .help = "with --data: record N alone, counted from 1 over all files"},
    {.name = "mark", .kind = OPTION_TEXT, .at = AT(format.mark), .argument = "TEXT",
     .help = "with --data: what separates documents in a .txt file (default: one document)"},
    ROW_TEMPLATE("chat template", AT(format.template_name)),
    {.name = "add-tokens", .kind = OPTION_FLAG, .at = AT(add_tokens),
     .help = "of a model: marks of the template that are not tokens become tokens, as in such a run"},
    {.name = "columns", .kind = OPTION_TEXT, .at = AT(format.columns), .argument = "MAP",
     .help = COLUMN_VALUES " (default: the run's, or these names)"},
    {.name = "no-special", .kind = OPTION_FLAG, .at = AT(no_special),
     .help = "leave out the tokens that are put around a text (default: with them)"},
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* Exactly one of --text, --chat and --data. */
static int run(int argc, char **argv, struct error *err)
{
    static const char needs[] =
        "tokens takes one MODEL or RUN, and either --text TEXT or --chat FILE, or --data PATH";
    struct request r = {.text = NULL};
    const char *path = NULL;
    option_defaults(&table, &r);
    int status = options_parse_one(&command_tokens, &r, NULL, needs, argc, argv, &path, err);
    if (status == 0)
        status = check(&r, needs, err);
    if (status == 0)
        status = print_tokens(path, &r, err);
    option_free(&table, &r);
    return status > 0 ? 0 : status;
}

const struct command command_tokens = {
    .name = "tokens",
    .summary = "token ids of a text; of data, with what is trained",
    .usage = "spectrum tokens MODEL|RUN --text TEXT | --chat FILE | --data PATH [--json]",
    .options = &table,
    .run = run,
};
