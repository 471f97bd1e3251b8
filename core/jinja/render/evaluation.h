/* Expressions of a tree to values. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_EVALUATION_H
#define SPECTRUM_JINJA_EVALUATION_H

#include "jinja/render/rendering.h"

int evaluate_expression(struct rendering *r, const struct expression *expression,
                        struct jinja_value *out);

/* The same of a chain that ends with a call, which gets `caller` as one more argument. */
int evaluate_call(struct rendering *r, const struct expression *chain, struct jinja_value caller,
                  struct jinja_value *out);

/* Filters one after another. */
int evaluate_filters(struct rendering *r, const struct link *filters, struct jinja_value *value);

#endif
