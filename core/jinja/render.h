/* A rendering under way: what evaluate.c, statements.c, loops.c and macros.c share. Internal. */
#ifndef SPECTRUM_JINJA_RENDER_H
#define SPECTRUM_JINJA_RENDER_H

#include "jinja/nodes.h"

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

/* --- evaluate.c --- */

int evaluate_expression(struct rendering *r, const struct expression *expression,
                        struct jinja_value *out);

/* The same of a chain that ends with a call, which gets `caller` as one more argument. */
int evaluate_call(struct rendering *r, const struct expression *chain, struct jinja_value caller,
                  struct jinja_value *out);

/* Filters one after another. */
int evaluate_filters(struct rendering *r, const struct link *filters, struct jinja_value *value);

/* Everything that may hold itself is gone through between these two. */
int render_enter(struct rendering *r);
void render_leave(struct rendering *r);

/* --- scopes and output (output.c) --- */

/* A new scope; the names that it leaves unset are undefined in it. */
struct scope *scope_new(struct rendering *r, struct scope *outer, const struct body *body);
int scope_set(struct rendering *r, struct scope *scope, const struct symbol *name,
              struct jinja_value value);
int scope_find(struct rendering *r, const struct symbol *name, struct jinja_value *out);

/* Assigns in the innermost scope. */
int assign(struct rendering *r, const struct target *target, struct jinja_value value);

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

/* jinja.c: adds a span. */
int jinja_spans_add(struct jinja_spans *spans, struct jinja_span span, struct error *err);

/* --- statements.c --- */

enum flow { FLOW_FAILED = -1, FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };
enum flow run_body(struct rendering *r, const struct body *body);

/* --- loops.c, macros.c --- */

enum flow run_for(struct rendering *r, const struct statement *statement);
int macro_new(struct rendering *r, const struct macro *macro, struct jinja_value *out);

/* Runs a macro's body without any argument. */
int macro_text(struct rendering *r, const struct macro *macro, struct jinja_value *out);

#endif
