/* Regular expressions: PCRE2 with UTF and Unicode properties, and with limits, since patterns come
 * from files and from the command line.
 *
 *     regex_new -> regex_find (in a text that is walked through) or regex_search -> regex_free
 *
 * One has the memory that a match is made in, so two threads that match have one each. */
#ifndef SPECTRUM_BASE_REGEX_H
#define SPECTRUM_BASE_REGEX_H

#include "base/error.h"

#include <stddef.h>

struct regex;

/* Compiles a pattern; the message has PCRE2's own words and the position. */
struct regex *regex_new(const char *pattern, struct error *err);
void regex_free(struct regex *regex);

/* The same of a choice of names: an empty one, a variable of a shell without a value, is refused. */
struct regex *regex_of_names(const char *pattern, struct error *err);

/* Searches text[0..length) from byte `start`. 1: found, and the match's byte range is set; 0: no
 * match; -1: PCRE2 gave up, at its match limit for instance. The text must be valid UTF-8. */
int regex_find(struct regex *regex, const char *text, size_t length, size_t start,
               size_t *match_start, size_t *match_end, struct error *err);

/* The pattern matches somewhere in the string (Python's re.search): 1, 0, or -1. */
int regex_search(struct regex *regex, const char *text, struct error *err);

#endif
