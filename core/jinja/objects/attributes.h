/* What a template reaches in a value: value.name, value[key], value[start:stop:step]. Internal to
 * core/jinja. What is not there is undefined, and no error. Marks entries as read. */
#ifndef SPECTRUM_JINJA_ATTRIBUTES_H
#define SPECTRUM_JINJA_ATTRIBUTES_H

#include "jinja/run/run.h"

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

#endif
