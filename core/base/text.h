/* Strings: the few questions that the C library leaves open. */
#ifndef SPECTRUM_BASE_TEXT_H
#define SPECTRUM_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* "model.gguf" ends with ".gguf"; so does ".gguf" alone. */
bool text_ends_with(const char *text, const char *end);

/* Is it equal to one of the texts of a list that NULL ends? */
bool text_is_one_of(const char *text, const char *const *list);

/* "1 document", "2 documents": the ending for so many. */
static inline const char *text_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* "8G", "1.5m", "123456": a number of bytes above 0, with K, M, G or T for powers of 1024. False
 * for anything else, and above 2^62; *bytes is then left. */
bool text_to_bytes(uint64_t *bytes, const char *text);

#endif
