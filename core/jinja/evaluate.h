/* What the parts of the engine share while a template runs. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_EVALUATE_H
#define SPECTRUM_JINJA_EVALUATE_H

#include "jinja/jinja.h"

struct jinja_run {
    struct jinja_heap *heap;
    const struct jinja_options *options;
    uint64_t steps;
    int depth;         /* of calls and nested expressions */
    int line;          /* of what is evaluated: jinja_render() puts it in front of an error */
    struct error *err; /* of the one who renders */
};

/* Counts `steps` more; -1 over the bound. Whatever goes through n bytes or elements counts them:
 * jinja_step(run, 1 + n / JINJA_BYTES_A_STEP); what only copies them may count fewer. */
int jinja_step(struct jinja_run *run, uint64_t steps);

/* Arguments of a call, a filter or a test: those without a name, then those with one. */
struct jinja_arguments {
    const struct jinja_value *values; /* [count] */
    size_t count;
    const struct jinja_entry *named; /* [named_count]; keys are texts */
    size_t named_count;
};

/* Binds arguments to parameters by position or name, as Python does: out[i] is the argument of
 * names[i] (NULL-ended) or, where none is given, stays as it was. Too many, twice, and unknown
 * names are errors that begin with `what`; so is an argument that is missing among the first
 * `required`. */
int jinja_bind(struct jinja_run *run, const char *what, const struct jinja_arguments *arguments,
               const char *const *names, size_t required, struct jinja_value *out);

/* The same for what takes none. */
int jinja_bind_none(struct jinja_run *run, const char *what,
                    const struct jinja_arguments *arguments);

/* Something that can be called. `self` is whatever it needs. */
struct jinja_callable {
    const char *name;
    int (*call)(struct jinja_run *run, struct jinja_callable *callable,
                const struct jinja_arguments *arguments, struct jinja_value *out);
    /* Its own attributes (loop.index0, macro.name); NULL: none. 1: found, 0: it has no such. */
    int (*attribute)(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                     struct jinja_value *out);
    struct jinja_value self;
    void *data;
};

/* evaluate.c: calls a value; what cannot be called is "'str' object is not callable". */
int jinja_call(struct jinja_run *run, struct jinja_value callee,
               const struct jinja_arguments *arguments, struct jinja_value *out);

/* attributes.c: `value.name` (attribute first, then item) and `value[key]` (item first, then for a
 * text key the attribute); what is not there is undefined. Marks entries as read. A slice is its
 * own. Absent bounds are none. */
int jinja_attribute(struct jinja_run *run, struct jinja_value value, const char *name,
                    struct jinja_value *out);
int jinja_subscript(struct jinja_run *run, struct jinja_value value, struct jinja_value key,
                    struct jinja_value *out);
int jinja_slice(struct jinja_run *run, struct jinja_value value, struct jinja_value start,
                struct jinja_value stop, struct jinja_value step, struct jinja_value *out);

/* operators.c: Python's binary operators; op is the source's: "+", "-", "*", "/", "//", "%", "**".
 */
int jinja_binary(struct jinja_run *run, const char *op, struct jinja_value a, struct jinja_value b,
                 struct jinja_value *out);

/* methods.c: a method of a text, list, tuple or dictionary bound to it; 1: *out is it, 0: there is
 * no such. Those that would change the value are there, and refuse when called. */
int jinja_method(struct jinja_run *run, struct jinja_value value, const char *name,
                 struct jinja_value *out);

/* filters.c, tests.c: by name; the functions are NULL where there is none, which the parser
 * reports. */
typedef int jinja_filter(struct jinja_run *run, struct jinja_value value,
                         const struct jinja_arguments *arguments, struct jinja_value *out);
typedef int jinja_test(struct jinja_run *run, struct jinja_value value,
                       const struct jinja_arguments *arguments, bool *out);
jinja_filter *jinja_filter_by_name(const char *name);
jinja_test *jinja_test_by_name(const char *name);

/* globals.c: range, dict, namespace, cycler, joiner, raise_exception, strftime_now. 1: found. */
int jinja_global(struct jinja_run *run, const char *name, struct jinja_value *out);

#endif
