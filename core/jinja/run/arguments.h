/* Arguments to parameters, as Python binds them. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_ARGUMENTS_H
#define SPECTRUM_JINJA_ARGUMENTS_H

#include "jinja/run/run.h"

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
