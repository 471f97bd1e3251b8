#include "text/tokenizer.h"

#include "base/utf8.h"
#include "text/spans.h"
#include "text/tokenizer_parts.h"
#include "text/words.h"

#include <stdlib.h>
#include <string.h>

void tokenizer_close(struct tokenizer *t)
{
    if (!t)
        return;
    free(t->path);
    vocabulary_free(&t->vocabulary);
    merge_table_free(&t->merges);
    added_free(&t->added_raw);
    added_free(&t->added_normalized);
    rewriter_free(&t->normalizer);
    rewriter_free(&t->prefixer);
    splitter_free(&t->splitter);
    bpe_free(&t->word);
    buffer_free(&t->normalized);
    buffer_free(&t->prefixed);
    buffer_free(&t->spelled);
    cJSON_Delete(t->templates);
    cJSON_Delete(t->special_map);
    free(t->cache);
    free(t);
}

/* The default as ever, so that what was recorded of a tokenizer holds; after it the others, which
 * few have. */
static void hash_templates(struct hash *hash, const struct tokenizer *t)
{
    const char *source = tokenizer_chat_template(t);
    const cJSON *item;
    if (source)
        hash_update(hash, source, strlen(source));
    cJSON_ArrayForEach(item, t->templates)
    {
        if (strcmp(item->string, TEMPLATE_DEFAULT) == 0)
            continue;
        hash_update(hash, item->string, strlen(item->string) + 1);
        hash_update(hash, item->valuestring, strlen(item->valuestring) + 1);
    }
}

int tokenizer_add_special(struct tokenizer *t, const char *text, int32_t *id, struct error *err)
{
    size_t length = strlen(text);
    struct added_token token = {
        .content = (char *)(uintptr_t)text, .length = length, .special = true};
    if (length == 0 || tokenizer_token_id(t, text) >= 0)
        return error_set(err, "\"%.60s\" cannot be added to the tokenizer: %s", text,
                         length ? "it is a token already" : "it is empty");
    if (vocabulary_add(&t->vocabulary, t->next_id, text, length, err) != 0)
        return error_prefix(err, "\"%.60s\" cannot be added to the tokenizer, whose ids have gaps",
                            text);
    token.id = *id = (int32_t)t->next_id++;
    t->vocabulary.entries[token.id].special = true;
    if (added_push(&t->added_raw, token, err) != 0 ||
        tokenizer_note_bytes(t, id, sizeof *id, err) != 0)
        return -1;
    added_index(&t->added_raw);
    return tokenizer_note_bytes(t, text, length, err);
}

int tokenizer_fingerprint(const struct tokenizer *t, char out[HASH_TEXT_SIZE], struct error *err)
{
    const int32_t special[] = {t->bos, t->eos, t->pad, t->unk, t->unknown};
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, t->source, sizeof t->source);
    hash_update(hash, special, sizeof special);
    hash_templates(hash, t);
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

const char *tokenizer_path(const struct tokenizer *t)
{
    return t->path;
}

/* --- text to ids --- */

/* Added tokens are cut out, what lies between is normalised, cut into words, and each word merged.
 * Weights follow the spans of the input through all of that. */

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
    return framed && ends ? add_frame(&tokenizer->after, out, err) : 0;
}

int tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, unsigned flags,
                     struct token_list *out, struct error *err)
{
    return tokenizer_encode_spans(tokenizer, text, length, flags, NULL, 0, out, err);
}

/* --- ids to text --- */

/* False when a letter stands for no byte: then the spelling is the text itself. */
static bool letters_to_bytes(const char *text, size_t length, struct buffer *out)
{
    size_t before = out->length;
    for (size_t i = 0; i < length;) {
        int32_t letter;
        i += utf8_decode(text + i, length - i, &letter);
        int byte = letter_byte(letter);
        if (byte < 0) {
            out->length = before;
            return false;
        }
        buffer_byte(out, (char)byte);
    }
    return true;
}

static bool is_byte_token(const char *text, size_t length, char *byte)
{
    static const char digits[] = "0123456789ABCDEF";
    if (length != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
        return false;
    const char *high = memchr(digits, text[3], 16), *low = memchr(digits, text[4], 16);
    if (high && low)
        *byte = (char)((high - digits) * 16 + (low - digits));
    return high && low;
}

static void marks_to_spaces(const char *text, size_t length, struct buffer *out)
{
    const size_t mark = sizeof SPACE_MARK - 1;
    for (size_t i = 0; i < length; i++) {
        if (length - i >= mark && memcmp(text + i, SPACE_MARK, mark) == 0) {
            buffer_byte(out, ' ');
            i += mark - 1;
        } else {
            buffer_byte(out, text[i]);
        }
    }
}

void tokenizer_piece(const struct tokenizer *t, int32_t id, struct buffer *out)
{
    size_t length;
    char byte;
    const char *text = vocabulary_text(&t->vocabulary, id, &length);
    if (!text)
        return;
    if (t->byte_level) {
        if (!letters_to_bytes(text, length, out))
            buffer_append(out, text, length);
    } else if (is_byte_token(text, length, &byte)) {
        buffer_byte(out, byte);
    } else {
        marks_to_spaces(text, length, out);
    }
}

int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t count, bool skip_special,
                     struct buffer *out, struct error *err)
{
    size_t start = out->length;
    for (size_t i = 0; i < count; i++)
        if (!skip_special || !tokenizer_is_special(t, ids[i]))
            tokenizer_piece(t, ids[i], out);
    if (t->strips_space && out->length > start && out->data[start] == ' ') {
        memmove(out->data + start, out->data + start + 1, out->length - start);
        out->length--;
    }
    return buffer_check(out, err);
}

const char *tokenizer_token_text(const struct tokenizer *t, int32_t id)
{
    return vocabulary_text(&t->vocabulary, id, NULL);
}

int32_t tokenizer_token_id(const struct tokenizer *t, const char *text)
{
    return vocabulary_find(&t->vocabulary, text, strlen(text));
}

int32_t tokenizer_bos(const struct tokenizer *t)
{
    return t->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t)
{
    return t->eos;
}

bool tokenizer_is_special(const struct tokenizer *t, int32_t id)
{
    return vocabulary_text(&t->vocabulary, id, NULL) && t->vocabulary.entries[id].special;
}

int32_t tokenizer_vocabulary_size(const struct tokenizer *t)
{
    return (int32_t)t->vocabulary.size;
}

const char *tokenizer_chat_template(const struct tokenizer *t)
{
    return tokenizer_named_template(t, TEMPLATE_DEFAULT);
}

const char *tokenizer_named_template(const struct tokenizer *t, const char *name)
{
    const char *source = NULL;
    json_get_string(t->templates, name, &source);
    return source;
}

const cJSON *tokenizer_templates(const struct tokenizer *t)
{
    return t->templates;
}

const cJSON *tokenizer_special_map(const struct tokenizer *t)
{
    return t->special_map;
}
