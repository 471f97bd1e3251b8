/* Ids to text: what a token of the vocabulary stands for.
 *
 * Byte-level vocabularies spell each byte by a letter of GPT-2's alphabet; SentencePiece's have
 * U+2581 for a space and "<0x0A>" for a byte of a character that they lack.
 */
#include "text/tokenizer/parts.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void tokenizer_piece(const struct tokenizer *t, int32_t id, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t mark = sizeof SPACE_MARK - 1, before = out->length;
    size_t length;
    const char *text = vocabulary_text(&t->vocabulary, id, &length);
    if (!text)
        return;
    for (size_t i = 0; t->byte_level && i < length;) {
        int32_t letter;
        i += utf8_decode(text + i, length - i, &letter);
        int byte = letter_byte(letter);
        if (byte < 0) { /* not spelled in the alphabet: the spelling is the text itself */
            out->length = before;
            buffer_append(out, text, length);
            return;
        }
        buffer_byte(out, (char)byte);
    }
    if (t->byte_level)
        return;
    bool is_byte = length == 6 && memcmp(text, "<0x", 3) == 0 && text[5] == '>';
    const char *high = is_byte ? memchr(digits, text[3], 16) : NULL;
    const char *low = is_byte ? memchr(digits, text[4], 16) : NULL;
    if (high && low) {
        buffer_byte(out, (char)((high - digits) * 16 + (low - digits)));
        return;
    }
    for (size_t i = 0; i < length; i++) {
        bool space = length - i >= mark && memcmp(text + i, SPACE_MARK, mark) == 0;
        buffer_byte(out, space ? ' ' : text[i]);
        i += space ? mark - 1 : 0;
    }
}

/* The space that encoding has put before the first word is taken away again. */
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

bool tokenizer_is_special(const struct tokenizer *t, int32_t id)
{
    return vocabulary_text(&t->vocabulary, id, NULL) && t->vocabulary.entries[id].special;
}
