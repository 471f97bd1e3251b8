/* Methods of values: a table of names and functions for each type, texts' in a file for each kind.
 * Internal to core/jinja.
 *
 * jinja_method() binds one to its value; the callable that it makes checks the number of arguments
 * against the table before the function sees them.
 */
#ifndef SPECTRUM_JINJA_METHODS_H
#define SPECTRUM_JINJA_METHODS_H

#include "jinja/run/run.h"

/* A method of a text, list, tuple, dictionary or number bound to it; 1: *out is it, 0: the type has
 * none of that name. Those that would change the value are there, and refuse when called. */
int jinja_method(struct jinja_run *run, struct jinja_value value, const char *name,
                 struct jinja_value *out);

/* Calls a method by name with arguments by position, for filters that are one. */
int jinja_call_method(struct jinja_run *run, struct jinja_value self, const char *name,
                      const struct jinja_value *values, size_t count, struct jinja_value *out);

struct jinja_method_entry {
    const char *name;
    int (*apply)(struct jinja_run *run, struct jinja_value self,
                 const struct jinja_arguments *arguments, struct jinja_value *out);
    size_t least, most; /* arguments by position */
    bool named;         /* it binds arguments by name, too; any other refuses them */
};

/* Ends with a name of NULL. */
extern const struct jinja_method_entry jinja_search_methods[]; /* of texts: search.c */
extern const struct jinja_method_entry jinja_change_methods[]; /* change.c */
extern const struct jinja_method_entry jinja_split_methods[];  /* split.c */

#endif
