/* The templates that --template knows by name, as Jinja sources. */
#ifndef SPECTRUM_TEXT_NAMED_TEMPLATES_H
#define SPECTRUM_TEXT_NAMED_TEMPLATES_H

#include <stdbool.h>

/* What --template takes beside the path of a file that ends in .jinja. */
#define TEMPLATE_NAMES "chatml, llama3, mistral, mistral-v3, zephyr, alpaca"
#define TEMPLATE_VALUES TEMPLATE_NAMES ", or a FILE.jinja"

/* The names alone; a NULL ends them. */
extern const char *const template_names[];

/* NULL where there is no such name. */
const char *named_template(const char *name);

/* Its marks are plain text, not tokens, in the models that it comes from. */
bool named_template_is_plain(const char *name);

#endif
