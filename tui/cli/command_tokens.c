/* `spectrum tokens MODEL --text TEXT | --chat FILE | --data PATH`: token ids, and of data what is
 * trained. */
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "text/dataset.h"
#include "text/template.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/source_view.h"
#include "tui/cli/tokens_data.h"
#include "tui/cli/tokens_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *text, *chat, *template_name, *columns, *mark;
    struct option_list data;
    int64_t row; /* 0: the whole */
    bool json, no_special, row_given;
};

/* Ids, with weights where there are some, as documents. */
static int encode(struct dataset *out, const struct request *request, struct tokenizer *tokenizer,
                  struct error *err)
{
    if (request->chat) {
        const struct dataset_options options = {.columns = request->columns,
                                                .template_name = request->template_name};
        return dataset_load(out, &request->chat, 1, &options, tokenizer, err);
    }
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

static int print(const struct dataset *data, const struct request *request,
                 const struct tokenizer *tokenizer, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    if (request->json) {
        buffer_text(&out, "{\"format\": \"spectrum.tokens\", \"version\": 1, ");
        tokens_put_json(&out, data, request->chat, tokenizer);
        buffer_text(&out, "}\n");
    } else {
        tokens_put_lines(&out, data, request->chat ? TOKENS_MASK : 0, tokenizer);
    }
    int status = buffer_check(&out, err);
    if (status == 0)
        fwrite(buffer_string(&out), 1, out.length, stdout);
    if (status == 0 && request->chat) {
        buffer_clear(&out);
        tokens_put_count(&out, data);
        fflush(stdout);
        fprintf(stderr, "%s\n", buffer_string(&out));
    }
    buffer_free(&out);
    return status;
}

static int print_tokens(const char *path, const struct request *request, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    struct tokenizer *tokenizer = NULL;
    struct dataset data = {0};
    const struct dataset_options options = {.mark = request->mark,
                                            .columns = request->columns,
                                            .template_name = request->template_name};
    int status = checkpoint_open(&checkpoint, path, err);
    if (status == 0)
        status = tokenizer_for_checkpoint(&tokenizer, checkpoint, err);
    if (status == 0 && !request->text)
        status = source_view_marks(tokenizer, request->template_name, err);
    if (status == 0 && request->data.count > 0)
        status = tokens_data_print(request->data.items, request->data.count, &options, tokenizer,
                                   (uint64_t)request->row, request->json, err);
    else if (status == 0)
        status = encode(&data, request, tokenizer, err) == 0 ? print(&data, request, tokenizer, err)
                                                             : -1;
    dataset_free(&data);
    tokenizer_close(tokenizer);
    checkpoint_close(checkpoint);
    return status;
}

int command_tokens(int argc, char **argv, struct error *err)
{
    struct request r = {0};
    const struct option_spec specs[] = {
        {"text", OPTION_TEXT, &r.text, "TEXT", "the text to tokenise", 0, 0, NULL},
        {"chat", OPTION_TEXT, &r.chat, "FILE", "a data file: ids and what is trained", 0, 0, NULL},
        {"data", OPTION_LIST, &r.data, "PATH",
         "data as train takes it: what is in it, and its first record; repeatable", 0, 0, NULL},
        {"row", OPTION_INTEGER, &r.row, "N",
         "with --data: record N alone, counted from 1 over all files", 1, 9e15, &r.row_given},
        {"mark", OPTION_TEXT, &r.mark, "TEXT",
         "with --data: what separates documents in a .txt file (default: one document)", 0, 0,
         NULL},
        {"template", OPTION_TEXT, &r.template_name, "NAME",
         TEMPLATE_VALUES " (default: the model's own)", 0, 0, NULL},
        {"columns", OPTION_TEXT, &r.columns, "MAP", "as in prompt=question,completion=answer", 0, 0,
         NULL},
        {"no-special", OPTION_FLAG, &r.no_special, NULL,
         "leave out the tokens that are put around a text (default: with them)", 0, 0, NULL},
        {"json", OPTION_FLAG, &r.json, NULL, "strict JSON on standard output", 0, 0, NULL},
    };
    enum { COUNT = sizeof specs / sizeof *specs };
    static const char needs[] =
        "tokens takes one MODEL, and either --text TEXT or --chat FILE, or --data PATH";
    const char *path = NULL;
    int status = options_parse_one(
        specs, COUNT, "spectrum tokens MODEL --text TEXT | --chat FILE | --data PATH [--json]",
        needs, argc, argv, &path, err);
    if (status == 0 && (r.text != NULL) + (r.chat != NULL) + (r.data.count > 0) != 1)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0 && (r.row_given || r.mark) && r.data.count == 0)
        status = error_set_kind(err, ERROR_USAGE, "--row and --mark belong to --data");
    if (status == 0)
        status = print_tokens(path, &r, err);
    options_free(specs, COUNT);
    return status > 0 ? 0 : status;
}
