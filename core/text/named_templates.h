/* The templates that --template knows by name, as Jinja sources. Internal to core/text. */
#ifndef SPECTRUM_TEXT_NAMED_TEMPLATES_H
#define SPECTRUM_TEXT_NAMED_TEMPLATES_H

/* NULL where there is no such name. */
const char *named_template(const char *name);

#endif
