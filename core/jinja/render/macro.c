/* Macros and the bodies of call blocks as values: the arguments that they bind, and what a template
 * can ask of them.
 *
 * Parameters take arguments by position, then by name. Those without an argument are undefined
 * until all others are there, and then have their own values, which may name those. What no
 * parameter took is varargs and kwargs where the body uses these names, else an error.
 */
#include "jinja/render/render.h"

#include "jinja/value/value.h"

#include <string.h>

/* The arguments of a call that no parameter took yet. */
struct remaining {
    const struct jinja_arguments *arguments;
    size_t positional; /* taken from the front */
    struct jinja_map *named;
};

/* --- arguments --- */

const char *macro_name(const struct macro *macro)
{
    return macro->name ? macro->name : "caller";
}

/* Takes the argument of a name; false: none was given. */
static bool take_named(struct remaining *remaining, const char *name, struct jinja_value *out)
{
    struct jinja_map *named = remaining->named;
    struct jinja_entry *entry = jinja_find_text(named, name);
    if (!entry)
        return false;
    *out = entry->value;
    size_t after = (size_t)(named->entries + named->count - entry) - 1;
    memmove(entry, entry + 1, after * sizeof *entry);
    named->count--;
    return true;
}

/* First all that are given, then the others' own values. */
static int bind_parameters(struct rendering *r, const struct macro *macro,
                           struct remaining *remaining)
{
    struct jinja_value value;
    bool given[JINJA_PARAMETERS_MAX];
    size_t i = 0;
    for (const struct parameter *p = macro->parameters; p; p = p->next, i++) {
        given[i] = true;
        if (remaining->positional < remaining->arguments->count)
            value = remaining->arguments->values[remaining->positional++];
        else
            given[i] = take_named(remaining, p->name->text, &value);
        if (!given[i])
            value = jinja_undefined(p->name->text);
        if (scope_set(r, r->scope, p->name, value) != 0)
            return -1;
    }
    i = 0;
    for (const struct parameter *p = macro->parameters; p; p = p->next, i++)
        if (!given[i] && p->value &&
            (evaluate_expression(r, p->value, &value) != 0 ||
             scope_set(r, r->scope, p->name, value) != 0))
            return -1;
    return 0;
}

/* caller, kwargs and varargs, where the body uses them; else what no parameter took is an error. */
static int bind_specials(struct rendering *r, const struct macro *macro,
                         struct remaining *remaining)
{
    const struct jinja_arguments *arguments = remaining->arguments;
    struct jinja_value value;
    if (macro->caller && !macro->has_caller_parameter) {
        if (!take_named(remaining, "caller", &value))
            value = jinja_undefined_because("No caller defined");
        if (scope_set(r, r->scope, macro->caller, value) != 0)
            return -1;
    }
    value = (struct jinja_value){.type = JINJA_DICT, .is.map = remaining->named};
    if (macro->kwargs && scope_set(r, r->scope, macro->kwargs, value) != 0)
        return -1;
    if (!macro->kwargs && remaining->named->count) {
        if (jinja_find_text(remaining->named, "caller"))
            return error_set(r->run.err,
                             "macro '%s' was invoked with two values for the special "
                             "caller argument. This is most likely a bug.",
                             macro_name(macro));
        struct jinja_text name = remaining->named->entries[0].key.is.text;
        return error_set(r->run.err, "macro '%s' takes no keyword argument '%.*s'",
                         macro_name(macro), (int)name.length, name.bytes);
    }
    if (macro->varargs) {
        if (jinja_new(r->run.heap, JINJA_TUPLE, &value, r->run.err) != 0)
            return -1;
        for (size_t i = remaining->positional; i < arguments->count; i++)
            if (jinja_append(r->run.heap, value.is.list, arguments->values[i], r->run.err) != 0)
                return -1;
        return scope_set(r, r->scope, macro->varargs, value);
    }
    if (remaining->positional < arguments->count)
        return error_set(r->run.err, "macro '%s' takes not more than %zu argument(s)",
                         macro_name(macro), macro->count);
    return 0;
}

int macro_bind(struct rendering *r, const struct macro *macro,
               const struct jinja_arguments *arguments)
{
    struct remaining remaining = {.arguments = arguments};
    struct jinja_value copy; /* from which what is taken is taken out */
    if (jinja_new(r->run.heap, JINJA_DICT, &copy, r->run.err) != 0)
        return -1;
    for (size_t i = 0; i < arguments->named_count; i++)
        if (jinja_set(r->run.heap, copy.is.map, arguments->named[i].key, arguments->named[i].value,
                      r->run.err) != 0)
            return -1;
    remaining.named = copy.is.map;
    if (bind_parameters(r, macro, &remaining) != 0)
        return -1;
    return bind_specials(r, macro, &remaining);
}

/* --- macros as values --- */

/* The names that jinja2's Macro has; `arguments` is a tuple of the parameters' names. */
int macro_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                    struct jinja_value *out)
{
    const struct macro *macro = ((const struct closure *)callable->data)->macro;
    if (strcmp(name, "arguments") == 0) {
        if (jinja_new(run->heap, JINJA_TUPLE, out, run->err) != 0)
            return -1;
        for (const struct parameter *p = macro->parameters; p; p = p->next)
            if (jinja_append(run->heap, out->is.list, jinja_string(p->name->text), run->err) != 0)
                return -1;
    } else if (strcmp(name, "name") == 0)
        *out = macro->name ? jinja_string(macro->name) : jinja_none();
    else if (strcmp(name, "caller") == 0)
        *out = jinja_bool(macro->caller);
    else if (strcmp(name, "catch_kwargs") == 0)
        *out = jinja_bool(macro->kwargs);
    else if (strcmp(name, "catch_varargs") == 0)
        *out = jinja_bool(macro->varargs);
    else if (strcmp(name, "explicit_caller") == 0)
        *out = jinja_bool(macro->has_caller_parameter);
    else
        return 0;
    return 1;
}
