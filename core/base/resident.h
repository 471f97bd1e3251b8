/* How much of a piece of this process's memory is in memory: that was touched, and is not swapped
 * out. What the whole process has is in process.h. */
#ifndef SPECTRUM_BASE_RESIDENT_H
#define SPECTRUM_BASE_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

/* Of the bytes from[0..count), which the process has mapped, how many lie in pages that are in
 * memory; a page counts with the part of it that is among them. False: the system does not say.
 * Takes some nanoseconds a page. */
bool resident_part(size_t *out, const void *from, size_t count);

#endif
