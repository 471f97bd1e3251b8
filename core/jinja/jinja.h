/* Chat templates: the part of the Jinja language that they use, as transformers runs it.
 *
 * transformers renders with jinja2's ImmutableSandboxedEnvironment (trim_blocks, lstrip_blocks,
 * loop controls, {% generation %}, raise_exception(), strftime_now(), a tojson without escapes);
 * what this renders is equal to that, and what that refuses is refused. What the language has
 * beyond it (include, import, extends, blocks, autoescape, translations) is refused by name when
 * the source is parsed.
 *
 * Sources and values are hostile. Nothing of the host is within reach: no files, no names but those
 * that were set, no attribute that is not listed. Steps, memory, output and depth are bounded; what
 * goes over a bound is an error that names it.
 */
#ifndef SPECTRUM_JINJA_JINJA_H
#define SPECTRUM_JINJA_JINJA_H

#include "jinja/value.h"

#include <time.h>

struct jinja_template;

/* Parses a source of UTF-8. Errors name the line. */
int jinja_parse(struct jinja_template **out, const char *source, size_t length, struct error *err);
void jinja_template_free(struct jinja_template *parsed);

/* Does the source have {% generation %}? */
bool jinja_has_generation(const struct jinja_template *parsed);

/* Does an expression of the source name this variable or function? */
bool jinja_names(const struct jinja_template *parsed, const char *name);

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

struct jinja_options {
    struct jinja_heap *heap; /* what the rendering takes stays taken */
    uint64_t steps;          /* most nodes that are evaluated; 0: 20 million */
    size_t output;           /* most bytes that are written; 0: 256 MiB */
    time_t now;              /* of strftime_now(), local time */
};

/* Renders with the variables of a dictionary into a cleared output. An error of the template or of
 * raise_exception() names the line. */
int jinja_render(const struct jinja_template *parsed, const struct jinja_options *options,
                 struct jinja_value variables, struct jinja_output *out, struct error *err);

#endif
