/* Strings: the few questions that the C library leaves open. */
#ifndef SPECTRUM_BASE_TEXT_H
#define SPECTRUM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
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

/* "8G", "8GiB", "1.5m", "123456": a number of bytes above 0. K, M, G and T, alone or as KiB to TiB,
 * are powers of 1024; KB to TB are powers of 1000. Case does not matter. False for anything else,
 * and above 2^62; *bytes is then left. */
bool text_to_bytes(uint64_t *bytes, const char *text);

/* "1.79 GiB", "17.3 MiB", "512 B": powers of 1024, as whoever prints memory or a file's size does.
 */
void bytes_put(double bytes, char *out, size_t size);

/* The same for an argument of printf: bytes_text(n).text. */
struct bytes_text {
    char text[24];
};
struct bytes_text bytes_text(double bytes);

#endif
