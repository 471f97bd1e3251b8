/* Memory of a rendering: taken piece by piece, given back all at once, never more than a limit. */
#ifndef SPECTRUM_JINJA_HEAP_H
#define SPECTRUM_JINJA_HEAP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct jinja_heap;

/* `limit` in bytes, of all that lives at one time; NULL where even the first block is not there. */
struct jinja_heap *jinja_heap_new(size_t limit, struct error *err);
void jinja_heap_free(struct jinja_heap *heap);

/* Zeroed, aligned for any type; NULL over the limit, with an error that says so. */
void *jinja_heap_take(struct jinja_heap *heap, size_t bytes, struct error *err);

/* Bytes that may still be taken. */
size_t jinja_heap_room(const struct jinja_heap *heap);

/* Everything that was taken since the mark is given back: for renderings one after another over the
 * same values. */
size_t jinja_heap_mark(const struct jinja_heap *heap);
void jinja_heap_release(struct jinja_heap *heap, size_t mark);

#endif
