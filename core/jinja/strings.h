/* Texts by code points, and what Python's str does to them. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_STRINGS_H
#define SPECTRUM_JINJA_STRINGS_H

#include "jinja/evaluate.h"

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

/* The most bytes that a text may have now: JINJA_TEXT_MAX, or what the heap has room for. */
size_t jinja_text_most(const struct jinja_run *run);

/* `fill` so many times; more than jinja_text_most() is an error. */
int jinja_repeat(struct jinja_run *run, struct buffer *out, struct jinja_text fill, int64_t times);

/* str(value) as a text that is safe only where it was (soft_str); plain (str) with plain = true. */
int jinja_soft(struct jinja_run *run, struct jinja_value value, bool plain,
               struct jinja_value *out);

/* Takes the buffer as a text that is as safe as `like`, and counts its steps. */
int jinja_finish(struct jinja_run *run, struct buffer *text, bool markup, struct jinja_value *out);

/* --- cases (cases.c): of all of Unicode, with one letter that becomes several --- */

void jinja_write_upper(struct buffer *out, struct jinja_text text);
void jinja_write_lower(struct buffer *out, struct jinja_text text);
void jinja_write_title(struct buffer *out, struct jinja_text text);
void jinja_write_capitalized(struct buffer *out, struct jinja_text text);
void jinja_write_swapped(struct buffer *out, struct jinja_text text);
void jinja_write_folded(struct buffer *out, struct jinja_text text);

/* --- what Python says of a character (characters.c) --- */

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

/* --- numbers in texts (numbers.c) --- */

/* int(text, base) and float(text); false where Python has a ValueError. */
bool jinja_read_integer(struct jinja_text text, int base, int64_t *out, bool *beyond);
bool jinja_read_float(struct jinja_text text, double *out);

/* --- formats --- */

/* text % value (format_percent.c); text.format(...) (format_braces.c). */
int jinja_format_percent(struct jinja_run *run, struct jinja_value format, struct jinja_value value,
                         struct jinja_value *out);
int jinja_format_braces(struct jinja_run *run, struct jinja_value format,
                        const struct jinja_arguments *arguments, struct jinja_value *out);

/* format(value, spec), behind what the buffer holds (format_spec.c). */
int jinja_format_value(struct jinja_run *run, struct jinja_value value, struct jinja_text spec,
                       struct buffer *out);

#endif
