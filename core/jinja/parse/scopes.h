/* What jinja2's compiler finds out about a tree before it runs.
 *
 * Names: a scope (the root, a loop's body, a macro ...) that sets a name, without having read it
 * before or set it under a condition, has that name from its start on, undefined, unless a scope
 * around it knows the name. Bodies within, which may run before it is set, find it so, and not the
 * variable of that name that the caller gave.
 *
 * Filters and tests that do not exist are errors at once, but for those under an {% if %} or in a
 * conditional expression, which only fail when they are run.
 *
 * Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_SCOPES_H
#define SPECTRUM_JINJA_SCOPES_H

#include "jinja/parse/nodes.h"

/* Fills each body's list of names that it leaves unset (body.unset). Errors name their line. */
int jinja_check_scopes(struct jinja_template *parsed, struct error *err);

#endif
