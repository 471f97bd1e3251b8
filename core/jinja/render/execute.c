/* Statements: what they write. Loops and macros are here, too, as their bodies are statements, too.
 *
 * A body ends by a flow: it went through, met {% break %} or {% continue %}, which the loop around
 * it takes, or failed, and then the rendering is over and nothing is put back.
 */
#include "jinja/render/render.h"

#include "base/text.h"
#include "jinja/run/run.h"

/* How a body ended: it failed, went through, or met {% break %} or {% continue %}. */
enum flow { FLOW_FAILED = -1, FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static enum flow run_body(struct rendering *r, const struct body *body);

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

/* The first branch whose test is true; `else` is a branch without a test. */
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

/* In a loop over what is not a numbered dictionary, the first of these that is set says what the
 * iteration is about. */
static int run_set(struct rendering *r, const struct statement *statement)
{
    struct jinja_value value;
    if (check_spaces(r, statement->target) != 0 ||
        evaluate_expression(r, statement->value, &value) != 0)
        return -1;
    r->run.line = statement->line;
    if (r->origin_open && value.type == JINJA_DICT && value.is.map->origin) {
        r->origin = value.is.map->origin;
        r->origin_open = false;
    }
    return assign(r, statement->target, value);
}

/* Runs the body of a filter or set block in its own scope and filters its text there; a set block
 * has the text as a value, a filter block writes it. The body may leave a loop: then there is no
 * text. */
static enum flow run_filtered(struct rendering *r, const struct statement *statement)
{
    struct capture capture;
    struct jinja_value text;
    struct scope *outer = r->scope, *scope = scope_new(r, outer, &statement->body);
    if (!scope)
        return FLOW_FAILED;
    capture_begin(r, &capture);
    enum flow flow = run_scoped(r, &statement->body, scope);
    if (capture_end(r, &capture, flow == FLOW_FAILED, &text) != 0)
        return FLOW_FAILED;
    if (flow != FLOW_ON)
        return flow;
    r->scope = scope;
    if (evaluate_filters(r, statement->filters, &text) != 0)
        return FLOW_FAILED;
    r->scope = outer;
    r->run.line = statement->line;
    int status = statement->kind == STATEMENT_CAPTURE ? assign(r, statement->target, text)
                                                      : render_joined(r, text);
    return status == 0 ? FLOW_ON : FLOW_FAILED;
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

/* --- macros and call blocks --- */

/* The body's text in r->scope. A {% set %} within says nothing of the loop around the call. */
static int run_macro_body(struct rendering *r, const struct macro *macro, struct jinja_value *out)
{
    struct capture capture;
    int origin = r->origin;
    bool origin_open = r->origin_open;
    r->origin_open = false;
    capture_begin(r, &capture);
    enum flow flow = run_body(r, &macro->body);
    r->origin = origin;
    r->origin_open = origin_open;
    return capture_end(r, &capture, flow == FLOW_FAILED ? -1 : 0, out);
}

/* The scope of a macro's body lies in the one that the macro was made in, not in the caller's. */
static int call_closure(struct rendering *r, const struct closure *closure,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    struct scope *caller = r->scope;
    r->scope = scope_new(r, closure->scope, &closure->macro->body);
    if (!r->scope || macro_bind(r, closure->macro, arguments) != 0 ||
        run_macro_body(r, closure->macro, out) != 0)
        return -1;
    r->scope = caller;
    return 0;
}

static int macro_call(struct jinja_run *run, struct jinja_callable *callable,
                      const struct jinja_arguments *arguments, struct jinja_value *out)
{
    return call_closure(rendering_of(run), callable->data, arguments, out);
}

/* A macro as a value, with the scope around it. */
static int macro_new(struct rendering *r, const struct macro *macro, struct jinja_value *out)
{
    struct jinja_callable *made = jinja_heap_take(r->run.heap, sizeof *made, r->run.err);
    struct closure *closure = jinja_heap_take(r->run.heap, sizeof *closure, r->run.err);
    if (!made || !closure)
        return -1;
    *closure = (struct closure){macro, r->scope};
    *made = (struct jinja_callable){.name = macro_name(macro),
                                    .call = macro_call,
                                    .attribute = macro_attribute,
                                    .data = closure};
    *out = (struct jinja_value){.type = JINJA_CALLABLE, .is.callable = made};
    return 0;
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

/* --- generation --- */

/* What the body writes without any argument. As transformers counts it: from what the root has
 * written so far, as many characters as the block has; execute_template() makes bytes of them. */
static int run_generation(struct rendering *r, const struct statement *statement)
{
    const struct closure here = {statement->macro, r->scope};
    const struct jinja_arguments none = {0};
    struct jinja_value value;
    if (call_closure(r, &here, &none, &value) != 0)
        return -1;
    struct jinja_value plain = jinja_text(value.is.text.bytes, value.is.text.length);
    struct jinja_span span = {r->output->text.length, (size_t)jinja_length(plain), r->origin};
    if (jinja_spans_add(&r->output->generated, span, r->run.err) != 0)
        return -1;
    return render_text(r, value.is.text);
}

/* --- loops --- */

/* Text that is written for an element has its origin. Elements that have none leave it as it is
 * around the loop; and where there is none either, the body's first {% set %} may say one. */
static enum flow run_items(struct loop *loop)
{
    struct rendering *r = loop->r;
    const struct statement *statement = loop->statement;
    const struct jinja_value self = {.type = JINJA_CALLABLE, .is.callable = &loop->callable};
    struct scope *caller = r->scope;
    int around = r->origin, found = 0;
    bool around_open = r->origin_open;
    enum flow flow = FLOW_ON;
    struct jinja_value item;
    while (flow != FLOW_BREAK && (found = loop_take(loop, &item)) == 1) {
        bool numbered = item.type == JINJA_DICT && item.is.map->origin;
        r->origin = numbered ? item.is.map->origin : around;
        r->origin_open = r->origin == 0;
        loop->index0++;
        loop->before = loop->current;
        loop->current = item;
        r->scope = scope_new(r, loop->outer, &statement->body);
        if (!r->scope || (r->loop && scope_set(r, r->scope, r->loop, self) != 0) ||
            assign(r, statement->target, item) != 0)
            return FLOW_FAILED;
        flow = run_body(r, &statement->body);
        r->scope = caller;
        if (flow == FLOW_FAILED)
            return FLOW_FAILED;
        loop->completed |= flow == FLOW_ON;
    }
    r->origin = around;
    r->origin_open = around_open;
    return found < 0 ? FLOW_FAILED : FLOW_ON;
}

static int loop_call(struct jinja_run *run, struct jinja_callable *callable,
                     const struct jinja_arguments *arguments, struct jinja_value *out);

/* Goes through a value. `else` runs where no iteration came to its end: also when one was left by
 * break or continue, as jinja2 notes it after the body. */
static enum flow run_loop(struct rendering *r, const struct statement *statement,
                          struct scope *outer, struct jinja_value over, int depth0)
{
    struct loop *loop = jinja_heap_take(r->run.heap, sizeof *loop, r->run.err);
    if (!loop)
        return FLOW_FAILED;
    *loop = (struct loop){
        .r = r,
        .statement = statement,
        .outer = outer,
        .index0 = -1,
        .length = -1,
        .depth0 = depth0,
        .callable = {.name = "loop", .call = loop_call, .attribute = loop_attribute, .data = loop}};
    if (jinja_items(r->run.heap, over, &loop->items, r->run.err) != 0 ||
        run_items(loop) == FLOW_FAILED)
        return FLOW_FAILED;
    if (loop->completed)
        return FLOW_ON;
    struct scope *scope = scope_new(r, outer, &statement->otherwise);
    return scope ? run_scoped(r, &statement->otherwise, scope) : FLOW_FAILED;
}

/* A recursive loop writes into a text of its own. */
static int run_recursive(struct rendering *r, const struct statement *statement,
                         struct scope *outer, struct jinja_value over, int depth0,
                         struct jinja_value *out)
{
    struct capture capture;
    capture_begin(r, &capture);
    enum flow flow = run_loop(r, statement, outer, over, depth0);
    return capture_end(r, &capture, flow == FLOW_FAILED ? -1 : 0, out);
}

/* loop(values): the body once more, for those. */
static int loop_call(struct jinja_run *run, struct jinja_callable *callable,
                     const struct jinja_arguments *arguments, struct jinja_value *out)
{
    static const char *const names[] = {"iterable", NULL};
    const struct loop *loop = callable->data;
    struct jinja_value over = jinja_none();
    if (jinja_bind(run, "loop()", arguments, names, 1, &over) != 0)
        return -1;
    if (!loop->statement->recursive)
        return error_set(run->err, "The loop must have the 'recursive' marker to be called "
                                   "recursively.");
    return run_recursive(loop->r, loop->statement, loop->outer, over, loop->depth0 + 1, out);
}

/* A recursive loop is a call, whose text is written where the loop stands. */
static enum flow run_for(struct rendering *r, const struct statement *statement)
{
    struct jinja_value over, text;
    if (evaluate_expression(r, statement->value, &over) != 0)
        return FLOW_FAILED;
    if (!statement->recursive)
        return run_loop(r, statement, r->scope, over, 0);
    if (run_recursive(r, statement, r->scope, over, 0, &text) != 0)
        return FLOW_FAILED;
    return render_text(r, text.is.text) == 0 ? FLOW_ON : FLOW_FAILED;
}

/* --- any --- */

/* One statement; those that cannot leave a loop give 0 or -1. */
static enum flow run_statement(struct rendering *r, const struct statement *statement)
{
    int status = -1;
    switch (statement->kind) {
    case STATEMENT_TEXT:
        status = render_text(r, statement->text);
        break;
    case STATEMENT_PRINT:
        status = run_print(r, statement);
        break;
    case STATEMENT_IF:
        return run_if(r, statement);
    case STATEMENT_FOR:
        return run_for(r, statement);
    case STATEMENT_BREAK:
        return FLOW_BREAK;
    case STATEMENT_CONTINUE:
        return FLOW_CONTINUE;
    case STATEMENT_SET:
        status = run_set(r, statement);
        break;
    case STATEMENT_MACRO:
        status = run_macro(r, statement);
        break;
    case STATEMENT_CALL:
        status = run_call(r, statement);
        break;
    case STATEMENT_GENERATION:
        status = run_generation(r, statement);
        break;
    case STATEMENT_CAPTURE:
    case STATEMENT_FILTER:
        return run_filtered(r, statement);
    case STATEMENT_WITH:
        return run_with(r, statement);
    }
    return status == 0 ? FLOW_ON : FLOW_FAILED;
}

/* Statements up to the first that does not go through. Each is a step, so that an empty loop is
 * bounded, too. */
static enum flow run_body(struct rendering *r, const struct body *body)
{
    if (jinja_enter(&r->run) != 0)
        return FLOW_FAILED;
    for (const struct statement *s = body->first; s; s = s->next) {
        r->run.line = s->line;
        enum flow flow = jinja_step(&r->run, 1) == 0 ? run_statement(r, s) : FLOW_FAILED;
        if (flow != FLOW_ON) {
            jinja_leave(&r->run);
            return flow;
        }
    }
    jinja_leave(&r->run);
    return FLOW_ON;
}

/* The ends of {% generation %} are counts of characters after their beginnings until the end. The
 * two differ from what the block wrote only where its text did not reach the output as it was. */
int execute_template(struct rendering *r)
{
    const struct buffer *text = &r->output->text;
    struct jinja_spans *generated = &r->output->generated;
    int32_t point;
    r->scope = scope_new(r, NULL, &r->parsed->body);
    if (!r->scope || run_body(r, &r->parsed->body) == FLOW_FAILED)
        return -1;
    for (size_t i = 0; i < generated->count; i++) {
        struct jinja_span *span = &generated->items[i];
        size_t at = span->begin;
        for (size_t left = span->end; left && at < text->length; left--)
            at += utf8_decode(text->data + at, text->length - at, &point);
        span->end = at;
    }
    return 0;
}
