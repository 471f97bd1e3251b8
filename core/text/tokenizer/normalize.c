/* Rewriting text before it is tokenised: Unicode's normal forms (Unicode Standard Annex 15), and
 * what SentencePiece's vocabularies want in the place of spaces.
 *
 *     NFD    letters and their marks apart, marks in the order of their combining classes
 *     NFC    the same, then composed where there is one character for them
 *     NFKD, NFKC  the same after compatibility forms became what they stand for ("fi" of one sign)
 *
 * ASCII is the same in all four.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Ordering marks is quadratic in their number on one letter; real text has a handful. */
enum { MARKS_MAX = 4096 };

/* Steps are applied in the order in which they are added. */
int rewriter_add(struct rewriter *rewriter, enum rewrite_kind kind, const char *from,
                 const char *to, struct error *err)
{
    if (rewriter->count == REWRITES_MAX)
        return error_set(err, "more than %d normalizers", REWRITES_MAX);
    struct rewrite step = {kind, NULL, NULL};
    if ((from && !(step.from = string_copy(from, err))) ||
        (to && !(step.to = string_copy(to, err)))) {
        free(step.from);
        return -1;
    }
    rewriter->steps[rewriter->count++] = step;
    return 0;
}

/* Appends text[0..length) in one of Unicode's normal forms. */
static int normal_form(enum rewrite_kind kind, const char *text, size_t length, struct buffer *out,
                       struct error *err)
{
    size_t run = 0, plain = 0;
    while (plain < length && (unsigned char)text[plain] < 0x80)
        plain++;
    if (plain == length) { /* ASCII */
        buffer_append(out, text, length);
        return 0;
    }
    for (size_t i = plain; i < length;) {
        int32_t c = (unsigned char)text[i];
        i += c < 0x80 ? 1 : utf8_decode(text + i, length - i, &c);
        run = c >= 0x80 && utf8proc_get_property(c)->combining_class > 0 ? run + 1 : 0;
        if (run > MARKS_MAX)
            return error_set(err, "more than %d combining marks on one letter", MARKS_MAX);
    }
    int options = UTF8PROC_STABLE;
    options |= kind == REWRITE_NFC || kind == REWRITE_NFKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    if (kind == REWRITE_NFKC || kind == REWRITE_NFKD)
        options |= UTF8PROC_COMPAT;
    utf8proc_uint8_t *result = NULL;
    utf8proc_ssize_t count = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length,
                                          &result, (utf8proc_option_t)options);
    if (count < 0)
        return error_set(err, "text cannot be normalised: %s", utf8proc_errmsg(count));
    buffer_append(out, result, (size_t)count);
    free(result);
    return 0;
}

/* One step, from text[0..length) to the end of *out. */
static int run_step(const struct rewrite *step, const char *text, size_t length,
                    struct rewrite_place place, struct buffer *out, struct error *err)
{
    size_t to_length = step->to ? strlen(step->to) : 0, from_length, kept = 0;
    switch (step->kind) {
    case REWRITE_PREPEND:
    case REWRITE_PREPEND_ONCE:
    case REWRITE_PREPEND_FIRST: {
        bool there =
            length >= to_length && (to_length == 0 || memcmp(text, step->to, to_length) == 0);
        bool wanted = step->kind == REWRITE_PREPEND ||
                      (!there && (step->kind == REWRITE_PREPEND_ONCE || place.starts_input));
        if (length > 0 && place.starts_piece && wanted)
            buffer_text(out, step->to);
        buffer_append(out, text, length);
        return 0;
    }
    case REWRITE_REPLACE:
        from_length = strlen(step->from);
        while (kept < length) {
            const char *hit = memmem(text + kept, length - kept, step->from, from_length);
            size_t plain = hit ? (size_t)(hit - text) - kept : length - kept;
            buffer_append(out, text + kept, plain);
            kept += plain;
            if (hit) {
                buffer_append(out, step->to, to_length);
                kept += from_length;
            }
        }
        return 0;
    default:
        return normal_form(step->kind, text, length, out, err);
    }
}

/* Two buffers take turns, so that a step reads one and writes the other; the result is always in
 * `out`. */
int rewriter_run(struct rewriter *rewriter, const char *text, size_t length,
                 struct rewrite_place place, struct buffer *out, struct error *err)
{
    buffer_clear(out);
    for (int i = 0; i < rewriter->count; i++) {
        struct buffer *target = i ? &rewriter->spare : out;
        const char *from = i ? buffer_string(out) : text;
        buffer_clear(target);
        if (run_step(&rewriter->steps[i], from, i ? out->length : length, place, target, err) != 0)
            return -1;
        if (i) {
            struct buffer swapped = *out;
            *out = rewriter->spare;
            rewriter->spare = swapped;
        }
    }
    if (rewriter->count == 0)
        buffer_append(out, text, length);
    return buffer_check(out, err);
}

void rewriter_free(struct rewriter *rewriter)
{
    for (int i = 0; i < rewriter->count; i++) {
        free(rewriter->steps[i].from);
        free(rewriter->steps[i].to);
    }
    buffer_free(&rewriter->spare);
}
