/* One member of a JSON object in its text: all else stays to the byte. Reprinting a tree would
 * write 1.0 as 1, which other readers take for another thing. */
#ifndef SPECTRUM_BASE_JSON_EDIT_H
#define SPECTRUM_BASE_JSON_EDIT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Where the value of the outermost object's `key` begins and ends, in JSON that has been parsed:
 * false where no key is spelled so. */
bool json_find_value(const char *text, const char *key, size_t *begin, size_t *end);

/* Appends the text with `value`, which is JSON, in place of the key's; where the key is not there,
 * as its first member. */
void json_put_edited(struct buffer *out, const char *text, const char *key, const char *value);

#endif
