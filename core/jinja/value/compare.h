/* Values beside one another, as Python's operators have them: equality, order, membership, and the
 * entries of dictionaries, which are found by equal keys. Whole numbers and floats compare exactly.
 */
#ifndef SPECTRUM_JINJA_COMPARE_H
#define SPECTRUM_JINJA_COMPARE_H

#include "jinja/value/value.h"

bool jinja_equal(struct jinja_value a, struct jinja_value b);

/* *order < 0, 0, > 0; an error for types that Python does not order. */
int jinja_compare(struct jinja_value a, struct jinja_value b, int *order, struct error *err);

/* `item in container`; marks what it finds as read. */
int jinja_contains(struct jinja_value container, struct jinja_value item, bool *out,
                   struct error *err);

/* Sets the entry of an equal key, or adds one. A key of another type than a map may have is
 * Python's "unhashable type". */
int jinja_set(struct jinja_heap *heap, struct jinja_map *map, struct jinja_value key,
              struct jinja_value value, struct error *err);

/* The entry, or NULL; it is not marked as read. */
struct jinja_entry *jinja_find(const struct jinja_map *map, struct jinja_value key);
struct jinja_entry *jinja_find_text(const struct jinja_map *map, const char *key);

/* The order of keys in which a stable sort puts them: indices, in order[0..count), of which there
 * is room for 2 * count. */
int jinja_order(const struct jinja_value *keys, size_t count, bool reverse, size_t *order,
                struct error *err);

#endif
