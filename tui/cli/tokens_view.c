#include "tui/cli/tokens_view.h"

#include "base/text.h"
#include "text/dataset/record_look.h"

#include <inttypes.h>

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

void tokens_put_count(struct buffer *out, const struct dataset *data)
{
    bool first = false;
    for (size_t d = 0; d < data->documents; d++)
        first |= data->offsets[d] < data->offsets[d + 1] && data->weights[data->offsets[d]] > 0;
    buffer_format(out, "%" PRIu64 " of %" PRIu64 " token%s are trained on%s", data->supervised,
                  data->tokens, text_s(data->tokens),
                  !first                ? ""
                  : data->documents > 1 ? ": the first of a document has nothing before it"
                                        : ": the first has nothing before it");
}

static void put_document(struct json_writer *json, const struct dataset *data, uint64_t begin,
                         uint64_t end, bool masked, const struct tokenizer *tokenizer)
{
    struct buffer piece = BUFFER_INIT;
    json_list(json, "ids");
    for (uint64_t i = begin; i < end; i++)
        json_integer(json, NULL, data->ids[i]);
    json_end(json);
    if (masked) { /* 1 for a token that is trained, else 0 */
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
    buffer_free(&piece);
}

void tokens_put_json(struct json_writer *json, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer)
{
    json_list(json, "documents");
    json_layout(json, JSON_ROWS);
    for (size_t d = 0; d < data->documents; d++) {
        json_object(json, NULL);
        put_document(json, data, data->offsets[d], data->offsets[d + 1], masked, tokenizer);
        json_end(json);
    }
    json_end(json);
    json_count(json, "tokens", data->tokens);
    if (masked)
        json_count(json, "supervised_tokens", data->supervised);
}
