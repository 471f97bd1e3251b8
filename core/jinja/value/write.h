/* Values as text, as Python's str() and repr() write them. */
#ifndef SPECTRUM_JINJA_WRITE_H
#define SPECTRUM_JINJA_WRITE_H

#include "jinja/value/value.h"

/* str() and repr(). Dictionaries that are written out are read; so in JSON. */
int jinja_write(struct buffer *out, struct jinja_value value, struct error *err);
int jinja_write_repr(struct buffer *out, struct jinja_value value, struct error *err);

/* repr() of a float: "0.1", "1e-05", "100000.0", "inf". */
void jinja_write_float(struct buffer *out, double number);

/* Takes what a buffer holds into the heap as a text and frees the buffer, in any case. */
int jinja_take_text(struct jinja_heap *heap, struct buffer *buffer, struct jinja_value *out,
                    struct error *err);

#endif
