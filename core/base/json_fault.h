/* What is wrong with a JSON text, in words: where a parser only says that it is.
 *
 * People write these files by hand and cut them by accident, so a byte's number is not an answer:
 * the fault has a line, a column and a sentence.
 */
#ifndef SPECTRUM_BASE_JSON_FAULT_H
#define SPECTRUM_BASE_JSON_FAULT_H

#include <stdbool.h>
#include <stddef.h>

struct json_fault {
    size_t at;           /* its byte */
    size_t line, column; /* from 1; columns are characters */
    bool cut;            /* the text ends too early */
    bool after;          /* the text is right up to here, and something follows it */
    char what[120];      /* "a comma before the end of an object: JSON has none" */
};

/* The first fault of text[0..length), which need not be UTF-8. Bare NaN and Infinity are none where
 * `loose`; neither are raw control characters in a string, which have one meaning only. False where
 * there is none, or where it lies beyond a NUL byte or under 64 levels: json_parse() names those.
 */
bool json_fault_find(const char *text, size_t length, bool loose, struct json_fault *out);

#endif
