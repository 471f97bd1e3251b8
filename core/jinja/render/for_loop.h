/* A loop that runs: its elements, and what a template can ask of `loop`. execute.c runs the body
 * for each. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_FOR_LOOP_H
#define SPECTRUM_JINJA_FOR_LOOP_H

#include "jinja/render/rendering.h"

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

/* The next element that passes. 1: there is one, 0: there is none, -1. */
int loop_take(struct loop *loop, struct jinja_value *out);

/* loop.index0, loop.last, ...: of a callable whose data is the loop. */
int loop_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                   struct jinja_value *out);

#endif
