/* Statements. */
#include "jinja/render.h"

/* A body in a scope of its own; the scope is left whatever happens. */
static enum flow run_scoped(struct rendering *r, const struct body *body, struct scope *scope)
{
    struct scope *outer = r->scope;
    r->scope = scope;
    enum flow flow = run_body(r, body);
    r->scope = outer;
    return flow;
}

/* What a filter or call block writes must be a text, as jinja2 joins it to the others. */
static int render_joined(struct rendering *r, struct jinja_value value)
{
    if (value.type != JINJA_STRING)
        return error_set(r->run.err, "expected a text, got a value of type '%s'",
                         jinja_type_name(value));
    return render_text(r, value.is.text);
}

static int run_print(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    for (const struct expression *e = statement->value; e; e = e->next)
        if (evaluate_expression(r, e, &value) != 0 || render_value(r, value) != 0)
            return -1;
    return 0;
}

static enum flow run_if(struct rendering *r, const struct statement *statement)
{
    struct jinja_value test;
    for (const struct branch *b = statement->branches; b; b = b->next) {
        if (b->test && evaluate_expression(r, b->test, &test) != 0)
            return FLOW_FAILED;
        if (!b->test || jinja_truth(test))
            return run_body(r, &b->body);
    }
    return FLOW_ON;
}

/* In a loop over what is no numbered dictionary, the first of these that is set says what the
 * iteration is about. */
static void note_binding(struct rendering *r, struct jinja_value value)
{
    if (r->origin_open && value.type == JINJA_DICT && value.is.map->origin) {
        r->origin = value.is.map->origin;
        r->origin_open = false;
    }
}

/* jinja2 looks at all the namespaces that a set assigns to before it evaluates what. */
static int check_spaces(struct rendering *r, const struct target *target)
{
    struct jinja_value space;
    for (const struct target *t = target->elements; t; t = t->next)
        if (check_spaces(r, t) != 0)
            return -1;
    if (target->kind != TARGET_ATTRIBUTE)
        return 0;
    if (scope_find(r, target->name, &space) != 0)
        return -1;
    if (space.type != JINJA_NAMESPACE)
        return error_set(r->run.err, "cannot assign attribute on non-namespace object");
    return 0;
}

static int run_set(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    if (check_spaces(r, statement->target) != 0 ||
        evaluate_expression(r, statement->value, &value) != 0)
        return -1;
    r->run.line = statement->line;
    note_binding(r, value);
    return assign(r, statement->target, value);
}

/* Runs the body of a filter or set block in its own scope and gives its text, filtered there. The
 * body may leave a loop: then there is no value. */
static enum flow run_filtered(struct rendering *r, const struct statement *statement,
                              struct jinja_value *out)
{
    struct capture capture;
    struct scope *outer = r->scope, *scope = scope_new(r, outer, &statement->body);
    if (!scope)
        return FLOW_FAILED;
    capture_begin(r, &capture);
    enum flow flow = run_scoped(r, &statement->body, scope);
    if (capture_end(r, &capture, flow == FLOW_FAILED, out) != 0)
        return FLOW_FAILED;
    if (flow != FLOW_ON)
        return flow;
    r->scope = scope;
    if (evaluate_filters(r, statement->filters, out) != 0)
        return FLOW_FAILED;
    r->scope = outer;
    r->run.line = statement->line;
    return FLOW_ON;
}

static enum flow run_capture(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    enum flow flow = run_filtered(r, statement, &value);
    if (flow != FLOW_ON)
        return flow;
    return assign(r, statement->target, value) == 0 ? FLOW_ON : FLOW_FAILED;
}

static enum flow run_filter(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    enum flow flow = run_filtered(r, statement, &value);
    if (flow != FLOW_ON)
        return flow;
    return render_joined(r, value) == 0 ? FLOW_ON : FLOW_FAILED;
}

/* The values are those of outside, also where a name before has the same. */
static enum flow run_with(struct rendering *r, const struct statement *statement)
{
    struct scope *outer = r->scope, *scope = scope_new(r, outer, &statement->body);
    struct jinja_value value;
    if (!scope)
        return FLOW_FAILED;
    for (const struct binding *b = statement->bindings; b; b = b->next) {
        if (evaluate_expression(r, b->value, &value) != 0)
            return FLOW_FAILED;
        r->scope = scope;
        if (assign(r, b->target, value) != 0)
            return FLOW_FAILED;
        r->scope = outer;
    }
    return run_scoped(r, &statement->body, scope);
}

static int run_macro(struct rendering *r, const struct statement *statement)
{
    struct jinja_value made;
    if (macro_new(r, statement->macro, &made) != 0)
        return -1;
    return assign(r, statement->target, made);
}

static int run_call(struct rendering *r, const struct statement *statement)
{
    struct jinja_value caller, value;
    if (macro_new(r, statement->macro, &caller) != 0 ||
        evaluate_call(r, statement->value, caller, &value) != 0)
        return -1;
    return render_joined(r, value);
}

/* Characters of a text. */
static size_t count_characters(struct jinja_text text)
{
    return (size_t)jinja_length(jinja_text(text.bytes, text.length));
}

/* As transformers counts it: from what the root has written so far, as many characters as the block
 * has; jinja_render() makes bytes of them. */
static int run_generation(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    if (macro_text(r, statement->macro, &value) != 0)
        return -1;
    struct jinja_span span = {r->output->text.length, count_characters(value.is.text), r->origin};
    if (jinja_spans_add(&r->output->generated, span, r->run.err) != 0)
        return -1;
    return render_text(r, value.is.text);
}

static enum flow flow_of(int failed)
{
    return failed ? FLOW_FAILED : FLOW_ON;
}

static enum flow run_statement(struct rendering *r, const struct statement *statement)
{
    switch (statement->kind) {
    case STATEMENT_TEXT:
        return flow_of(render_text(r, statement->text));
    case STATEMENT_PRINT:
        return flow_of(run_print(r, statement));
    case STATEMENT_IF:
        return run_if(r, statement);
    case STATEMENT_FOR:
        return run_for(r, statement);
    case STATEMENT_BREAK:
        return FLOW_BREAK;
    case STATEMENT_CONTINUE:
        return FLOW_CONTINUE;
    case STATEMENT_SET:
        return flow_of(run_set(r, statement));
    case STATEMENT_CAPTURE:
        return run_capture(r, statement);
    case STATEMENT_MACRO:
        return flow_of(run_macro(r, statement));
    case STATEMENT_CALL:
        return flow_of(run_call(r, statement));
    case STATEMENT_GENERATION:
        return flow_of(run_generation(r, statement));
    case STATEMENT_FILTER:
        return run_filter(r, statement);
    case STATEMENT_WITH:
        return run_with(r, statement);
    }
    return FLOW_FAILED;
}

enum flow run_body(struct rendering *r, const struct body *body)
{
    if (render_enter(r) != 0)
        return FLOW_FAILED;
    for (const struct statement *s = body->first; s; s = s->next) {
        r->run.line = s->line;
        enum flow flow = jinja_step(&r->run, 1) == 0 ? run_statement(r, s) : FLOW_FAILED;
        if (flow != FLOW_ON) {
            render_leave(r);
            return flow;
        }
    }
    render_leave(r);
    return FLOW_ON;
}
