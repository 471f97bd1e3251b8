/* Filters: tables of names and functions, and what they share. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_FILTERS_H
#define SPECTRUM_JINJA_FILTERS_H

#include "jinja/strings.h"

struct jinja_filter_entry {
    const char *name;
    jinja_filter *apply;
};

/* End with a name of NULL. */
extern const struct jinja_filter_entry jinja_text_filters[];   /* filters_text.c */
extern const struct jinja_filter_entry jinja_html_filters[];   /* filters_html.c */
extern const struct jinja_filter_entry jinja_number_filters[]; /* filters_number.c */
extern const struct jinja_filter_entry jinja_list_filters[];   /* filters_list.c */
extern const struct jinja_filter_entry jinja_sort_filters[];   /* filters_sort.c */
extern const struct jinja_filter_entry jinja_select_filters[]; /* filters_select.c */

/* The path of map(attribute="a.b.0"): keys to be looked up one in the other. `none`: no path, the
 * element itself. */
struct jinja_path {
    struct jinja_value keys;     /* a list */
    struct jinja_value fallback; /* for what is undefined on the way; None: it stays so */
};
int jinja_path_make(struct jinja_run *run, struct jinja_value attribute, struct jinja_path *out);
int jinja_path_follow(struct jinja_run *run, const struct jinja_path *path,
                      struct jinja_value value, struct jinja_value *out);

/* A new list; with JINJA_ITERATOR one that can be gone through once. */
int jinja_new_list(struct jinja_run *run, enum jinja_list_kind kind, struct jinja_value *out);
int jinja_add(struct jinja_run *run, struct jinja_value list, struct jinja_value item);

/* iter(value), counted. */
int jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_list **out);

/* A method of a text with arguments by position, for filters that are one. */
int jinja_call_method(struct jinja_run *run, struct jinja_value self, const char *name,
                      const struct jinja_value *values, size_t count, struct jinja_value *out);

/* getattr(): a value's attribute or method and no item; 0: it has none. */
int jinja_attribute_only(struct jinja_run *run, struct jinja_value value, const char *name,
                         struct jinja_value *out);

#endif
