/* Text to ids.
 *
 * Added tokens are cut out, what lies between is normalised, cut into words, and each word merged:
 *
 *     stage: the text as it came -> tokens of added_raw are cut out, between them the normalizer
 *     stage: normalised pieces   -> tokens of added_normalized, between them the prefixer
 *     stage: prefixed pieces     -> words of the splitter -> symbols -> merges -> ids
 *
 * Weights follow the spans of the input through all of that: each stage has them in its own bytes.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* --- spans of a text, followed through the rewriting of its pieces --- */

/* A piece being rewritten from border to border. */
struct progress {
    struct rewriter *rewriter;
    struct rewrite_place place;
    struct buffer scratch;
    const char *text;
    size_t at, rewritten;
};

struct span_list {
    struct text_span *items; /* [count] */
    size_t count, capacity;
};

/* Goes on to byte `to`: what lies between is rewritten for its length alone, as the piece will
 * be. */
static int advance(struct progress *p, size_t to, struct error *err)
{
    if (to == p->at)
        return 0;
    size_t length = to - p->at;
    if (p->rewriter->count > 0) {
        if (rewriter_run(p->rewriter, p->text + p->at, length, p->place, &p->scratch, err) != 0)
            return -1;
        length = p->scratch.length;
    }
    p->rewritten += length;
    p->at = to;
    p->place = (struct rewrite_place){false, false};
    return 0;
}

/* Fills *local with the parts of the spans that lie in [begin, end) of the text, counted in the
 * bytes of that piece after rewriting. Lengths are added up from border to border, so a letter that
 * composes across a span's border may shift one by that letter. */
static int spans_enter(struct span_list *local, const struct text_span *spans, size_t count,
                       const char *text, size_t begin, size_t end, struct rewriter *rewriter,
                       struct rewrite_place place, struct error *err)
{
    struct progress p = {rewriter, place, BUFFER_INIT, text, begin, 0};
    size_t low = 0, high = count; /* the first span that ends after `begin` */
    int status = -1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans[middle].end <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < count && spans[i].begin < end; i++) {
        size_t from = spans[i].begin < begin ? begin : spans[i].begin;
        size_t to = spans[i].end > end ? end : spans[i].end;
        struct text_span inside = {.weight = spans[i].weight};
        if (advance(&p, from, err) != 0)
            goto out;
        inside.begin = p.rewritten;
        if (advance(&p, to, err) != 0)
            goto out;
        inside.end = p.rewritten;
        if (inside.begin == inside.end)
            continue;
        if (array_reserve((void **)&local->items, &local->capacity, local->count + 1,
                          sizeof *local->items, err) != 0)
            goto out;
        local->items[local->count++] = inside;
    }
    status = 0;
out:
    buffer_free(&p.scratch);
    return status;
}

/* Asked for ascending ranges. */
struct span_cursor {
    const struct text_span *spans;
    size_t count, next;
};

/* The weight of the first span of which [begin, end) holds a byte; 0 where there is none. */
static float spans_touch(struct span_cursor *cursor, size_t begin, size_t end)
{
    while (cursor->next < cursor->count && cursor->spans[cursor->next].end <= begin)
        cursor->next++;
    bool touches = cursor->next < cursor->count && cursor->spans[cursor->next].begin < end;
    return touches ? cursor->spans[cursor->next].weight : 0;
}

/* --- a word to ids: from the cache, or by merging its symbols --- */

/* A piece on its way, for encode_word(). */
struct piece {
    struct tokenizer *tokenizer;
    struct token_list *out;
    const char *text;
    struct span_cursor spans;
};

/* Keeps what a word came to, where it is short, and its tokens stand for all of its bytes. */
static void cache_word(struct cached_word *entry, const char *text, size_t length,
                       const struct bpe_word *word)
{
    size_t covered = 0;
    for (size_t i = 0; i < word->count; i++)
        covered += word->symbols[i].length;
    if (word->count > CACHED_IDS_MAX || covered != length)
        return;
    entry->length = (uint8_t)length;
    entry->count = (uint8_t)word->count;
    memcpy(entry->text, text, length);
    for (size_t i = 0; i < CACHED_IDS_MAX && i < word->count; i++) {
        entry->ids[i] = word->symbols[i].id;
        entry->lengths[i] = (uint8_t)word->symbols[i].length;
    }
}

/* Bytes that a vocabulary lacks become its unknown token, or nothing where it has none. */
static int push_bytes(struct tokenizer *t, const char *text, size_t length, size_t begin,
                      struct error *err)
{
    for (size_t i = 0; i < length; i++) {
        int32_t id = t->byte_ids[(uint8_t)text[i]];
        if (id < 0)
            id = t->unknown;
        if (id >= 0 && bpe_push(&t->word, id, begin + i, 1, err) != 0)
            return -1;
    }
    return 0;
}

/* The symbols that a word begins as: bytes, or characters of the vocabulary. A character that is
 * not in it is its bytes where there are tokens for all of them ("byte fallback"), else the unknown
 * token, of which several in a row may be one. */
static int push_symbols(struct tokenizer *t, const char *text, size_t length, struct error *err)
{
    t->word.count = 0;
    if (t->byte_level)
        return push_bytes(t, text, length, 0, err);
    for (size_t i = 0, used; i < length; i += used) {
        int32_t unused;
        used = utf8_decode(text + i, length - i, &unused);
        int32_t id = vocabulary_find(&t->vocabulary, text + i, used);
        bool has_bytes = id < 0 && t->byte_fallback;
        for (size_t k = 0; has_bytes && k < used; k++)
            has_bytes = t->byte_ids[(uint8_t)text[i + k]] >= 0;
        struct bpe_symbol *last = t->word.count ? &t->word.symbols[t->word.count - 1] : NULL;
        int status = 0;
        if (id >= 0)
            status = bpe_push(&t->word, id, i, used, err);
        else if (has_bytes)
            status = push_bytes(t, text + i, used, i, err);
        else if (t->unknown >= 0 && t->fuse_unknown && last && last->id == t->unknown)
            last->length += (uint32_t)used;
        else if (t->unknown >= 0)
            status = bpe_push(&t->word, t->unknown, i, used, err);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* A word to symbols, merged. With "ignore_merges" one that is a token as it stands is that one. */
static int merge_word(struct tokenizer *t, const char *text, size_t length, struct error *err)
{
    int32_t id = -1;
    if (t->whole_words && !t->byte_level) {
        id = vocabulary_find(&t->vocabulary, text, length);
    } else if (t->whole_words) {
        buffer_clear(&t->spelled);
        for (size_t i = 0; i < length; i++) {
            char letter[4];
            buffer_append(&t->spelled, letter, utf8_encode(byte_letter((uint8_t)text[i]), letter));
        }
        if (!t->spelled.failed)
            id = vocabulary_find(&t->vocabulary, buffer_string(&t->spelled), t->spelled.length);
    }
    if (id >= 0) {
        t->word.count = 0;
        return bpe_push(&t->word, id, 0, length, err);
    }
    if (push_symbols(t, text, length, err) != 0)
        return -1;
    return bpe_merge(&t->word, &t->merges, err);
}

/* The ids of a word, from the cache where it is short and was the last of its hash, else merged.
 * A token's weight is that of the first span that its bytes touch. */
static int encode_word(void *context, size_t begin, size_t end, struct error *err)
{
    struct piece *piece = context;
    struct tokenizer *t = piece->tokenizer;
    const char *word = piece->text + begin;
    size_t length = end - begin;
    struct cached_word *entry = NULL;
    if (length <= CACHED_WORD_MAX)
        entry = &t->cache[XXH3_64bits(word, length) % CACHE_ENTRIES];
    if (entry && entry->length == length && memcmp(entry->text, word, length) == 0) {
        for (int i = 0; i < entry->count; i++) {
            float weight = spans_touch(&piece->spans, begin, begin + entry->lengths[i]);
            if (token_list_add(piece->out, entry->ids[i], weight, err) != 0)
                return -1;
            begin += entry->lengths[i];
        }
        return 0;
    }
    if (merge_word(t, word, length, err) != 0)
        return -1;
    for (size_t i = 0; i < t->word.count; i++) {
        const struct bpe_symbol *s = &t->word.symbols[i];
        size_t at = begin + s->begin;
        if (token_list_add(piece->out, s->id, spans_touch(&piece->spans, at, at + s->length),
                           err) != 0)
            return -1;
    }
    if (entry)
        cache_word(entry, word, length, &t->word);
    return 0;
}

/* --- the stages of a text --- */

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
    int status = -1;
    if (begin == end)
        return 0;
    stage.place.starts_input = from->place.starts_input && begin == 0;
    stage.place.starts_piece = from->place.starts_piece || begin > 0;
    if (spans_enter(&spans, from->spans, from->span_count, from->text, begin, end, rewriter,
                    stage.place, err) != 0)
        goto out;
    if (rewriter->count > 0) {
        if (rewriter_run(rewriter, stage.text, stage.length, stage.place, scratch, err) != 0)
            goto out;
        stage.text = buffer_string(scratch);
        stage.length = scratch->length;
    }
    stage.spans = spans.items;
    stage.span_count = spans.count;
    status = next(e, &stage, err);
out:
    free(spans.items);
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

/* The last stage: words, each to ids. */
static int encode_words(struct encoder *e, const struct stage *stage, struct error *err)
{
    struct piece piece = {e->tokenizer, e->out, stage->text, {stage->spans, stage->span_count, 0}};
    return splitter_run(&e->tokenizer->splitter, stage->text, stage->length, encode_word, &piece,
                        err);
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

/* The text is looked at before anything is added: an invalid byte is named by its place in the
 * input, not in some stage's text. */
int tokenizer_encode_spans(struct tokenizer *tokenizer, const char *text, size_t length,
                           unsigned flags, const struct text_span *spans, size_t span_count,
                           struct token_list *out, struct error *err)
{
    struct encoder e = {tokenizer, out, flags & ENCODE_PARSE_SPECIAL};
    bool begins = !(flags & ENCODE_GOES_ON), ends = !(flags & ENCODE_UNENDED);
    bool framed = flags & ENCODE_ADD_SPECIAL;
    struct stage stage = {text, length, spans, span_count, {begins, begins}};
    for (size_t i = 0; i < length;) {
        int32_t c = 0;
        i += (unsigned char)text[i] < 0x80 ? 1 : utf8_decode(text + i, length - i, &c);
        if (c < 0)
            return error_set(err, "the text is not UTF-8 at byte %zu; convert it first (iconv)",
                             i - 1);
    }
    if ((framed && begins && add_frame(&tokenizer->before, out, err) != 0) ||
        encode_raw(&e, &stage, err) != 0)
        return -1;
    return framed && ends ? add_frame(&tokenizer->after, out, err) : 0;
}

int tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, unsigned flags,
                     struct token_list *out, struct error *err)
{
    return tokenizer_encode_spans(tokenizer, text, length, flags, NULL, 0, out, err);
}
