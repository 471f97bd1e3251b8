/* Cutting text into words, inside which merges happen.
 *
 * GPT-2's pattern takes, at each place, the first of these that matches:
 *
 *     's 't 're 've 'm 'll 'd      English endings, in small letters
 *     " ?\p{L}+"  " ?\p{N}+"       letters, or digits, with the one space before them
 *     " ?[^\s\p{L}\p{N}]+"         whatever else is not white space, in the same way
 *     "\s+(?!\S)"                 white space, but for its last character where a word follows,
 *                                 which is that word's space
 *     "\s+"                       that character, where it is not a space
 *
 * Llama 3's takes endings in any case, one other character (not a line's end, letter or digit)
 * before letters, at most three digits, line ends after punctuation with it, and white space up to
 * the last line end as a piece; Qwen 2's is the same with one digit at a time.
 *
 * tokenizer.json has patterns in the Ruby dialect of Oniguruma, and PCRE2 runs them (base/regex.h):
 * the few escapes that mean something else there are translated.
 */
#include "text/tokenizer/parts.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Unicode's White_Space. PCRE2's \s has U+180E too, which is none since Unicode 6.3. */
#define SPACES                                                                                     \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"    \
    "\\x{205f}\\x{3000}"

/* A pattern of the Ruby dialect as PCRE2 would have it: \s, \S and \h mean something else there. */
static void translate(struct buffer *out, const char *pattern)
{
    bool in_class = false;
    for (const char *at = pattern; *at; at++) {
        char escape = *at == '\\' ? at[1] : '\0';
        if (escape == 's')
            buffer_text(out, in_class ? SPACES : "[" SPACES "]");
        else if (escape == 'S' && !in_class)
            buffer_text(out, "[^" SPACES "]");
        else if (escape == 'h')
            buffer_text(out, in_class ? "0-9a-fA-F" : "[0-9a-fA-F]");
        else if (escape)
            buffer_format(out, "\\%c", escape);
        else
            buffer_byte(out, *at);
        if (escape)
            at++;
        else if (*at == '[' || *at == ']')
            in_class = *at == '[';
    }
}

/* Patterns are Oniguruma's dialect and run by PCRE2: translate() has the differences. */
int splitter_add(struct splitter *splitter, const char *pattern, bool drops_rest, struct error *err)
{
    if (splitter->count == SPLITS_MAX)
        return error_set(err, "more than %d pre-tokenizers", SPLITS_MAX);
    struct buffer translated = BUFFER_INIT;
    translate(&translated, pattern);
    struct regex *regex = NULL;
    if (buffer_check(&translated, err) == 0)
        regex = regex_new(buffer_string(&translated), err);
    buffer_free(&translated);
    if (!regex)
        return -1;
    splitter->patterns[splitter->count] = string_copy(pattern, err);
    if (!splitter->patterns[splitter->count]) {
        regex_free(regex);
        return -1;
    }
    splitter->drops_rest[splitter->count] = drops_rest;
    splitter->steps[splitter->count++] = regex;
    return 0;
}

struct run {
    const struct splitter *splitter;
    const char *text;
    splitter_word *word;
    void *context;
};

/* Cuts [begin, end) by step `step` and the steps after it. The text is offered to the expression
 * as if nothing stood around it, as the package does. */
static int cut(const struct run *run, int step, size_t begin, size_t end, struct error *err)
{
    if (begin == end)
        return 0;
    if (step == run->splitter->count)
        return run->word(run->context, begin, end, err);
    const char *piece = run->text + begin;
    size_t length = end - begin, done = 0, search = 0, from, to;
    bool keeps = !run->splitter->drops_rest[step];
    int status = 0, found = 0;
    while (status == 0 && search < length &&
           (found = regex_find(run->splitter->steps[step], piece, length, search, &from, &to,
                               err)) > 0) {
        if (to == from) {
            int32_t unused;
            search = to + utf8_decode(piece + to, length - to, &unused);
            if (to == length)
                break;
            continue;
        }
        if (keeps && from > done)
            status = cut(run, step + 1, begin + done, begin + from, err);
        if (status == 0)
            status = cut(run, step + 1, begin + from, begin + to, err);
        done = search = to;
    }
    if (found < 0)
        return error_prefix(err, "the tokenizer's pre-tokenizer");
    if (status == 0 && keeps && done < length)
        status = cut(run, step + 1, begin + done, end, err);
    return status;
}

int splitter_run(const struct splitter *splitter, const char *text, size_t length,
                 splitter_word *word, void *context, struct error *err)
{
    struct run run = {splitter, text, word, context};
    return cut(&run, 0, 0, length, err);
}

void splitter_free(struct splitter *splitter)
{
    for (int i = 0; i < splitter->count; i++)
        regex_free(splitter->steps[i]);
    for (int i = 0; i < splitter->count; i++)
        free(splitter->patterns[i]);
}
