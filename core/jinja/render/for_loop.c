#include "jinja/render/for_loop.h"

#include "jinja/render/evaluation.h"
#include "jinja/value/compare.h"

#include <string.h>

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

int loop_take(struct loop *loop, struct jinja_value *out)
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
    int found = loop->has_after ? 1 : loop_take(loop, &loop->after);
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
    while ((found = loop_take(loop, &item)) == 1)
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

int loop_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
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
