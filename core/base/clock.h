/* Time: seconds that only go forwards, and the date for people and logs. */
#ifndef SPECTRUM_BASE_CLOCK_H
#define SPECTRUM_BASE_CLOCK_H

#include <stddef.h>

double clock_seconds(void); /* monotonic; the zero is arbitrary */

/* "2026-01-31T12:00:00Z" into out (at least 21 bytes). */
void clock_iso8601(char *out, size_t size);

#endif
