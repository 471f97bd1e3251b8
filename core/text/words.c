#include "text/words.h"

#include "base/utf8.h"
#include "text/spans.h"

#include <string.h>
#include <xxhash.h>

/* A piece on its way, for encode_word(). */
struct piece {
    struct tokenizer *tokenizer;
    struct token_list *out;
    const char *text;
    struct span_cursor spans;
};

static bool emit_cached(struct piece *piece, const struct cached_word *entry, size_t begin,
                        size_t length, struct error *err, int *status)
{
    if (entry->length != length || memcmp(entry->text, piece->text + begin, length) != 0)
        return false;
    *status = 0;
    for (int i = 0; i < entry->count && *status == 0; i++) {
        *status = token_list_add(piece->out, entry->ids[i],
                                 spans_touch(&piece->spans, begin, begin + entry->lengths[i]), err);
        begin += entry->lengths[i];
    }
    return true;
}

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

static bool has_bytes(const struct tokenizer *t, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (t->byte_ids[(uint8_t)text[i]] < 0)
            return false;
    return true;
}

static int push_character(struct tokenizer *t, const char *text, size_t begin, size_t length,
                          struct error *err)
{
    int32_t id = vocabulary_find(&t->vocabulary, text + begin, length);
    if (id >= 0)
        return bpe_push(&t->word, id, begin, length, err);
    if (t->byte_fallback && has_bytes(t, text + begin, length))
        return push_bytes(t, text + begin, length, begin, err);
    if (t->unknown < 0)
        return 0;
    struct bpe_symbol *last = t->word.count ? &t->word.symbols[t->word.count - 1] : NULL;
    if (t->fuse_unknown && last && last->id == t->unknown) {
        last->length += (uint32_t)length;
        return 0;
    }
    return bpe_push(&t->word, t->unknown, begin, length, err);
}

static int push_symbols(struct tokenizer *t, const char *text, size_t length, struct error *err)
{
    t->word.count = 0;
    if (t->byte_level)
        return push_bytes(t, text, length, 0, err);
    for (size_t i = 0; i < length;) {
        int32_t unused;
        size_t used = utf8_decode(text + i, length - i, &unused);
        if (push_character(t, text, i, used, err) != 0)
            return -1;
        i += used;
    }
    return 0;
}

/* The id of the word as a whole, or -1. */
static int32_t whole_word(struct tokenizer *t, const char *text, size_t length)
{
    if (!t->byte_level)
        return vocabulary_find(&t->vocabulary, text, length);
    buffer_clear(&t->spelled);
    for (size_t i = 0; i < length; i++) {
        char letter[4];
        buffer_append(&t->spelled, letter, utf8_encode(byte_letter((uint8_t)text[i]), letter));
    }
    return t->spelled.failed
               ? -1
               : vocabulary_find(&t->vocabulary, buffer_string(&t->spelled), t->spelled.length);
}

static int merge_word(struct tokenizer *t, const char *text, size_t length, struct error *err)
{
    int32_t id = t->whole_words ? whole_word(t, text, length) : -1;
    if (id >= 0) {
        t->word.count = 0;
        return bpe_push(&t->word, id, 0, length, err);
    }
    if (push_symbols(t, text, length, err) != 0)
        return -1;
    return bpe_merge(&t->word, &t->merges, err);
}

static int encode_word(void *context, size_t begin, size_t end, struct error *err)
{
    struct piece *piece = context;
    struct tokenizer *t = piece->tokenizer;
    size_t length = end - begin;
    struct cached_word *entry = NULL;
    int status;
    if (length <= CACHED_WORD_MAX) {
        entry = &t->cache[XXH3_64bits(piece->text + begin, length) % CACHE_ENTRIES];
        if (emit_cached(piece, entry, begin, length, err, &status))
            return status;
    }
    if (merge_word(t, piece->text + begin, length, err) != 0)
        return -1;
    for (size_t i = 0; i < t->word.count; i++) {
        const struct bpe_symbol *s = &t->word.symbols[i];
        size_t at = begin + s->begin;
        if (token_list_add(piece->out, s->id, spans_touch(&piece->spans, at, at + s->length),
                           err) != 0)
            return -1;
    }
    if (entry)
        cache_word(entry, piece->text + begin, length, &t->word);
    return 0;
}

int words_encode(struct tokenizer *tokenizer, const char *text, size_t length,
                 const struct text_span *spans, size_t span_count, struct token_list *out,
                 struct error *err)
{
    struct piece piece = {tokenizer, out, text, {spans, span_count, 0}};
    return splitter_run(&tokenizer->splitter, text, length, encode_word, &piece, err);
}
