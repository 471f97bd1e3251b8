/* Python's binary operators. Internal to core/jinja. Whole numbers that leave 64 bits are an error,
 * where Python's go on. */
#ifndef SPECTRUM_JINJA_OPERATORS_H
#define SPECTRUM_JINJA_OPERATORS_H

#include "jinja/run/run.h"

/* op is the source's: "+", "-", "*", "/", "//", "%", "**". */
int jinja_binary(struct jinja_run *run, const char *op, struct jinja_value a, struct jinja_value b,
                 struct jinja_value *out);

#endif
