/* Methods of values: tables of names and functions. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_METHODS_H
#define SPECTRUM_JINJA_METHODS_H

#include "jinja/strings.h"

struct jinja_method_entry {
    const char *name;
    int (*apply)(struct jinja_run *run, struct jinja_value self,
                 const struct jinja_arguments *arguments, struct jinja_value *out);
    size_t least, most; /* arguments by position */
    bool named;         /* it binds arguments by name, too; any other refuses them */
};

/* Ends with a name of NULL. */
extern const struct jinja_method_entry jinja_search_methods[]; /* of texts: methods_search.c */
extern const struct jinja_method_entry jinja_change_methods[]; /* methods_change.c */
extern const struct jinja_method_entry jinja_split_methods[];  /* methods_split.c */

/* Arguments of Python's own types. An absent one leaves *out as it was. */
int jinja_text_argument(struct jinja_run *run, const struct jinja_arguments *arguments, size_t at,
                        struct jinja_value *out);
int jinja_integer_argument(struct jinja_run *run, const struct jinja_arguments *arguments,
                           size_t at, int64_t *out);
int jinja_to_integer(struct jinja_run *run, struct jinja_value value, int64_t *out);

#endif
