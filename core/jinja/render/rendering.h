/* A rendering under way: where names are kept and text goes. What evaluates and executes a tree
 * works on one. Internal to core/jinja.
 *
 * jinja_render() makes it on its stack with the output cleared and no scope; execute_template()
 * opens the root's scope. Scopes, variables and values lie in the run's heap and stay until its
 * owner releases it; of buffers there are only the output's and those of captures, which
 * capture_end() frees. After an error nothing is put back (scope, origin, depth): the rendering is
 * over.
 */
#ifndef SPECTRUM_JINJA_RENDER_H
#define SPECTRUM_JINJA_RENDER_H

#include "jinja/parse/nodes.h"
#include "jinja/render/rendered.h"

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

/* --- scopes --- */

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

#endif
