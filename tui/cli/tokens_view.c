#include "tui/cli/tokens_view.h"

#include "base/json.h"
#include "base/text.h"
#include "text/record_look.h"

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

void tokens_put_json(struct buffer *out, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer)
{
    buffer_text(out, "\"documents\": [");
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
            record_look_put_piece(out, tokenizer, data->ids[i]);
        }
        buffer_text(out, "]}");
    }
    buffer_format(out, "], \"tokens\": %" PRIu64, data->tokens);
    if (masked)
        buffer_format(out, ", \"supervised_tokens\": %" PRIu64, data->supervised);
}
