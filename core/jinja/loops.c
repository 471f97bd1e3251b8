/* {% for %}, and what a template can ask of `loop`. */
#include "jinja/render.h"

#include <string.h>

/* One loop that runs. Elements are taken, and tested with the loop's `if`, only when the next one
 * is wanted, as in jinja2: a test sees what the body did before. */
struct loop {
    struct rendering *r;
    const struct statement *statement;
    struct scope *outer;
    struct jinja_list *items; /* what it goes through */
    size_t at;                /* the first that was not taken */
    bool tested;              /* the rest of the items passed the test already */
    int64_t index0;           /* of the current element; -1 before the first */
    int64_t length;           /* of all that pass the test; -1: not known */
    int depth0;
    struct jinja_value current, before;
    struct jinja_value after; /* the next one, where has_after: someone looked at it */
    bool has_after;
    bool completed;             /* the body was once gone through to its end */
    struct jinja_value changed; /* what loop.changed() got before; a tuple, or undefined */
    struct jinja_callable callable;
};

/* --- elements --- */

static int passes_test(struct loop *loop, struct jinja_value item, bool *out)
{
    struct rendering *r = loop->r;
    const struct statement *statement = loop->statement;
    struct scope *caller = r->scope;
    static const struct body nothing;
    struct jinja_value value;
    *out = true;
    if (loop->tested || !statement->test)
        return 0;
    r->scope = scope_new(r, loop->outer, &nothing);
    if (!r->scope || assign(r, statement->target, item) != 0 ||
        evaluate_expression(r, statement->test, &value) != 0)
        return -1;
    r->scope = caller;
    *out = jinja_truth(value);
    return 0;
}

/* The next element that passes. 1: there is one, 0: there is none, -1. */
static int take_item(struct loop *loop, struct jinja_value *out)
{
    bool passes = false;
    if (loop->has_after) {
        *out = loop->after;
        loop->has_after = false;
        return 1;
    }
    while (loop->at < loop->items->count) {
        *out = loop->items->items[loop->at++];
        if (passes_test(loop, *out, &passes) != 0)
            return -1;
        if (passes)
            return 1;
    }
    return 0;
}

/* The next element stays the next. */
static int peek_item(struct loop *loop)
{
    int found = loop->has_after ? 1 : take_item(loop, &loop->after);
    loop->has_after = found == 1;
    return found;
}

/* Tests all that is left, where there is a test. */
static int find_length(struct loop *loop)
{
    struct rendering *r = loop->r;
    struct jinja_value rest, item;
    int found = 0;
    if (loop->length >= 0)
        return 0;
    loop->length = (int64_t)loop->items->count;
    if (!loop->statement->test)
        return 0;
    loop->length = loop->index0 + 1 + loop->has_after;
    bool has_after = loop->has_after;
    loop->has_after = false;
    if (jinja_new(r->run.heap, JINJA_LIST, &rest, r->run.err) != 0)
        return -1;
    while ((found = take_item(loop, &item)) == 1)
        if (jinja_append(r->run.heap, rest.is.list, item, r->run.err) != 0)
            return -1;
    loop->has_after = has_after;
    loop->length += (int64_t)rest.is.list->count;
    loop->items = rest.is.list;
    loop->at = 0;
    loop->tested = true;
    return found;
}

/* --- what `loop` has --- */

/* Arguments of cycle() and changed(), which take no names. */
static int check_unnamed(struct jinja_run *run, const char *what,
                         const struct jinja_arguments *arguments)
{
    if (arguments->named_count)
        return error_set(run->err, "%s takes no keyword arguments", what);
    return 0;
}

static int loop_cycle(struct jinja_run *run, struct jinja_callable *callable,
                      const struct jinja_arguments *arguments, struct jinja_value *out)
{
    const struct loop *loop = callable->data;
    if (check_unnamed(run, "loop.cycle()", arguments) != 0)
        return -1;
    if (!arguments->count)
        return error_set(run->err, "no items for cycling given");
    *out = arguments->values[loop->index0 % (int64_t)arguments->count];
    return 0;
}

static int loop_changed(struct jinja_run *run, struct jinja_callable *callable,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    struct loop *loop = callable->data;
    struct jinja_value now;
    if (check_unnamed(run, "loop.changed()", arguments) != 0 ||
        jinja_new(run->heap, JINJA_TUPLE, &now, run->err) != 0)
        return -1;
    for (size_t i = 0; i < arguments->count; i++)
        if (jinja_append(run->heap, now.is.list, arguments->values[i], run->err) != 0)
            return -1;
    if (jinja_step(run, jinja_weight(now)) != 0)
        return -1;
    bool changed = loop->changed.type != JINJA_TUPLE || !jinja_equal(loop->changed, now);
    if (changed)
        loop->changed = now;
    *out = jinja_bool(changed);
    return 0;
}

/* loop.cycle, loop.changed */
static int loop_method(struct loop *loop, const char *name, struct jinja_value *out)
{
    bool cycle = strcmp(name, "cycle") == 0;
    struct rendering *r = loop->r;
    struct jinja_callable *made = jinja_heap_take(r->run.heap, sizeof *made, r->run.err);
    if (!made)
        return -1;
    made->name = cycle ? "cycle" : "changed";
    made->call = cycle ? loop_cycle : loop_changed;
    made->data = loop;
    *out = (struct jinja_value){.type = JINJA_CALLABLE, .is.callable = made};
    return 1;
}

/* loop.last, loop.nextitem: both look at the next element. */
static int loop_next(struct loop *loop, bool last, struct jinja_value *out)
{
    int found = peek_item(loop);
    if (last)
        *out = jinja_bool(!found);
    else
        *out = found ? loop->after : jinja_undefined_because("there is no next item");
    return found < 0 ? -1 : 1;
}

static int loop_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                          struct jinja_value *out)
{
    static const char *const names[] = {"index",    "index0",   "depth",     "depth0",   "first",
                                        "length",   "revindex", "revindex0", "previtem", "last",
                                        "nextitem", "cycle",    "changed"};
    enum { INDEX, INDEX0, DEPTH, DEPTH0, FIRST, LENGTH, REVINDEX, REVINDEX0, PREVITEM, LAST };
    struct loop *loop = callable->data;
    size_t which = 0, count = sizeof names / sizeof *names;
    (void)run;
    while (which < count && strcmp(name, names[which]) != 0)
        which++;
    if (which == count)
        return 0;
    if (which > LAST + 1)
        return loop_method(loop, name, out);
    if (which >= LAST)
        return loop_next(loop, which == LAST, out);
    if (which >= LENGTH && which <= REVINDEX0 && find_length(loop) != 0)
        return -1;
    if (which == PREVITEM)
        *out =
            loop->index0 > 0 ? loop->before : jinja_undefined_because("there is no previous item");
    else if (which == FIRST)
        *out = jinja_bool(loop->index0 == 0);
    else
        *out = jinja_int((const int64_t[]){[INDEX] = loop->index0 + 1,
                                           [INDEX0] = loop->index0,
                                           [DEPTH] = loop->depth0 + 1,
                                           [DEPTH0] = loop->depth0,
                                           [LENGTH] = loop->length,
                                           [REVINDEX] = loop->length - loop->index0,
                                           [REVINDEX0] = loop->length - loop->index0 - 1}[which]);
    return 1;
}

/* --- running it --- */

/* Text that is written for an element has its origin. Elements that have none leave it as it is
 * around the loop; and where there is none either, the body's first {% set %} may say one. */
static void enter_origin(struct rendering *r, struct jinja_value item, int around)
{
    bool numbered = item.type == JINJA_DICT && item.is.map->origin;
    r->origin = numbered ? item.is.map->origin : around;
    r->origin_open = r->origin == 0;
}

static enum flow run_iteration(struct loop *loop, struct jinja_value item)
{
    struct rendering *r = loop->r;
    const struct statement *statement = loop->statement;
    struct jinja_value self = {.type = JINJA_CALLABLE, .is.callable = &loop->callable};
    struct scope *caller = r->scope;
    loop->index0++;
    loop->before = loop->current;
    loop->current = item;
    r->scope = scope_new(r, loop->outer, &statement->body);
    if (!r->scope || (r->loop && scope_set(r, r->scope, r->loop, self) != 0) ||
        assign(r, statement->target, item) != 0)
        return FLOW_FAILED;
    enum flow flow = run_body(r, &statement->body);
    r->scope = caller;
    return flow;
}

static enum flow run_items(struct loop *loop)
{
    struct rendering *r = loop->r;
    int around = r->origin, found = 0;
    bool around_open = r->origin_open;
    enum flow flow = FLOW_ON;
    struct jinja_value item;
    while (flow != FLOW_BREAK && (found = take_item(loop, &item)) == 1) {
        enter_origin(r, item, around);
        flow = run_iteration(loop, item);
        if (flow == FLOW_FAILED)
            return FLOW_FAILED;
        loop->completed |= flow == FLOW_ON;
    }
    r->origin = around;
    r->origin_open = around_open;
    return found < 0 ? FLOW_FAILED : FLOW_ON;
}

static enum flow run_else(struct rendering *r, const struct statement *statement,
                          struct scope *outer)
{
    struct scope *caller = r->scope;
    r->scope = scope_new(r, outer, &statement->otherwise);
    enum flow flow = r->scope ? run_body(r, &statement->otherwise) : FLOW_FAILED;
    r->scope = caller;
    return flow;
}

static int loop_call(struct jinja_run *run, struct jinja_callable *callable,
                     const struct jinja_arguments *arguments, struct jinja_value *out);

/* Goes through a value. `else` runs where no iteration came to its end: also when one was left by
 * break or continue, as jinja2 notes it behind the body. */
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
    return loop->completed ? FLOW_ON : run_else(r, statement, outer);
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

enum flow run_for(struct rendering *r, const struct statement *statement)
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
