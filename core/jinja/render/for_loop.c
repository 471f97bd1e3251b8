/* A loop that runs: its elements, and what a template can ask of `loop`. */
#include "jinja/render/render.h"

#include "jinja/value/value.h"

#include <string.h>

/* --- elements --- */

int loop_take(struct loop *loop, struct jinja_value *out)
{
    static const struct body nothing;
    struct rendering *r = loop->r;
    const struct statement *statement = loop->statement;
    struct scope *caller = r->scope;
    if (loop->has_after) {
        *out = loop->after;
        loop->has_after = false;
        return 1;
    }
    while (loop->at < loop->items->count) {
        struct jinja_value passes;
        *out = loop->items->items[loop->at++];
        if (loop->tested || !statement->test)
            return 1;
        r->scope = scope_new(r, loop->outer, &nothing); /* the test sees the target alone */
        if (!r->scope || assign(r, statement->target, *out) != 0 ||
            evaluate_expression(r, statement->test, &passes) != 0)
            return -1;
        r->scope = caller;
        if (jinja_truth(passes))
            return 1;
    }
    return 0;
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

/* loop.cycle(a, b): one of them by the number of the round. */
static int loop_cycle(struct jinja_run *run, struct jinja_callable *callable,
                      const struct jinja_arguments *arguments, struct jinja_value *out)
{
    const struct loop *loop = callable->data;
    if (arguments->named_count)
        return error_set(run->err, "loop.cycle() takes no keyword arguments");
    if (!arguments->count)
        return error_set(run->err, "no items for cycling given");
    *out = arguments->values[loop->index0 % (int64_t)arguments->count];
    return 0;
}

/* Whether the arguments differ from those of the call before. */
static int loop_changed(struct jinja_run *run, struct jinja_callable *callable,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    struct loop *loop = callable->data;
    struct jinja_value now;
    if (arguments->named_count)
        return error_set(run->err, "loop.changed() takes no keyword arguments");
    if (jinja_new(run->heap, JINJA_TUPLE, &now, run->err) != 0)
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

int loop_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                   struct jinja_value *out)
{
    static const char *const names[] = {"index",    "index0",   "depth",     "depth0",   "first",
                                        "length",   "revindex", "revindex0", "previtem", "last",
                                        "nextitem", "cycle",    "changed"};
    enum { INDEX, INDEX0, DEPTH, DEPTH0, FIRST, LENGTH, REVINDEX, REVINDEX0, PREVITEM, LAST, NEXT };
    struct loop *loop = callable->data;
    size_t which = 0, count = sizeof names / sizeof *names;
    while (which < count && strcmp(name, names[which]) != 0)
        which++;
    if (which == count)
        return 0;
    if (which > NEXT) {
        struct jinja_callable *made = jinja_heap_take(run->heap, sizeof *made, run->err);
        if (!made)
            return -1;
        made->name = names[which];
        made->call = which == NEXT + 1 ? loop_cycle : loop_changed;
        made->data = loop;
        *out = (struct jinja_value){.type = JINJA_CALLABLE, .is.callable = made};
        return 1;
    }
    if (which >= LAST) { /* both look at the next element, which stays the next */
        int found = loop->has_after ? 1 : loop_take(loop, &loop->after);
        loop->has_after = found == 1;
        if (which == LAST)
            *out = jinja_bool(!found);
        else
            *out = found ? loop->after : jinja_undefined_because("there is no next item");
        return found < 0 ? -1 : 1;
    }
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
