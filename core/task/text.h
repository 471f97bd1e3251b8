/* Texts as Python's str has them: what its strip(), rstrip() and replace() do. */
#ifndef SPECTRUM_TASK_TEXT_H
#define SPECTRUM_TASK_TEXT_H

#include "base/buffer.h"

/* Takes white space of Unicode from both ends, or from the last one. */
void text_strip(const char **text, size_t *length);
size_t text_strip_end(const char *text, size_t length); /* the length that is left */

/* Appends the text with every `old`, from left to right, as `new_text`. */
void text_replace(struct buffer *out, const char *text, const char *old, const char *new_text);

#endif
