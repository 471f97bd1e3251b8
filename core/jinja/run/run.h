/* A run: one rendering as seen by what it calls (methods, filters, formats), which know its heap,
 * its bounds and where errors go, and nothing of trees and output. Internal to core/jinja.
 *
 * jinja_render() makes a run on its stack, and it is over when that returns; what was made in it
 * lives in its heap. Three bounds hold in it, whatever a template does:
 *   1. steps: who goes through n bytes or elements counts them, before the work where that is
 * large;
 *   2. depth: who evaluates, calls or runs what may hold itself does it between jinja_enter() and
 *      jinja_leave() (after an error nobody leaves: the run is over);
 *   3. memory: only the heap is taken from, which has its limit, and no text grows beyond
 *      jinja_text_max().
 */
#ifndef SPECTRUM_JINJA_RUN_RUN_H
#define SPECTRUM_JINJA_RUN_RUN_H

#include "jinja/value/value.h"

#include <time.h>

enum { JINJA_DEPTH_MAX = 1000 /* nodes within one another while rendering, macros' too */ };

struct jinja_library;

struct jinja_run {
    struct jinja_heap *heap;
    const struct jinja_library *library;
    uint64_t steps, steps_max; /* nodes that were evaluated, and the most of them */
    int depth;                 /* of calls and nested expressions */
    int line;          /* of what is evaluated: jinja_render() puts it in front of an error */
    time_t now;        /* of strftime_now() */
    struct error *err; /* of the one who renders */
};

/* Arguments of a call, a filter or a test: those without a name, then those with one. */
struct jinja_arguments {
    const struct jinja_value *values; /* [count] */
    size_t count;
    const struct jinja_entry *named; /* [named_count]; keys are texts */
    size_t named_count;
};

typedef int jinja_filter(struct jinja_run *run, struct jinja_value value,
                         const struct jinja_arguments *arguments, struct jinja_value *out);
typedef int jinja_test(struct jinja_run *run, struct jinja_value value,
                       const struct jinja_arguments *arguments, bool *out);

/* What lies above and is reached from below: a filter finds other filters and tests by name (map,
 * select), a format looks up "{0.name}". filters/filters.c has the one there is. */
struct jinja_library {
    jinja_filter *(*filter)(const char *name); /* NULL: there is none; so of a test */
    jinja_test *(*test)(const char *name);
    int (*attribute)(struct jinja_run *run, struct jinja_value value, const char *name,
                     struct jinja_value *out);
    int (*subscript)(struct jinja_run *run, struct jinja_value value, struct jinja_value key,
                     struct jinja_value *out);
};

/* Counts `steps` more; -1 over the bound. Whatever goes through n bytes or elements counts them:
 * jinja_step(run, 1 + n / JINJA_BYTES_A_STEP); what only copies them may count fewer. */
int jinja_step(struct jinja_run *run, uint64_t steps);

/* One level deeper, which is a step; -1 over the bound. */
int jinja_enter(struct jinja_run *run);
void jinja_leave(struct jinja_run *run);

/* Calls a value; what cannot be called is "'str' object is not callable". */
int jinja_call(struct jinja_run *run, struct jinja_value callee,
               const struct jinja_arguments *arguments, struct jinja_value *out);

/* --- lists --- */

/* A new list; with JINJA_ITERATOR one that can be gone through once. */
int jinja_new_list(struct jinja_run *run, enum jinja_list_kind kind, struct jinja_value *out);
int jinja_add(struct jinja_run *run, struct jinja_value list, struct jinja_value item);

/* iter(value), counted. */
int jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_list **out);

/* --- texts --- */

/* The most bytes that a text may have now: JINJA_TEXT_MAX, or what the heap has room for. */
size_t jinja_text_max(const struct jinja_run *run);

/* `fill` so many times; more than jinja_text_max() is an error. */
int jinja_repeat(struct jinja_run *run, struct buffer *out, struct jinja_text fill, int64_t times);

/* str(value) as a text that is safe only where it was (soft_str); plain (str) with plain = true. */
int jinja_soft(struct jinja_run *run, struct jinja_value value, bool plain,
               struct jinja_value *out);

/* Takes the buffer as a text that is safe where `markup` says so, and counts its steps. */
int jinja_finish(struct jinja_run *run, struct buffer *text, bool markup, struct jinja_value *out);

/* --- arguments to parameters, as Python binds them --- */

/* Binds arguments to parameters by position or name, as Python does: out[i] is the argument of
 * names[i] (NULL-ended) or, where none is given, stays as it was. Too many, twice, and unknown
 * names are errors that begin with `what`; so is an argument that is missing among the first
 * `required`. */
int jinja_bind(struct jinja_run *run, const char *what, const struct jinja_arguments *arguments,
               const char *const *names, size_t required, struct jinja_value *out);

/* The same for what takes none. */
int jinja_bind_none(struct jinja_run *run, const char *what,
                    const struct jinja_arguments *arguments);

/* The argument at a position as one of Python's own types. An absent one leaves *out as it was. */
int jinja_text_argument(struct jinja_run *run, const struct jinja_arguments *arguments, size_t at,
                        struct jinja_value *out);
int jinja_integer_argument(struct jinja_run *run, const struct jinja_arguments *arguments,
                           size_t at, int64_t *out);
int jinja_to_integer(struct jinja_run *run, struct jinja_value value, int64_t *out);

#endif
