/* `spectrum tokens MODEL --text TEXT | --chat FILE`: token ids, and for a chat what is trained. */
#include "base/memory.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "text/dataset.h"
#include "text/template.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/source_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *text, *chat, *template_name, *columns;
    bool json, no_special;
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

/* What a token stands for: its bytes where they are text, else the vocabulary's spelling. */
static void put_piece(struct buffer *out, const struct tokenizer *tokenizer, int32_t id)
{
    struct buffer piece = BUFFER_INIT;
    tokenizer_piece(tokenizer, id, &piece);
    bool readable = utf8_valid(buffer_string(&piece), piece.length);
    const char *spelling = tokenizer_token_text(tokenizer, id);
    json_put_string(out, readable ? buffer_string(&piece) : spelling ? spelling : "");
    buffer_free(&piece);
}

static void put_text(struct buffer *out, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer)
{
    for (size_t d = 0; d < data->documents; d++) {
        buffer_text(out, d ? "\n" : "");
        for (uint64_t i = data->offsets[d]; i < data->offsets[d + 1]; i++) {
            buffer_format(out, "%7" PRId32 "  %s", data->ids[i],
                          !masked                ? ""
                          : data->weights[i] > 0 ? "trained  "
                                                 : "-        ");
            put_piece(out, tokenizer, data->ids[i]);
            buffer_byte(out, '\n');
        }
    }
}

/* `of_mask`: 1 for a token that is trained, else 0. */
static void put_numbers(struct buffer *out, const struct dataset *data, size_t document,
                        bool of_mask)
{
    uint64_t begin = data->offsets[document];
    for (uint64_t i = begin; i < data->offsets[document + 1]; i++)
        buffer_format(out, "%s%" PRId32, i > begin ? ", " : "",
                      of_mask ? data->weights[i] > 0 : data->ids[i]);
}

static void put_weights(struct buffer *out, const struct dataset *data, size_t document)
{
    uint64_t begin = data->offsets[document];
    buffer_text(out, "], \"weights\": [");
    for (uint64_t i = begin; i < data->offsets[document + 1]; i++) {
        buffer_text(out, i > begin ? ", " : "");
        json_put_number(out, (double)data->weights[i]);
    }
}

static void put_json(struct buffer *out, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer)
{
    buffer_text(out, "{\"format\": \"spectrum.tokens\", \"version\": 1, \"documents\": [");
    for (size_t d = 0; d < data->documents; d++) {
        buffer_text(out, d ? ",\n{\"ids\": [" : "\n{\"ids\": [");
        put_numbers(out, data, d, false);
        if (masked) {
            buffer_text(out, "], \"mask\": [");
            put_numbers(out, data, d, true);
        }
        if (data->weighted)
            put_weights(out, data, d);
        buffer_text(out, "], \"pieces\": [");
        for (uint64_t i = data->offsets[d]; i < data->offsets[d + 1]; i++) {
            buffer_text(out, i > data->offsets[d] ? ", " : "");
            put_piece(out, tokenizer, data->ids[i]);
        }
        buffer_text(out, "]}");
    }
    buffer_format(out, "], \"tokens\": %" PRIu64, data->tokens);
    if (masked)
        buffer_format(out, ", \"supervised_tokens\": %" PRIu64, data->supervised);
    buffer_text(out, "}\n");
}

static int print_tokens(const char *path, const struct request *request, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    struct tokenizer *tokenizer = NULL;
    struct dataset data = {0};
    struct buffer out = BUFFER_INIT;
    int status = checkpoint_open(&checkpoint, path, err);
    if (status == 0)
        status = tokenizer_for_checkpoint(&tokenizer, checkpoint, err);
    if (status == 0 && request->chat)
        status = source_view_marks(tokenizer, request->template_name, err);
    if (status == 0)
        status = encode(&data, request, tokenizer, err);
    if (status == 0) {
        (request->json ? put_json : put_text)(&out, &data, request->chat, tokenizer);
        status = buffer_check(&out, err);
    }
    if (status == 0)
        fwrite(buffer_string(&out), 1, out.length, stdout);
    if (status == 0 && request->chat)
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " tokens are trained on\n", data.supervised,
                data.tokens);
    buffer_free(&out);
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
        {"template", OPTION_TEXT, &r.template_name, "NAME",
         TEMPLATE_VALUES " (default: the model's own)", 0, 0, NULL},
        {"columns", OPTION_TEXT, &r.columns, "MAP", "as in prompt=question,completion=answer", 0, 0,
         NULL},
        {"no-special", OPTION_FLAG, &r.no_special, NULL,
         "leave out the tokens that are put around a text (default: with them)", 0, 0, NULL},
        {"json", OPTION_FLAG, &r.json, NULL, "strict JSON on standard output", 0, 0, NULL},
    };
    static const char needs[] = "tokens takes one MODEL, and either --text TEXT or --chat FILE";
    const char *path = NULL;
    int status = options_parse_one(specs, sizeof specs / sizeof *specs,
                                   "spectrum tokens MODEL --text TEXT | --chat FILE [--json]",
                                   needs, argc, argv, &path, err);
    if (status == 0 && !r.text == !r.chat)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0)
        status = print_tokens(path, &r, err);
    return status > 0 ? 0 : status;
}
