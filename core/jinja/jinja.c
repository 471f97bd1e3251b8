#include "jinja/jinja.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "jinja/render.h"

#include <stdlib.h>
#include <string.h>

/* --- what a source says --- */

bool jinja_has_generation(const struct jinja_template *parsed)
{
    return parsed->has_generation;
}

static const struct symbol *find_symbol(const struct jinja_template *parsed, const char *name)
{
    for (int i = 0; i < parsed->symbol_count; i++)
        if (strcmp(parsed->symbols[i]->text, name) == 0)
            return parsed->symbols[i];
    return NULL;
}

bool jinja_names(const struct jinja_template *parsed, const char *name)
{
    const struct symbol *symbol = find_symbol(parsed, name);
    return symbol && symbol->named;
}

/* --- output --- */

int jinja_spans_add(struct jinja_spans *spans, struct jinja_span span, struct error *err)
{
    if (array_reserve((void **)&spans->items, &spans->capacity, spans->count + 1,
                      sizeof *spans->items, err) != 0)
        return -1;
    spans->items[spans->count++] = span;
    return 0;
}

void jinja_output_free(struct jinja_output *output)
{
    buffer_free(&output->text);
    free(output->generated.items);
    free(output->origins.items);
    *output = (struct jinja_output){0};
}

void jinja_output_clear(struct jinja_output *output)
{
    buffer_clear(&output->text);
    output->generated.count = 0;
    output->origins.count = 0;
}

/* The ends of {% generation %} are counts of characters behind their beginnings until now. The two
 * differ from what the block wrote only where its text did not reach the output as it was. */
static void end_generated(struct jinja_output *output)
{
    const struct buffer *text = &output->text;
    for (size_t i = 0; i < output->generated.count; i++) {
        struct jinja_span *span = &output->generated.items[i];
        size_t at = span->begin;
        int32_t point;
        for (size_t left = span->end; left && at < text->length; left--)
            at += utf8_decode(text->data + at, text->length - at, &point);
        span->end = at;
    }
}

/* --- rendering --- */

static int render_root(struct rendering *r)
{
    r->scope = scope_new(r, NULL, &r->parsed->body);
    if (!r->scope || run_body(r, &r->parsed->body) == FLOW_FAILED)
        return -1;
    end_generated(r->output);
    return 0;
}

int jinja_render(const struct jinja_template *parsed, const struct jinja_options *options,
                 struct jinja_value variables, struct jinja_output *out, struct error *err)
{
    struct error local = ERROR_INIT;
    struct rendering r = {
        .run = {.heap = options->heap, .options = options, .line = 1, .err = err ? err : &local},
        .parsed = parsed,
        .variables = variables.is.map,
        .loop = find_symbol(parsed, "loop"),
        .output = out,
        .out = &out->text,
        .limit = options->output ? options->output : JINJA_OUTPUT_DEFAULT,
    };
    if (variables.type != JINJA_DICT)
        return error_set(err, "the variables of a template must be a dictionary");
    jinja_output_clear(out);
    return render_root(&r) == 0 ? 0 : error_prefix(err, "line %d", r.run.line);
}
