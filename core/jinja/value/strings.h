/* Texts by code points. Positions are bytes unless they are said to be code points. */
#ifndef SPECTRUM_JINJA_STRINGS_H
#define SPECTRUM_JINJA_STRINGS_H

#include "jinja/value/value.h"

/* The byte at which code point number `index` begins; the length where there are not so many. */
size_t jinja_offset(struct jinja_text text, size_t index);

/* The code point at a byte, and how many bytes it has. */
int32_t jinja_point_at(struct jinja_text text, size_t at, size_t *bytes);

/* The text from byte `begin` to `end`, of the same bytes and as safe as it was. */
struct jinja_value jinja_part(struct jinja_value text, size_t begin, size_t end);

/* Bytes [0..length) of `part` in `text` from byte `from` on, or -1; of an empty part: from. */
ptrdiff_t jinja_search(struct jinja_text text, struct jinja_text part, size_t from);
/* The last one that ends at byte `to` or before. */
ptrdiff_t jinja_search_back(struct jinja_text text, struct jinja_text part, size_t to);

/* & < > " ' as HTML's entities, as markupsafe writes them. */
void jinja_write_escaped(struct buffer *out, struct jinja_text text);

#endif
