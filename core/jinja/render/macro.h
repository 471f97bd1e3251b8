/* Macros and the bodies of call blocks as values: the arguments that they bind, and what a template
 * can ask of them. execute.c runs their bodies. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_MACRO_H
#define SPECTRUM_JINJA_MACRO_H

#include "jinja/render/rendering.h"

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

#endif
