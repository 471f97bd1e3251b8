/* Numbers as people read them. */
#ifndef SPECTRUM_TUI_APP_UNITS_H
#define SPECTRUM_TUI_APP_UNITS_H

#include "base/text.h" /* bytes_put() */

#include <stddef.h>
#include <stdint.h>

/* "134.5M", "8.03B", "12,345" */
void count_put(double count, char *out, size_t size);

/* "1,234,567" */
void digits_put(int64_t number, char *out, size_t size);

/* "12 s", "3 min 20 s", "2 h 05 min"; "n/a" where not known */
void seconds_put(double seconds, char *out, size_t size);

#endif
