/* Scopes and output of a rendering.
 *
 * A name is looked for from the innermost scope outwards, then among the caller's variables, which
 * are marked as read, then among the globals; else it is undefined. What is written counts against
 * the bound of the output, captures included, and, where it goes to the output itself, is noted
 * with the origin of the message in hand.
 */
#include "jinja/render/render.h"

#include "base/memory.h"
#include "jinja/objects/objects.h"
#include "jinja/value/value.h"

#include <stdlib.h>
#include <string.h>

/* --- scopes --- */

/* Names that the body sets only later begin as undefined: scopes.c has found them. */
struct scope *scope_new(struct rendering *r, struct scope *outer, const struct body *body)
{
    struct scope *made = jinja_heap_take(r->run.heap, sizeof *made, r->run.err);
    if (!made)
        return NULL;
    made->outer = outer;
    for (size_t i = 0; i < body->unset_count; i++)
        if (scope_set(r, made, body->unset[i], jinja_undefined(body->unset[i]->text)) != 0)
            return NULL;
    return made;
}

/* The variable of a scope, or NULL; a long way to it counts as steps. */
static struct variable *scope_variable(struct rendering *r, const struct scope *scope,
                                       const struct symbol *name)
{
    struct variable *variable = scope->variables;
    size_t passed = 0;
    for (; variable && variable->name != name; passed++)
        variable = variable->next;
    r->run.steps += passed / 16;
    return variable;
}

/* In this scope, over what it has by that name; scopes around it keep theirs. */
int scope_set(struct rendering *r, struct scope *scope, const struct symbol *name,
              struct jinja_value value)
{
    struct variable *variable = scope_variable(r, scope, name);
    if (!variable) {
        variable = jinja_heap_take(r->run.heap, sizeof *variable, r->run.err);
        if (!variable)
            return -1;
        variable->name = name;
        variable->next = scope->variables;
        scope->variables = variable;
    }
    variable->value = value;
    return 0;
}

/* From the innermost scope outwards, then the caller's variables, then the globals. */
int scope_find(struct rendering *r, const struct symbol *name, struct jinja_value *out)
{
    for (const struct scope *scope = r->scope; scope; scope = scope->outer) {
        const struct variable *variable = scope_variable(r, scope, name);
        if (variable) {
            *out = variable->value;
            return 0;
        }
    }
    struct jinja_entry *entry = jinja_find_text(r->variables, name->text);
    if (entry) {
        entry->read = true;
        *out = entry->value;
        return 0;
    }
    int found = jinja_global(&r->run, name->text, out);
    if (found == 0)
        *out = jinja_undefined(name->text);
    return found < 0 ? -1 : 0;
}

/* --- assigning --- */

/* To a name, to an attribute of a namespace, or to several targets at once from as many
 * elements. */
int assign(struct rendering *r, const struct target *target, struct jinja_value value)
{
    struct error *err = r->run.err;
    struct jinja_list *items;
    struct jinja_value space;
    if (target->kind == TARGET_NAME)
        return scope_set(r, r->scope, target->name, value);
    if (target->kind == TARGET_ATTRIBUTE) {
        if (scope_find(r, target->name, &space) != 0)
            return -1;
        if (space.type != JINJA_NAMESPACE)
            return error_set(err, "cannot assign attribute on non-namespace object");
        if (*target->attribute == '_')
            return error_set(err,
                             "the attribute '%s' of a namespace: one that begins with an "
                             "underscore cannot be set",
                             target->attribute);
        return jinja_set(r->run.heap, space.is.map, jinja_string(target->attribute), value, err);
    }
    if (jinja_items(r->run.heap, value, &items, err) != 0)
        return error_set(err, "cannot unpack non-iterable %s object", jinja_type_name(value));
    if (items->count < target->count)
        return error_set(err, "not enough values to unpack (expected %zu, got %zu)", target->count,
                         items->count);
    if (items->count > target->count)
        return error_set(err, "too many values to unpack (expected %zu)", target->count);
    const struct target *t = target->elements;
    for (size_t i = 0; i < items->count; i++, t = t->next)
        if (assign(r, t, items->items[i]) != 0)
            return -1;
    return 0;
}

/* --- text --- */

/* When something was written from `begin` on. */
static int note_written(struct rendering *r, size_t begin)
{
    struct jinja_spans *spans = &r->output->origins;
    struct jinja_span *last = spans->count ? &spans->items[spans->count - 1] : NULL;
    size_t end = r->out->length, count = end - begin;
    r->held += count;
    if (buffer_check(r->out, r->run.err) != 0 || jinja_step(&r->run, count / 64) != 0)
        return -1;
    if (r->held > r->limit)
        return error_set_kind(r->run.err, ERROR_BOUND, "the template writes more than %zu bytes",
                              r->limit);
    if (r->out != &r->output->text || count == 0)
        return 0;
    if (last && last->origin == r->origin) {
        last->end = end;
        return 0;
    }
    return jinja_spans_add(spans, (struct jinja_span){begin, end, r->origin}, r->run.err);
}

int render_value(struct rendering *r, struct jinja_value value)
{
    size_t begin = r->out->length;
    if (jinja_write(r->out, value, r->run.err) != 0)
        return -1;
    return note_written(r, begin);
}

int render_text(struct rendering *r, struct jinja_text text)
{
    size_t begin = r->out->length;
    buffer_append(r->out, text.bytes, text.length);
    return note_written(r, begin);
}

void capture_begin(struct rendering *r, struct capture *capture)
{
    *capture = (struct capture){.outer = r->out};
    r->out = &capture->text;
}

/* What was captured no longer counts as held output: it is a value of the heap from here on. */
int capture_end(struct rendering *r, struct capture *capture, int failed, struct jinja_value *out)
{
    r->out = capture->outer;
    r->held -= capture->text.length <= r->held ? capture->text.length : r->held;
    if (failed) {
        buffer_free(&capture->text);
        return -1;
    }
    return jinja_take_text(r->run.heap, &capture->text, out, r->run.err);
}

/* --- what a rendering gives --- */

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
