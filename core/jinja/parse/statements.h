/* Statements of a source, which is one body of them. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_STATEMENTS_H
#define SPECTRUM_JINJA_STATEMENTS_H

#include "jinja/parse/cursor.h"

/* All of the source, from the parser's first token on. */
int parse_template(struct parser *parser, struct body *out);

#endif
