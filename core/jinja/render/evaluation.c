/* Expressions to values, in Python's order of evaluation: operands from left to right, an operator
 * after its operands, `and`, `or` and `if` only what decides them, a comparison's middle operand
 * once; of a call its subject, then arguments by position, by name, "*", "**". Dictionaries take
 * the last of equal keys. */
#include "jinja/render/render.h"

#include "jinja/objects/objects.h"
#include "jinja/value/value.h"

#include <string.h>

/* --- literals with parts --- */

/* For lists and tuples: elements in their order. */
static int evaluate_list(struct rendering *r, const struct expression *expression,
                         enum jinja_type type, struct jinja_value *out)
{
    struct jinja_value item;
    if (jinja_new(r->run.heap, type, out, r->run.err) != 0)
        return -1;
    for (const struct expression *e = expression->first; e; e = e->next)
        if (evaluate_expression(r, e, &item) != 0 ||
            jinja_append(r->run.heap, out->is.list, item, r->run.err) != 0)
            return -1;
    return 0;
}

/* Keys and values alternate in the list of elements. Steps by the entries so far, as each key is
 * compared with those. */
static int evaluate_dict(struct rendering *r, const struct expression *expression,
                         struct jinja_value *out)
{
    struct jinja_value key, value;
    if (jinja_new(r->run.heap, JINJA_DICT, out, r->run.err) != 0)
        return -1;
    for (const struct expression *e = expression->first; e; e = e->next->next)
        if (evaluate_expression(r, e, &key) != 0 || evaluate_expression(r, e->next, &value) != 0 ||
            jinja_step(&r->run, out->is.map->count / 4) != 0 ||
            jinja_set(r->run.heap, out->is.map, key, value, r->run.err) != 0)
            return -1;
    return 0;
}

/* --- operators --- */

/* The first operand that is true (or, if none is) or false (and), else the last. */
static int evaluate_choice(struct rendering *r, const struct expression *expression,
                           struct jinja_value *out)
{
    bool stop = expression->kind == EXPRESSION_OR;
    for (const struct expression *e = expression->first; e; e = e->next) {
        if (evaluate_expression(r, e, out) != 0)
            return -1;
        if (jinja_truth(*out) == stop)
            break;
    }
    return 0;
}

/* a < b < c is a < b and b < c, with b evaluated once. */
static int evaluate_comparison(struct rendering *r, const struct expression *expression,
                               struct jinja_value *out)
{
    struct jinja_value left, right;
    struct error *err = r->run.err;
    bool holds = true;
    int order;
    if (evaluate_expression(r, expression->first, &left) != 0)
        return -1;
    for (const struct expression *e = expression->first->next; e && holds; e = e->next) {
        const char *op = e->op;
        if (evaluate_expression(r, e, &right) != 0)
            return -1;
        r->run.line = expression->line;
        if (jinja_step(&r->run, jinja_weight(left) + jinja_weight(right)) != 0)
            return -1;
        if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0) {
            holds = jinja_equal(left, right) == (*op == '=');
        } else if (strcmp(op, "in") == 0 || strcmp(op, "not in") == 0) {
            if (jinja_contains(right, left, &holds, err) != 0)
                return -1;
            holds = holds == (*op == 'i');
        } else {
            if (jinja_compare(left, right, &order, err) != 0)
                return -1;
            holds = (op[1] == '=' && order == 0) || (*op == '<' ? order < 0 : order > 0);
        }
        left = right;
    }
    *out = jinja_bool(holds);
    return 0;
}

/* From left to right, each result the next one's left operand. */
static int evaluate_binary(struct rendering *r, const struct expression *expression,
                           struct jinja_value *out)
{
    struct jinja_value right;
    if (evaluate_expression(r, expression->first, out) != 0)
        return -1;
    for (const struct expression *e = expression->first->next; e; e = e->next) {
        if (evaluate_expression(r, e, &right) != 0)
            return -1;
        r->run.line = expression->line;
        if (jinja_binary(&r->run, e->op, *out, right, out) != 0)
            return -1;
    }
    return 0;
}

/* Any values, as str() has them, into one buffer. */
static int evaluate_concat(struct rendering *r, const struct expression *expression,
                           struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    struct jinja_value part;
    for (const struct expression *e = expression->first; e; e = e->next) {
        size_t before = text.length;
        if (evaluate_expression(r, e, &part) != 0 || jinja_write(&text, part, r->run.err) != 0 ||
            jinja_step(&r->run, (text.length - before) / 64) != 0) {
            buffer_free(&text);
            return -1;
        }
    }
    return jinja_take_text(r->run.heap, &text, out, r->run.err);
}

/* -x and +x */
static int evaluate_sign(struct rendering *r, const struct expression *expression,
                         struct jinja_value *out)
{
    bool minus = *expression->first->op == '-';
    if (evaluate_expression(r, expression->first, out) != 0)
        return -1;
    r->run.line = expression->line;
    if (out->type == JINJA_BOOL)
        *out = jinja_int(out->is.truth);
    if (out->type == JINJA_UNDEFINED)
        return jinja_fail_undefined(*out, r->run.err);
    if (out->type == JINJA_FLOAT) {
        out->is.number = minus ? -out->is.number : out->is.number;
        return 0;
    }
    if (out->type != JINJA_INT)
        return error_set(r->run.err, "bad operand type for unary %s: '%s'", expression->first->op,
                         jinja_type_name(*out));
    if (minus && __builtin_sub_overflow(INT64_C(0), out->is.integer, &out->is.integer))
        return error_set(r->run.err, "a whole number that is beyond 64 bits");
    return 0;
}

/* The test first, then only the side that it chooses; without an else an undefined value that says
 * why. */
static int evaluate_condition(struct rendering *r, const struct expression *expression,
                              struct jinja_value *out)
{
    const struct expression *value = expression->first, *test = value->next;
    if (evaluate_expression(r, test, out) != 0)
        return -1;
    if (jinja_truth(*out))
        return evaluate_expression(r, value, out);
    if (test->next)
        return evaluate_expression(r, test->next, out);
    *out = jinja_undefined_because("the inline if-expression evaluated to false and no else "
                                   "section was defined");
    return 0;
}

/* --- chains --- */

/* Adds a keyword argument to named[0..*count). */
static int add_named(struct rendering *r, struct jinja_map *named, struct jinja_value key,
                     struct jinja_value value)
{
    if (key.type != JINJA_STRING)
        return error_set(r->run.err, "keywords must be strings");
    if (jinja_step(&r->run, named->count / 4) != 0)
        return -1;
    if (jinja_find(named, key))
        return error_set(r->run.err, "got multiple values for keyword argument '%.*s'",
                         (int)key.is.text.length, key.is.text.bytes);
    return jinja_set(r->run.heap, named, key, value, r->run.err);
}

/* The arguments of a call, with `caller` where it is one of {% call %}. */
static int evaluate_arguments(struct rendering *r, const struct arguments *arguments,
                              const struct jinja_value *caller, struct jinja_arguments *out)
{
    struct jinja_heap *heap = r->run.heap;
    struct error *err = r->run.err;
    struct jinja_value value, values, named;
    struct jinja_list *items;
    *out = (struct jinja_arguments){0};
    if (!arguments->values && !arguments->named && !arguments->rest && !arguments->rest_named &&
        !caller)
        return 0;
    if (jinja_new(heap, JINJA_LIST, &values, err) != 0 ||
        jinja_new(heap, JINJA_DICT, &named, err) != 0)
        return -1;
    for (const struct expression *e = arguments->values; e; e = e->next)
        if (evaluate_expression(r, e, &value) != 0 ||
            jinja_append(heap, values.is.list, value, err) != 0)
            return -1;
    for (const struct keyword *k = arguments->named; k; k = k->next)
        if (evaluate_expression(r, k->value, &value) != 0 ||
            add_named(r, named.is.map, jinja_string(k->name), value) != 0)
            return -1;
    if (arguments->rest) {
        if (evaluate_expression(r, arguments->rest, &value) != 0 ||
            jinja_items(heap, value, &items, err) != 0 || jinja_step(&r->run, items->count) != 0)
            return -1;
        for (size_t i = 0; i < items->count; i++)
            if (jinja_append(heap, values.is.list, items->items[i], err) != 0)
                return -1;
    }
    if (arguments->rest_named) {
        if (evaluate_expression(r, arguments->rest_named, &value) != 0)
            return -1;
        if (value.type == JINJA_UNDEFINED)
            return jinja_fail_undefined(value, err);
        if (value.type != JINJA_DICT)
            return error_set(err, "argument after ** must be a mapping, not %s",
                             jinja_type_name(value));
        jinja_mark_read(value);
        for (size_t i = 0; i < value.is.map->count; i++) {
            const struct jinja_entry *entry = &value.is.map->entries[i];
            if (add_named(r, named.is.map, entry->key, entry->value) != 0)
                return -1;
        }
    }
    if (caller && add_named(r, named.is.map, jinja_string("caller"), *caller) != 0)
        return -1;
    *out = (struct jinja_arguments){values.is.list->items, values.is.list->count,
                                    named.is.map->entries, named.is.map->count};
    return 0;
}

/* A call, a filter or a test. */
static int evaluate_link_call(struct rendering *r, const struct link *link,
                              const struct jinja_value *caller, struct jinja_value *value)
{
    struct jinja_arguments arguments;
    struct jinja_value subject = *value;
    bool holds;
    if (evaluate_arguments(r, &link->arguments, caller, &arguments) != 0)
        return -1;
    r->run.line = link->line;
    if (link->kind == LINK_CALL)
        return jinja_call(&r->run, subject, &arguments, value);
    if (link->kind == LINK_FILTER && link->filter)
        return link->filter(&r->run, subject, &arguments, value);
    if (!link->test)
        return error_set(r->run.err, "no %s named '%s' found",
                         link->kind == LINK_FILTER ? "filter" : "test", link->name);
    if (link->test(&r->run, subject, &arguments, &holds) != 0)
        return -1;
    *value = jinja_bool(holds != link->negated);
    return 0;
}

/* A key of a dictionary is looked for among all of them. Not inlined: gcc 14 reads the count there
 * before it knows that the value is a dictionary (-O2 and -O3; 12 and 13 do not). */
__attribute__((noinline)) static uint64_t lookup_steps(const struct jinja_value *value)
{
    if (value->type != JINJA_DICT && value->type != JINJA_NAMESPACE)
        return 1;
    return 1 + value->is.map->count / 4;
}

/* What stands after a value, one after another: each link's value is the next one's subject.
 * `caller` goes to the last alone. */
static int evaluate_links(struct rendering *r, const struct link *link,
                          const struct jinja_value *caller, struct jinja_value *value)
{
    for (; link; link = link->next) {
        struct jinja_value at[3];
        const struct expression *e = link->arguments.values;
        int status, count = link->kind == LINK_SLICE ? 3 : link->kind == LINK_ITEM ? 1 : 0;
        if (jinja_step(&r->run, lookup_steps(value)) != 0)
            return -1;
        for (int i = 0; i < count; i++, e = e->next)
            if (evaluate_expression(r, e, &at[i]) != 0)
                return -1;
        r->run.line = link->line;
        if (link->kind == LINK_ATTRIBUTE)
            status = jinja_attribute(&r->run, *value, link->name, value);
        else if (link->kind == LINK_ITEM)
            status = jinja_subscript(&r->run, *value, at[0], value);
        else if (link->kind == LINK_SLICE)
            status = jinja_slice(&r->run, *value, at[0], at[1], at[2], value);
        else
            status = evaluate_link_call(r, link, link->next ? NULL : caller, value);
        if (status != 0)
            return -1;
    }
    return 0;
}

int evaluate_call(struct rendering *r, const struct expression *chain, struct jinja_value caller,
                  struct jinja_value *out)
{
    if (evaluate_expression(r, chain->first, out) != 0)
        return -1;
    return evaluate_links(r, chain->links, &caller, out);
}

int evaluate_filters(struct rendering *r, const struct link *filters, struct jinja_value *value)
{
    return evaluate_links(r, filters, NULL, value);
}

/* --- any --- */

/* One node. What has its own loop or locals is a function of its own, so that this frame, which
 * recursion repeats, stays small. */
static int evaluate_kind(struct rendering *r, const struct expression *expression,
                         struct jinja_value *out)
{
    switch (expression->kind) {
    case EXPRESSION_LITERAL:
        *out = expression->literal;
        return 0;
    case EXPRESSION_NAME:
        return scope_find(r, expression->name, out);
    case EXPRESSION_TUPLE:
        return evaluate_list(r, expression, JINJA_TUPLE, out);
    case EXPRESSION_LIST:
        return evaluate_list(r, expression, JINJA_LIST, out);
    case EXPRESSION_DICT:
        return evaluate_dict(r, expression, out);
    case EXPRESSION_OR:
    case EXPRESSION_AND:
        return evaluate_choice(r, expression, out);
    case EXPRESSION_COMPARE:
        return evaluate_comparison(r, expression, out);
    case EXPRESSION_BINARY:
        return evaluate_binary(r, expression, out);
    case EXPRESSION_CONCAT:
        return evaluate_concat(r, expression, out);
    case EXPRESSION_SIGN:
        return evaluate_sign(r, expression, out);
    case EXPRESSION_CONDITION:
        return evaluate_condition(r, expression, out);
    case EXPRESSION_CHAIN:
        return evaluate_expression(r, expression->first, out) == 0
                   ? evaluate_links(r, expression->links, NULL, out)
                   : -1;
    case EXPRESSION_NOT:
        break;
    }
    if (evaluate_expression(r, expression->first, out) != 0)
        return -1;
    *out = jinja_bool(!jinja_truth(*out));
    return 0;
}

int evaluate_expression(struct rendering *r, const struct expression *expression,
                        struct jinja_value *out)
{
    r->run.line = expression->line;
    if (jinja_enter(&r->run) != 0 || evaluate_kind(r, expression, out) != 0)
        return -1;
    jinja_leave(&r->run);
    return 0;
}
