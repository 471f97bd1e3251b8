/* Statements of a tree: what they write. Internal to core/jinja. Loops and macros are here, too, as
 * their bodies are statements again. */
#ifndef SPECTRUM_JINJA_EXECUTE_H
#define SPECTRUM_JINJA_EXECUTE_H

#include "jinja/render/rendering.h"

/* All of r->parsed, in a scope of its own. An error is at r->run.line. */
int execute_template(struct rendering *r);

#endif
