/* What a template does with values: reaches into them, puts operators between them, calls what
 * every template has. Internal to core/jinja; attributes.c, operators.c and globals.c have a part
 * each. */
#ifndef SPECTRUM_JINJA_OBJECTS_OBJECTS_H
#define SPECTRUM_JINJA_OBJECTS_OBJECTS_H

#include "jinja/run/run.h"

/* --- value.name, value[key], value[start:stop:step] (attributes.c) --- */

/* What is not there is undefined, which is not an error. Marks entries as read. */

/* `value.name`: attribute first, then item; `value[key]`: item first, then for a text key the
 * attribute. */
int jinja_attribute(struct jinja_run *run, struct jinja_value value, const char *name,
                    struct jinja_value *out);
int jinja_subscript(struct jinja_run *run, struct jinja_value value, struct jinja_value key,
                    struct jinja_value *out);

/* Absent bounds are none. */
int jinja_slice(struct jinja_run *run, struct jinja_value value, struct jinja_value start,
                struct jinja_value stop, struct jinja_value step, struct jinja_value *out);

/* getattr(): a value's attribute or method and no item; 0: it has none. */
int jinja_attribute_only(struct jinja_run *run, struct jinja_value value, const char *name,
                         struct jinja_value *out);

/* --- binary operators (operators.c) --- */

/* Python's, but that whole numbers which leave 64 bits are an error, where Python's go on. op is
 * the source's: "+", "-", "*", "/", "//", "%", "**". */
int jinja_binary(struct jinja_run *run, const char *op, struct jinja_value a, struct jinja_value b,
                 struct jinja_value *out);

/* --- names that every template has (globals.c) --- */

/* range, dict, namespace, cycler, joiner, raise_exception, strftime_now. 1: *out is it, 0: none of
 * these has the name. */
int jinja_global(struct jinja_run *run, const char *name, struct jinja_value *out);

#endif
