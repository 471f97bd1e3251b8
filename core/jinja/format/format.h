/* Texts that are put together by a format: Python's three ways, a file each. */
#ifndef SPECTRUM_JINJA_FORMAT_H
#define SPECTRUM_JINJA_FORMAT_H

#include "jinja/run/run.h"

/* text % value (percent.c); text.format(...) (braces.c). */
int jinja_format_percent(struct jinja_run *run, struct jinja_value format, struct jinja_value value,
                         struct jinja_value *out);
int jinja_format_braces(struct jinja_run *run, struct jinja_value format,
                        const struct jinja_arguments *arguments, struct jinja_value *out);

/* format(value, spec), after what the buffer holds (spec.c). */
int jinja_format_value(struct jinja_run *run, struct jinja_value value, struct jinja_text spec,
                       struct buffer *out);

#endif
