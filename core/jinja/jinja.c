/* From a source to a template, from a template to a text: the face of the folders below.
 *
 *     jinja_parse   lexer, parser and scopes into the template's own heap, which has the tree's bound
 *     jinja_render  a run with its bounds on the stack, then execute_template()
 *
 *     bound                  default      error names
 *     source                 1 MiB        its bytes
 *     tree                   128 MiB      memory
 *     steps                  20,000,000   steps
 *     output, captures too   256 MiB      bytes written
 *     values                 heap's own   memory
 *     depth                  1,000        levels
 */
#include "jinja/jinja.h"

#include "base/text.h"
#include "jinja/filters/filters.h"
#include "jinja/parse/parse.h"
#include "jinja/render/render.h"

#include <string.h>

enum {
    STEPS_DEFAULT = 20000000,   /* nodes that are evaluated */
    OUTPUT_DEFAULT = 256 << 20, /* bytes that are written */
};

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

/* --- parsing --- */

/* Errors name the line of the token that did not fit; those of scopes name their own. */
static int parse_into(struct jinja_template *parsed, const char *source, size_t length,
                      struct error *err)
{
    struct parser parser = {.parsed = parsed, .err = err};
    if (lexer_init(&parser.lexer, parsed->heap, source, length, err) != 0)
        return -1;
    if (lexer_next(&parser.lexer, &parser.next, err) != 0)
        return error_prefix(err, "line %d", parser.lexer.line);
    if (parser_advance(&parser) != 0 || parse_template(&parser, &parsed->body) != 0)
        return error_prefix(err, "line %d", parser.token.line);
    return jinja_check_scopes(parsed, err);
}

/* The template lives in the heap that it is parsed into: freeing that is freeing it. */
int jinja_parse(struct jinja_template **out, const char *source, size_t length, struct error *err)
{
    *out = NULL;
    if (length > JINJA_SOURCE_MAX)
        return error_set(err, "a template of %zu bytes; at most %d are read", length,
                         JINJA_SOURCE_MAX);
    if (!utf8_valid(source, length))
        return error_set(err, "a template must be UTF-8");
    struct jinja_heap *heap = jinja_heap_new(JINJA_TREE_MAX, err);
    struct jinja_template *parsed = heap ? jinja_heap_take(heap, sizeof *parsed, err) : NULL;
    if (parsed)
        parsed->heap = heap;
    if (!parsed || parse_into(parsed, source, length, err) != 0) {
        jinja_heap_free(heap);
        return -1;
    }
    *out = parsed;
    return 0;
}

void jinja_template_free(struct jinja_template *parsed)
{
    if (parsed)
        jinja_heap_free(parsed->heap);
}

/* --- rendering --- */

/* All that a rendering knows is on this stack frame or in the caller's heap; the template is only
 * read, so several renderings of it may run at once. */
int jinja_render(const struct jinja_template *parsed, const struct jinja_options *options,
                 struct jinja_value variables, struct jinja_output *out, struct error *err)
{
    struct error local = ERROR_INIT;
    struct rendering r = {
        .run = {.heap = options->heap,
                .library = &jinja_library,
                .steps_max = options->steps ? options->steps : STEPS_DEFAULT,
                .now = options->now,
                .line = 1,
                .err = err ? err : &local},
        .parsed = parsed,
        .variables = variables.is.map,
        .loop = find_symbol(parsed, "loop"),
        .output = out,
        .out = &out->text,
        .limit = options->output ? options->output : OUTPUT_DEFAULT,
    };
    if (variables.type != JINJA_DICT)
        return error_set(err, "the variables of a template must be a dictionary");
    jinja_output_clear(out);
    return execute_template(&r) == 0 ? 0 : error_prefix(err, "line %d", r.run.line);
}
