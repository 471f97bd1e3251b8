/* What a rendering gives: a text, and where each stretch of it comes from. */
#ifndef SPECTRUM_JINJA_RENDERED_H
#define SPECTRUM_JINJA_RENDERED_H

#include "base/buffer.h"

/* A stretch of the output, in bytes. `origin`: of the numbered dictionary (jinja_map.origin) that
 * it was written for: the innermost loop's element, or what the loop's body bound first with
 * {% set %}; 0: none. */
struct jinja_span {
    size_t begin, end;
    int origin;
};
struct jinja_spans {
    struct jinja_span *items;
    size_t count, capacity;
};

struct jinja_output {
    struct buffer text;
    struct jinja_spans generated; /* inside {% generation %}, ascending */
    struct jinja_spans origins;   /* all of the text, ascending, neighbours of one origin joined */
};
void jinja_output_free(struct jinja_output *output);
void jinja_output_clear(struct jinja_output *output);

/* Adds a span. Internal to core/jinja. */
int jinja_spans_add(struct jinja_spans *spans, struct jinja_span span, struct error *err);

#endif
