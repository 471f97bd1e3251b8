/* The templates that --template knows by name, as Jinja sources. Internal to core/text. */
#ifndef SPECTRUM_TEXT_NAMED_TEMPLATES_H
#define SPECTRUM_TEXT_NAMED_TEMPLATES_H

#include <stdbool.h>

/* NULL where there is no such name. */
const char *named_template(const char *name);

/* Its marks are plain text, not tokens, in the models that it comes from. */
bool named_template_is_plain(const char *name);

#endif
