/* Spans of a text, followed through the rewriting of its pieces. */
#ifndef SPECTRUM_TEXT_SPANS_H
#define SPECTRUM_TEXT_SPANS_H

#include "text/normalize.h"
#include "text/token_list.h"

struct span_list {
    struct text_span *items;
    size_t count, capacity;
};

/* Fills *local with the parts of the spans that lie in [begin, end) of the text, counted in the
 * bytes of that piece after rewriting. Lengths are added up from border to border, so a letter that
 * composes across a span's border may shift one by that letter. */
int spans_enter(struct span_list *local, const struct text_span *spans, size_t count,
                const char *text, size_t begin, size_t end, struct rewriter *rewriter,
                struct rewrite_place place, struct error *err);
void spans_free(struct span_list *list);

/* Asked for ascending ranges. */
struct span_cursor {
    const struct text_span *spans;
    size_t count, next;
};

/* The weight of the first span of which [begin, end) holds a byte; 0 where there is none. */
float spans_touch(struct span_cursor *cursor, size_t begin, size_t end);

#endif
