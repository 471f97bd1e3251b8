/* Added tokens: which of them stands where in a text.
 *
 * They are sorted by their bytes, so those that begin alike stand together. From each place of the
 * text the range of tokens that agree with it is narrowed byte by byte by binary search; the last
 * that ends inside is the longest. A byte with which no token begins costs one look at a table.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The content is copied; an empty token would be found everywhere, and is none. */
int added_push(struct added_tokens *added, struct added_token token, struct error *err)
{
    if (token.length == 0)
        return 0;
    if (array_reserve((void **)&added->tokens, &added->capacity, added->count + 1,
                      sizeof *added->tokens, err) != 0)
        return -1;
    char *content = array_alloc(token.length + 1, 1, err);
    if (!content)
        return -1;
    memcpy(content, token.content, token.length);
    token.content = content;
    added->tokens[added->count++] = token;
    return 0;
}

static int compare_content(const void *a, const void *b)
{
    const struct added_token *x = a, *y = b;
    size_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->content, y->content, shorter);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* `first` says for each byte where the tokens that begin with it stand; first[256] ends the
 * last. */
void added_index(struct added_tokens *added)
{
    if (added->count)
        qsort(added->tokens, added->count, sizeof *added->tokens, compare_content);
    size_t at = 0;
    for (int byte = 0; byte < 256; byte++) {
        added->first[byte] = at;
        while (at < added->count && (unsigned char)added->tokens[at].content[0] == byte)
            at++;
    }
    added->first[256] = added->count;
}

/* First token in [low, high), all alike before byte `depth`, whose byte there is >= `byte`; tokens
 * that end before it come first. */
static size_t lower_bound(const struct added_tokens *added, size_t low, size_t high, size_t depth,
                          int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct added_token *token = &added->tokens[middle];
        int here = depth < token->length ? (unsigned char)token->content[depth] : -1;
        if (here < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token at the very beginning of text, or NULL. */
static const struct added_token *longest_at(const struct added_tokens *added, const char *text,
                                            size_t length)
{
    int byte = (unsigned char)text[0];
    size_t low = added->first[byte], high = added->first[byte + 1];
    const struct added_token *best = NULL;
    for (size_t depth = 1; low < high; depth++) {
        if (added->tokens[low].length == depth)
            best = &added->tokens[low];
        if (depth >= length)
            break;
        byte = (unsigned char)text[depth];
        low = lower_bound(added, low, high, depth, byte);
        high = lower_bound(added, low, high, depth, byte + 1);
    }
    return best;
}

static bool is_word(int32_t c)
{
    if (c < 0)
        return false;
    if (c == '_' || c == 0x200C || c == 0x200D)
        return true;
    utf8proc_category_t category = utf8proc_category(c);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ND) ||
           category == UTF8PROC_CATEGORY_PC;
}

static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* The character that ends at `at`, and where it begins. */
static int32_t character_before(const char *text, size_t at, size_t *begin)
{
    int32_t c;
    size_t from = at;
    do
        from--;
    while (from > 0 && ((unsigned char)text[from] & 0xC0) == 0x80);
    utf8_decode(text + from, at - from, &c);
    *begin = from;
    return c;
}

struct added_match added_find(const struct added_tokens *added, const char *text, size_t length,
                              size_t from, bool parse_special)
{
    struct added_match match = {NULL, length, length};
    size_t begin;
    for (size_t at = from; added->count && at < length;) {
        const struct added_token *token = longest_at(added, text + at, length - at);
        size_t end = at + (token ? token->length : 1);
        bool taken = token && (!token->special || parse_special);
        if (taken && token->single_word) {
            int32_t after = -1;
            utf8_decode(text + end, length - end, &after);
            taken = !(at > 0 && is_word(character_before(text, at, &begin))) && !is_word(after);
        }
        if (taken) {
            match = (struct added_match){token, at, end};
            break;
        }
        at = end;
    }
    /* With the white space that it swallows. */
    while (match.token && match.token->strips_left && match.begin > from &&
           is_space(character_before(text, match.begin, &begin)) && begin >= from)
        match.begin = begin;
    for (int32_t c; match.token && match.token->strips_right && match.end < length;) {
        size_t used = utf8_decode(text + match.end, length - match.end, &c);
        if (!is_space(c))
            break;
        match.end += used;
    }
    return match;
}

void added_free(struct added_tokens *added)
{
    for (size_t i = 0; i < added->count; i++)
        free(added->tokens[i].content);
    free(added->tokens);
}
