/* Strings: UTF-8, the one gate through which text from files reaches a terminal, and the few
 * questions that the C library leaves open.
 *
 * Text that a file, a model or a user gave is bytes until it is checked. Whoever shows it sends it
 * through utf8_sanitize() or utf8_copy(); whoever takes it for a name refuses what
 * utf8_printable() does not pass. Errors do the former by themselves (error.h).
 */
#ifndef SPECTRUM_BASE_TEXT_H
#define SPECTRUM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* --- UTF-8 --- */

/* Decodes one code point from text[0..length). Returns the bytes consumed (1..4) and sets
 * *code_point; an invalid sequence consumes 1 byte and sets *code_point to -1. length 0 returns 0.
 */
size_t utf8_decode(const char *text, size_t length, int32_t *code_point);

/* Encodes a code point (0..0x10FFFF) into out[0..4); returns the number of bytes. */
size_t utf8_encode(int32_t code_point, char out[4]);

/* True if all of text[0..length) is well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_valid(const char *text, size_t length);

/* True for what must not reach a terminal: control characters (C0, DEL, C1), bidirectional
 * overrides and isolates, line and paragraph separators, and -1, an invalid byte. */
bool utf8_is_unsafe(int32_t code_point);

/* True if the text is well-formed and has nothing that utf8_sanitize() would replace: what a name
 * from a file must be. */
bool utf8_printable(const char *text);

/* Replaces, in place, all that is unsafe by '?', so that the text can be shown. Multi-byte controls
 * shrink to one '?'. */
void utf8_sanitize(char *text);

/* The same from `text` into out[0..size), cut between characters where it is too long. size >= 1.
 */
void utf8_copy(char *out, size_t size, const char *text);

/* The same of a text that has lines, for one line of a list: line ends and tabs are blanks. */
void utf8_copy_line(char *out, size_t size, const char *text);

/* Makes the text well-formed, in place: a character that the end cuts is left out, any other
 * invalid byte becomes '?'; controls stay. For what a model said, which may end inside a character.
 */
void utf8_mend(char *text);

/* Terminal columns of a code point (0, 1 or 2); controls count 0. */
int utf8_columns(int32_t code_point);

/* --- words and numbers --- */

/* "model.gguf" ends with ".gguf"; so does ".gguf" alone. */
bool text_ends_with(const char *text, const char *end);

/* Is it equal to one of the texts of a list that NULL ends? */
bool text_is_one_of(const char *text, const char *const *list);

/* "1 document", "2 documents": the ending for so many. */
static inline const char *text_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* "a scan", "an export": the article of a noun, by its first letter; the nouns are this program's own
 * or names, none of which begins as "hour" or "unit" does. */
static inline const char *text_a(const char *noun)
{
    return noun[0] && strchr("aeiouAEIOU", noun[0]) ? "an" : "a";
}

/* "8G", "8GiB", "1.5m", "123456": a number of bytes above 0, without sign, blanks or exponent. K, M,
 * G and T, alone or as KiB to TiB, are powers of 1024; KB to TB are powers of 1000. Case does not
 * matter. False for anything else, and above 2^62; *bytes is then left. */
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
