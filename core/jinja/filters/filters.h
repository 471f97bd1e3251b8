/* Filters and tests: tables of names and functions, a file for each kind of filter, and what they
 * share. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_FILTERS_H
#define SPECTRUM_JINJA_FILTERS_H

#include "jinja/run/run.h"

/* By name; NULL where there is none, which the parser reports. Filters and tests themselves find
 * one another by run->library. */
jinja_filter *jinja_filter_by_name(const char *name); /* filters.c */
jinja_test *jinja_test_by_name(const char *name);     /* tests.c */

/* What a run finds by its library. */
extern const struct jinja_library jinja_library; /* filters.c */

/* --- between the files of this folder --- */

struct jinja_filter_entry {
    const char *name;
    jinja_filter *apply;
};

/* End with a name of NULL. */
extern const struct jinja_filter_entry jinja_text_filters[];   /* texts.c */
extern const struct jinja_filter_entry jinja_html_filters[];   /* html.c */
extern const struct jinja_filter_entry jinja_number_filters[]; /* number.c */
extern const struct jinja_filter_entry jinja_list_filters[];   /* lists.c */
extern const struct jinja_filter_entry jinja_sort_filters[];   /* sort.c */
extern const struct jinja_filter_entry jinja_select_filters[]; /* select.c */

/* The path of map(attribute="a.b.0"): keys to be looked up one in the other (sort.c). `none`:
 * no path, the element itself. */
struct jinja_path {
    struct jinja_value keys;     /* a list */
    struct jinja_value fallback; /* for what is undefined on the way; None: it stays so */
};
int jinja_path_make(struct jinja_run *run, struct jinja_value attribute, struct jinja_path *out);
int jinja_path_follow(struct jinja_run *run, const struct jinja_path *path,
                      struct jinja_value value, struct jinja_value *out);

#endif
