/* What jinja2's compiler finds out about a tree before it runs.
 *
 * Names: a scope (the root, a loop's body, a macro ...) that sets a name, without having read it
 * before or set it under a condition, has that name from its start on, undefined, unless a scope
 * around it knows the name. Bodies within, which may run before it is set, find it so, and not the
 * variable of that name that the caller gave.
 *
 * Filters and tests that do not exist are errors at once, but for those under an {% if %} or in a
 * conditional expression, which only fail when they are run.
 *
 * Each scope is gone through twice: first what it has itself, so that all its names are known, then
 * the scopes within.
 */
#include "jinja/parse/parse.h"

#include <string.h>

enum { NAME_UNKNOWN, NAME_KNOWN, NAME_UNSET /* known, and undefined from the start */ };

struct frame {
    const struct frame *outer;
    unsigned char names[JINJA_NAMES_MAX]; /* of each symbol */
    bool conditional;                     /* what is visited is under an if */
};

struct check {
    struct jinja_template *parsed;
    int depth, line;
    bool soft; /* unknown filters may stand here */
    struct error *err;
};

static int too_high(struct check *check)
{
    return error_set(check->err, "more than %d expressions and blocks within one another",
                     JINJA_HEIGHT_MAX);
}

static int check_expression(struct check *check, struct frame *frame,
                            const struct expression *expression);
/* --- names --- */

static bool known_around(const struct frame *frame, const struct symbol *name)
{
    for (; frame; frame = frame->outer)
        if (frame->names[name->id])
            return true;
    return false;
}

static void know_name(struct frame *frame, const struct symbol *name)
{
    if (!frame->names[name->id])
        frame->names[name->id] = NAME_KNOWN;
}

/* The target of a set; `given`: a loop's or a with's, which has its value from the start. */
static void set_target(struct frame *frame, const struct target *target, bool given)
{
    if (target->kind == TARGET_TUPLE) {
        for (const struct target *t = target->elements; t; t = t->next)
            set_target(frame, t, given);
        return;
    }
    bool unset = target->kind == TARGET_NAME && !given && !frame->conditional &&
                 !known_around(frame, target->name);
    know_name(frame, target->name);
    if (unset)
        frame->names[target->name->id] = NAME_UNSET;
}

/* --- expressions --- */

static int check_list(struct check *check, struct frame *frame, const struct expression *first)
{
    for (; first; first = first->next)
        if (check_expression(check, frame, first) != 0)
            return -1;
    return 0;
}

/* Filters and tests by name, and what their arguments read. */
static int check_links(struct check *check, struct frame *frame, const struct link *link)
{
    for (; link; link = link->next) {
        bool missing = (link->kind == LINK_FILTER && !link->filter) ||
                       (link->kind == LINK_TEST && !link->test);
        check->line = link->line;
        if (missing && !check->soft)
            return error_set(check->err, "no %s named '%s'",
                             link->kind == LINK_FILTER ? "filter" : "test", link->name);
        const struct arguments *arguments = &link->arguments;
        if (check_list(check, frame, arguments->values) != 0 ||
            check_list(check, frame, arguments->rest) != 0 ||
            check_list(check, frame, arguments->rest_named) != 0)
            return -1;
        for (const struct keyword *k = arguments->named; k; k = k->next)
            if (check_expression(check, frame, k->value) != 0)
                return -1;
    }
    return 0;
}

/* Reading a name makes it known: it is then the caller's or a global, and no later set makes it
 * unset from the start. */
static int check_expression(struct check *check, struct frame *frame,
                            const struct expression *expression)
{
    bool soft = check->soft;
    if (!expression)
        return 0;
    check->line = expression->line;
    if (check->depth++ == JINJA_HEIGHT_MAX)
        return too_high(check);
    if (expression->kind == EXPRESSION_NAME && !known_around(frame, expression->name)) {
        if (strcmp(expression->name->text, "self") == 0)
            return error_set(check->err, "'self' is not supported: chat templates have no blocks");
        know_name(frame, expression->name);
    }
    check->soft |= expression->kind == EXPRESSION_CONDITION;
    if (check_list(check, frame, expression->first) != 0 ||
        check_links(check, frame, expression->links) != 0)
        return -1;
    check->soft = soft;
    check->depth--;
    return 0;
}

/* --- statements: first what a scope has itself, then the scopes within --- */

static int visit_body(struct check *check, struct frame *frame, const struct body *body);

/* In the order in which the statement evaluates. */
static int visit_statement(struct check *check, struct frame *frame,
                           const struct statement *statement)
{
    bool prints = statement->kind == STATEMENT_PRINT;
    if (prints ? check_list(check, frame, statement->value)
               : check_expression(check, frame, statement->value))
        return -1;
    for (const struct binding *b = statement->bindings; b; b = b->next)
        if (check_expression(check, frame, b->value) != 0)
            return -1;
    if (statement->target && statement->kind != STATEMENT_FOR)
        set_target(frame, statement->target, false);
    if (statement->kind == STATEMENT_FILTER && check_links(check, frame, statement->filters) != 0)
        return -1;
    bool soft = check->soft, conditional = frame->conditional;
    check->soft = true;
    for (const struct branch *branch = statement->branches; branch; branch = branch->next) {
        if (check_expression(check, frame, branch->test) != 0)
            return -1;
        frame->conditional = true;
        if (visit_body(check, frame, &branch->body) != 0)
            return -1;
    }
    check->soft = soft;
    frame->conditional = conditional;
    return 0;
}

/* Depth is bounded here, too: blocks nest without an expression between them. */
static int visit_body(struct check *check, struct frame *frame, const struct body *body)
{
    if (check->depth++ == JINJA_HEIGHT_MAX)
        return too_high(check);
    for (const struct statement *s = body->first; s; s = s->next)
        if (visit_statement(check, frame, s) != 0)
            return -1;
    check->depth--;
    return 0;
}

/* --- scopes --- */

static int enter_body(struct check *check, const struct frame *frame, struct body *body);

/* The rest of a scope whose frame knows what it is given: the names that it leaves unset are kept
 * with the body; then the scopes within. */
static int check_body(struct check *check, struct frame *frame, struct body *body)
{
    struct jinja_template *parsed = check->parsed;
    size_t count = 0;
    if (visit_body(check, frame, body) != 0)
        return -1;
    for (int i = 0; i < parsed->symbol_count; i++)
        count += frame->names[i] == NAME_UNSET;
    if (count > 0) {
        body->unset = jinja_heap_take(parsed->heap, count * sizeof *body->unset, check->err);
        if (!body->unset)
            return -1;
        for (int i = 0; i < parsed->symbol_count; i++)
            if (frame->names[i] == NAME_UNSET)
                body->unset[body->unset_count++] = parsed->symbols[i];
    }
    return enter_body(check, frame, body);
}

/* A loop has its target and `loop`; the filter after its `if` has no more than the target. */
static int check_loop(struct check *check, const struct frame *outer, struct statement *loop)
{
    struct jinja_template *parsed = check->parsed;
    struct frame frame = {.outer = outer};
    set_target(&frame, loop->target, true);
    if (check_expression(check, &frame, loop->test) != 0)
        return -1;
    frame = (struct frame){.outer = outer};
    set_target(&frame, loop->target, true);
    for (int i = 0; i < parsed->symbol_count; i++)
        if (strcmp(parsed->symbols[i]->text, "loop") == 0)
            know_name(&frame, parsed->symbols[i]);
    return check_body(check, &frame, &loop->body);
}

/* Parameters are known in the body and in each other's default values. */
static int check_macro(struct check *check, const struct frame *outer, struct macro *macro)
{
    struct frame frame = {.outer = outer};
    const struct symbol *const specials[] = {macro->caller, macro->varargs, macro->kwargs};
    for (int i = 0; i < 3; i++)
        if (specials[i])
            know_name(&frame, specials[i]);
    for (const struct parameter *p = macro->parameters; p; p = p->next)
        know_name(&frame, p->name);
    for (const struct parameter *p = macro->parameters; p; p = p->next)
        if (check_expression(check, &frame, p->value) != 0)
            return -1;
    return check_body(check, &frame, &macro->body);
}

/* The bodies of with, filter, set and a loop's else. */
static int check_plain(struct check *check, const struct frame *outer, struct statement *statement,
                       struct body *body)
{
    struct frame frame = {.outer = outer};
    for (const struct binding *b = statement->bindings; b; b = b->next)
        set_target(&frame, b->target, true);
    if (check_body(check, &frame, body) != 0)
        return -1;
    return check_links(check, &frame, statement->filters);
}

/* The scopes that a statement opens; branches are not scopes, but may have some. */
static int enter_statement(struct check *check, const struct frame *frame, struct statement *s)
{
    bool loop = s->kind == STATEMENT_FOR;
    for (struct branch *b = s->branches; b; b = b->next)
        if (enter_body(check, frame, &b->body) != 0)
            return -1;
    if (loop && check_loop(check, frame, s) != 0)
        return -1;
    if (s->macro && check_macro(check, frame, s->macro) != 0)
        return -1;
    return check_plain(check, frame, s, loop ? &s->otherwise : &s->body);
}

static int enter_body(struct check *check, const struct frame *frame, struct body *body)
{
    for (struct statement *s = body->first; s; s = s->next)
        if ((s->target || s->macro || s->branches || s->body.first || s->filters) &&
            enter_statement(check, frame, s) != 0)
            return -1;
    return 0;
}

int jinja_check_scopes(struct jinja_template *parsed, struct error *err)
{
    struct check check = {.parsed = parsed, .err = err};
    struct frame frame = {0};
    if (check_body(&check, &frame, &parsed->body) != 0)
        return error_prefix(err, "line %d", check.line);
    return 0;
}
