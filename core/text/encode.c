/* Text to ids: added tokens are cut out, what lies between is normalised, cut into words, and each
 * word merged. Weights follow the spans of the input through all of that. */
#include "text/parts.h"

#include "base/utf8.h"
#include "text/spans.h"

#include <string.h>

/* A text at one stage of its way, and the spans in its own bytes. */
struct stage {
    const char *text;
    size_t length;
    const struct text_span *spans;
    size_t span_count;
    struct rewrite_place place;
};

struct encoder {
    struct tokenizer *tokenizer;
    struct token_list *out;
    bool parse_special;
};

/* What happens to the text between two added tokens. */
typedef int stage_step(struct encoder *e, const struct stage *stage, struct error *err);

/* Runs `next` on [begin, end) of a stage, rewritten into `scratch` where the rewriter has steps. */
static int enter_stage(struct encoder *e, const struct stage *from, size_t begin, size_t end,
                       struct rewriter *rewriter, struct buffer *scratch, stage_step *next,
                       struct error *err)
{
    struct span_list spans = {0};
    struct stage stage = {from->text + begin, end - begin, NULL, 0, from->place};
    if (begin == end)
        return 0;
    stage.place.starts_input = from->place.starts_input && begin == 0;
    stage.place.starts_piece = from->place.starts_piece || begin > 0;
    int status = spans_enter(&spans, from->spans, from->span_count, from->text, begin, end,
                             rewriter, stage.place, err);
    if (status == 0 && rewriter->count > 0) {
        status = rewriter_run(rewriter, stage.text, stage.length, stage.place, scratch, err);
        stage.text = buffer_string(scratch);
        stage.length = scratch->length;
    }
    stage.spans = spans.items;
    stage.span_count = spans.count;
    if (status == 0)
        status = next(e, &stage, err);
    spans_free(&spans);
    return status;
}

/* Cuts added tokens out of a stage; the rest goes on to `next`. */
static int cut_added(struct encoder *e, const struct stage *stage, const struct added_tokens *added,
                     struct rewriter *rewriter, struct buffer *scratch, stage_step *next,
                     struct error *err)
{
    struct span_cursor cursor = {stage->spans, stage->span_count, 0};
    for (size_t at = 0; at < stage->length;) {
        struct added_match match =
            added_find(added, stage->text, stage->length, at, e->parse_special);
        if (enter_stage(e, stage, at, match.begin, rewriter, scratch, next, err) != 0)
            return -1;
        if (match.token && token_list_add(e->out, match.token->id,
                                          spans_touch(&cursor, match.begin, match.end), err) != 0)
            return -1;
        at = match.end;
    }
    return 0;
}

static int encode_words(struct encoder *e, const struct stage *stage, struct error *err)
{
    return words_encode(e->tokenizer, stage->text, stage->length, stage->spans, stage->span_count,
                        e->out, err);
}

static int encode_normalized(struct encoder *e, const struct stage *stage, struct error *err)
{
    struct tokenizer *t = e->tokenizer;
    return cut_added(e, stage, &t->added_normalized, &t->prefixer, &t->prefixed, encode_words, err);
}

static int encode_raw(struct encoder *e, const struct stage *stage, struct error *err)
{
    struct tokenizer *t = e->tokenizer;
    return cut_added(e, stage, &t->added_raw, &t->normalizer, &t->normalized, encode_normalized,
                     err);
}

static int add_frame(const struct frame *frame, struct token_list *out, struct error *err)
{
    for (int i = 0; i < frame->count; i++)
        if (token_list_add(out, frame->ids[i], 0, err) != 0)
            return -1;
    return 0;
}

static int check_utf8(const char *text, size_t length, struct error *err)
{
    for (size_t i = 0; i < length;) {
        int32_t c = 0;
        i += (unsigned char)text[i] < 0x80 ? 1 : utf8_decode(text + i, length - i, &c);
        if (c < 0)
            return error_set(err, "the text is not UTF-8 at byte %zu; convert it first (iconv)",
                             i - 1);
    }
    return 0;
}

int tokenizer_encode_spans(struct tokenizer *tokenizer, const char *text, size_t length,
                           unsigned flags, const struct text_span *spans, size_t span_count,
                           struct token_list *out, struct error *err)
{
    struct encoder e = {tokenizer, out, flags & ENCODE_PARSE_SPECIAL};
    bool begins = !(flags & ENCODE_GOES_ON), ends = !(flags & ENCODE_UNENDED);
    bool framed = flags & ENCODE_ADD_SPECIAL;
    struct stage stage = {text, length, spans, span_count, {begins, begins}};
    if (check_utf8(text, length, err) != 0 ||
        (framed && begins && add_frame(&tokenizer->before, out, err) != 0) ||
        encode_raw(&e, &stage, err) != 0)
        return -1;
    return framed && ends ? add_frame(&tokenizer->behind, out, err) : 0;
}

int tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, unsigned flags,
                     struct token_list *out, struct error *err)
{
    return tokenizer_encode_spans(tokenizer, text, length, flags, NULL, 0, out, err);
}
