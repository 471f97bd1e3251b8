/* What Python's str knows of characters: what they are, and what they are in another case. */
#ifndef SPECTRUM_JINJA_CHARACTERS_H
#define SPECTRUM_JINJA_CHARACTERS_H

#include "jinja/value/value.h"

/* --- of one --- */

bool jinja_is_space(int32_t point);
bool jinja_is_line_end(int32_t point);
bool jinja_is_lower(int32_t point);
bool jinja_is_upper(int32_t point);
bool jinja_is_titled(int32_t point);
bool jinja_is_alpha(int32_t point);
bool jinja_is_decimal(int32_t point);
bool jinja_is_digit(int32_t point);
bool jinja_is_numeric(int32_t point);
bool jinja_is_printable(int32_t point);

/* --- texts in another case: of all of Unicode, with one letter that becomes several --- */

void jinja_write_upper(struct buffer *out, struct jinja_text text);
void jinja_write_lower(struct buffer *out, struct jinja_text text);
void jinja_write_title(struct buffer *out, struct jinja_text text);
void jinja_write_capitalized(struct buffer *out, struct jinja_text text);
void jinja_write_swapped(struct buffer *out, struct jinja_text text);
void jinja_write_folded(struct buffer *out, struct jinja_text text);

#endif
