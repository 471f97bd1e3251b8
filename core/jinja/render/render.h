/* A rendering under way: where names are kept and text goes. What evaluates and executes a tree
 * works on one. Internal to core/jinja.
 *
 * jinja_render() makes it on its stack with the output cleared and no scope; execute_template()
 * opens the root's scope. Scopes, variables and values lie in the run's heap and stay until its
 * owner releases it; of buffers there are only the output's and those of captures, which
 * capture_end() frees. After an error nothing is put back (scope, origin, depth): the rendering is
 * over.
 */
#ifndef SPECTRUM_JINJA_RENDER_RENDER_H
#define SPECTRUM_JINJA_RENDER_RENDER_H

#include "jinja/parse/nodes.h"
#include "jinja/render/rendered.h"

/* --- scopes and output (rendering.c) --- */

struct variable {
    const struct symbol *name;
    struct jinja_value value;
    struct variable *next;
};

/* Variables that are set at one place of the source; around it is the scope that this place stands
 * in, whoever calls it. Outside all of them are the caller's variables, then the globals. */
struct scope {
    struct scope *outer;
    struct variable *variables;
};

struct rendering {
    struct jinja_run run; /* first: what has a run has a rendering */
    const struct jinja_template *parsed;
    struct jinja_map *variables; /* the caller's */
    const struct symbol *loop;   /* the name; NULL: the source does not have it */
    struct scope *scope;         /* the innermost */

    struct jinja_output *output;
    struct buffer *out; /* where text goes: output->text, or a capture's */
    size_t held, limit; /* bytes in all buffers, and the most of them */

    int origin;       /* of what is written now */
    bool origin_open; /* the loop's element has none; what {% set %} binds first gives it */
};

static inline struct rendering *rendering_of(struct jinja_run *run)
{
    return (struct rendering *)run;
}

/* A new scope; the names that it leaves unset are undefined in it. */
struct scope *scope_new(struct rendering *r, struct scope *outer, const struct body *body);
int scope_set(struct rendering *r, struct scope *scope, const struct symbol *name,
              struct jinja_value value);
int scope_find(struct rendering *r, const struct symbol *name, struct jinja_value *out);

/* Assigns in the innermost scope. */
int assign(struct rendering *r, const struct target *target, struct jinja_value value);

/* --- output --- */

/* Writes str(value). */
int render_value(struct rendering *r, struct jinja_value value);
int render_text(struct rendering *r, struct jinja_text text);

/* What is written between the two becomes a text. An end must follow a begin, also on an error, and
 * then gives that error: failed is -1 or 0. */
struct capture {
    struct buffer text;
    struct buffer *outer;
};
void capture_begin(struct rendering *r, struct capture *capture);
int capture_end(struct rendering *r, struct capture *capture, int failed, struct jinja_value *out);

/* --- expressions to values (evaluation.c) --- */

int evaluate_expression(struct rendering *r, const struct expression *expression,
                        struct jinja_value *out);

/* The same of a chain that ends with a call, which gets `caller` as one more argument. */
int evaluate_call(struct rendering *r, const struct expression *chain, struct jinja_value caller,
                  struct jinja_value *out);

/* Filters one after another. */
int evaluate_filters(struct rendering *r, const struct link *filters, struct jinja_value *value);

/* --- macros and the bodies of call blocks as values (macro.c) --- */

/* A macro as a value: with the scope that it was defined in. */
struct closure {
    const struct macro *macro;
    struct scope *scope;
};

/* "caller" where it has no name of its own. */
const char *macro_name(const struct macro *macro);

/* Sets the macro's parameters, and caller, varargs and kwargs where its body uses them, in
 * r->scope. */
int macro_bind(struct rendering *r, const struct macro *macro,
               const struct jinja_arguments *arguments);

/* macro.name, macro.arguments, ...: of a callable whose data is the closure. */
int macro_attribute(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                    struct jinja_value *out);

/* --- a loop that runs (for_loop.c) --- */

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

/* --- statements: what they write (execute.c) --- */

/* All of r->parsed, in a scope of its own. An error is at r->run.line. */
int execute_template(struct rendering *r);

#endif
