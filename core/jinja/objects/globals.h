/* Names that every template has: range, dict, namespace, cycler, joiner, raise_exception,
 * strftime_now. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_GLOBALS_H
#define SPECTRUM_JINJA_GLOBALS_H

#include "jinja/run/run.h"

/* 1: *out is it, 0: there is no such. */
int jinja_global(struct jinja_run *run, const char *name, struct jinja_value *out);

#endif
