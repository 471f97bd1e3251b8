/* Numbers as people read them, and paths as people type them. */
#ifndef SPECTRUM_TUI_SESSION_WORDING_H
#define SPECTRUM_TUI_SESSION_WORDING_H

#include "base/text.h" /* bytes_put() */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- numbers, into out, which 32 bytes are enough for --- */

/* "134.5M", "8.03B", "12,345": a number of parameters or tokens. */
void count_put(double count, char *out, size_t size);

/* "1,234,567" */
void digits_put(int64_t number, char *out, size_t size);

/* The same of a number that a file says, which may be any: from 2^53 on "1e+308"; "n/a". */
void whole_put(double number, char *out, size_t size);

/* "2.1042", and "1.798e+308" for what is no loss; "n/a" where not known */
void loss_put(double loss, char *out, size_t size);

/* "12 s", "3 min 20 s", "2 h 05 min"; "n/a" where not known */
void seconds_put(double seconds, char *out, size_t size);

/* In the largest unit of which there is one: "12 min", "3 h", "40 days"; "n/a" where not known */
void since_put(double seconds, char *out, size_t size);

/* --- paths --- */

/* Adds what all entries that begin as the path does have in common, and "/" after a folder that is
 * the only one: what Tab does in a shell (candidates.h). False: there is nothing to add. */
bool path_complete(char *path, size_t size);

/* A path that was typed with "~" in front, in place (base/xdg.h); one that would not fit stays. */
void path_expand(char *path, size_t size);

/* A path in so many columns, printable: "~" for the home, and where that is too wide its end, from a
 * "/" on where it has one: "…/out/trainer_log.jsonl". */
void path_put_short(const char *path, int columns, char *out, size_t size);

/* The last part of a path, printable; of one that ends with "/" the one before that. */
void path_put_last(const char *path, char *out, size_t size);

/* "plan.json" ends with ".json"; ".json" alone does not: it has no name before it. */
bool path_ends_with(const char *path, const char *tail);

#endif
