/* Numbers that are written in texts, as Python's int() and float() read them. */
#ifndef SPECTRUM_JINJA_NUMBERS_H
#define SPECTRUM_JINJA_NUMBERS_H

#include "jinja/value/value.h"

/* int(text, base) and float(text); false where Python has a ValueError. */
bool jinja_read_integer(struct jinja_text text, int base, int64_t *out, bool *beyond);
bool jinja_read_float(struct jinja_text text, double *out);

#endif
