/* Regular expressions: PCRE2 with UTF and Unicode properties, and with limits, since patterns come
 * from files and from the command line. */
#ifndef SPECTRUM_BASE_REGEX_H
#define SPECTRUM_BASE_REGEX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct regex;

/* Compiles a pattern; the message has PCRE2's own words and the position. */
struct regex *regex_new(const char *pattern, struct error *err);
void regex_free(struct regex *regex);

/* Searches text[0..length) from byte `start`; sets the match's byte range. False: no match (or the
 * match limit was reached). The text must be valid UTF-8. Not for use by two threads at once. */
bool regex_find(struct regex *regex, const char *text, size_t length, size_t start,
                size_t *match_start, size_t *match_end);

/* The pattern matches somewhere in the string / at its beginning (Python's re.search/re.match). */
bool regex_search(struct regex *regex, const char *text);
bool regex_match_prefix(struct regex *regex, const char *text);

#endif
