/* Which filters there are. */
#include "jinja/filters/filters.h"

#include "jinja/objects/objects.h"

#include <string.h>

/* A walk over all tables: a template's filters are looked up when it is parsed, and at a rendering
 * once for each use, among some fifty names. */
jinja_filter *jinja_filter_by_name(const char *name)
{
    static const struct jinja_filter_entry *const tables[] = {
        jinja_text_filters, jinja_html_filters, jinja_number_filters,
        jinja_list_filters, jinja_sort_filters, jinja_select_filters,
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct jinja_filter_entry *entry = tables[i]; entry->name; entry++)
            if (strcmp(entry->name, name) == 0)
                return entry->apply;
    return NULL;
}

const struct jinja_library jinja_library = {
    .filter = jinja_filter_by_name,
    .test = jinja_test_by_name,
    .attribute = jinja_attribute,
    .subscript = jinja_subscript,
};
