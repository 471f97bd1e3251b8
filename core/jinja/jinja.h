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
 *
 * A template is made once by jinja_parse(), never changes, and is freed by jinja_template_free().
 * For a rendering its user makes a heap (value/heap.h), the variables in it, and an output, which
 * jinja_render() clears and fills; several renderings may share all three one after another:
 *
 *     jinja_heap_new -> jinja_from_json, jinja_set -> jinja_render -> jinja_heap_release -> ...
 *
 * What lies where, from below: `value` (values, texts, characters), `run` (bounds, calls,
 * arguments), `format`, `methods`, `objects` (attributes, operators, globals), `filters` (and
 * tests), `parse` (source to tree), `render` (tree to text). Each folder sees those before it.
 */
#ifndef SPECTRUM_JINJA_JINJA_H
#define SPECTRUM_JINJA_JINJA_H

#include "jinja/render/rendered.h"
#include "jinja/value/value.h"

#include <time.h>

struct jinja_template;

/* Parses a source of UTF-8. Errors name the line. */
int jinja_parse(struct jinja_template **out, const char *source, size_t length, struct error *err);
void jinja_template_free(struct jinja_template *parsed);

/* Does the source have {% generation %}? */
bool jinja_has_generation(const struct jinja_template *parsed);

/* Does an expression of the source name this variable or function? */
bool jinja_names(const struct jinja_template *parsed, const char *name);

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
