#include "text/normalize.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Ordering marks is quadratic in their number on one letter; real text has a handful. */
enum { MARKS_MAX = 4096 };

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

static int check_marks(const char *text, size_t length, struct error *err)
{
    size_t run = 0;
    for (size_t i = 0; i < length;) {
        int32_t c = (unsigned char)text[i];
        i += c < 0x80 ? 1 : utf8_decode(text + i, length - i, &c);
        run = c >= 0x80 && utf8proc_get_property(c)->combining_class > 0 ? run + 1 : 0;
        if (run > MARKS_MAX)
            return error_set(err, "more than %d combining marks on one letter", MARKS_MAX);
    }
    return 0;
}

static bool is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

static int normal_form(enum rewrite_kind kind, const char *text, size_t length, struct buffer *out,
                       struct error *err)
{
    if (is_ascii(text, length)) {
        buffer_append(out, text, length);
        return 0;
    }
    if (check_marks(text, length, err) != 0)
        return -1;
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

static void replace(const struct rewrite *step, const char *text, size_t length, struct buffer *out)
{
    size_t from_length = strlen(step->from), to_length = strlen(step->to), kept = 0;
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
}

static bool prepends(const struct rewrite *step, const char *text, size_t length,
                     struct rewrite_place place)
{
    size_t mark = strlen(step->to);
    bool there = length >= mark && memcmp(text, step->to, mark) == 0;
    if (length == 0 || !place.starts_piece)
        return false;
    return step->kind == REWRITE_PREPEND ||
           (!there && (step->kind == REWRITE_PREPEND_ONCE || place.starts_input));
}

static int run_step(const struct rewrite *step, const char *text, size_t length,
                    struct rewrite_place place, struct buffer *out, struct error *err)
{
    switch (step->kind) {
    case REWRITE_PREPEND:
    case REWRITE_PREPEND_ONCE:
    case REWRITE_PREPEND_FIRST:
        if (prepends(step, text, length, place))
            buffer_text(out, step->to);
        buffer_append(out, text, length);
        return 0;
    case REWRITE_REPLACE:
        replace(step, text, length, out);
        return 0;
    default:
        return normal_form(step->kind, text, length, out, err);
    }
}

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
