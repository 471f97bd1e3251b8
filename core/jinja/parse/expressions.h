/* Expressions of a source. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_EXPRESSIONS_H
#define SPECTRUM_JINJA_EXPRESSIONS_H

#include "jinja/parse/cursor.h"

/* with_condition: `a if b else c` is one expression; without, it ends before the `if`. */
int parse_expression(struct parser *parser, bool with_condition, struct expression **out);

/* One expression, or several with commas, which are a tuple. `end`: a word that may follow the last
 * comma; NULL: none. */
int parse_tuple(struct parser *parser, bool with_condition, const char *end,
                struct expression **out);

/* filter(arguments) | filter ..., the first without its bar. */
int parse_filters(struct parser *parser, struct link **out);

#endif
