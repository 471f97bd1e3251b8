/* What Python's str knows of Unicode and utf8proc does not. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_UNICODE_TABLES_H
#define SPECTRUM_JINJA_UNICODE_TABLES_H

#include <stdint.h>

/* A character that is several in another case; all tables end with zeros. */
struct jinja_special_case {
    int32_t point;
    const char *upper, *title, *lower;
};
extern const struct jinja_special_case jinja_special_cases[];

struct jinja_range {
    int32_t low, high;
};
extern const struct jinja_range jinja_other_lower[];   /* islower(), though no Ll */
extern const struct jinja_range jinja_other_upper[];   /* isupper(), though no Lu */
extern const struct jinja_range jinja_other_digits[];  /* isdigit(), though no Nd */
extern const struct jinja_range jinja_other_numbers[]; /* isnumeric(), though no N */

#endif
