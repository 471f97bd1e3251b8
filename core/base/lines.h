/* A file of lines, a chunk at a time, as a file that grows is followed.
 *
 * A struct line_place is a place in a file: its owner sets fd, path, offset and whom to give lines
 * to, calls lines_read(), and keeps the offset for the next call. Bytes are hostile here: a line
 * without an end is passed over.
 */
#ifndef SPECTRUM_BASE_LINES_H
#define SPECTRUM_BASE_LINES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a line; a longer one is passed over. */
enum { LINE_MAX_BYTES = 1 << 20 };

struct line_place {
    int fd;
    const char *path;
    uint64_t offset; /* what is before it was read */
    bool midway;     /* the offset may be inside a line, whose rest is passed over */
    bool endless;    /* a line was too long, and was passed over */
    size_t count;    /* lines that were taken */
    int (*take)(void *context, const char *text, size_t length, uint64_t offset, struct error *err);
    void *context;
};

/* Gives the whole lines from the offset up to `size` bytes of the file to take(), until that is not
 * 0. */
int lines_read(struct line_place *lines, uint64_t size, struct error *err);

#endif
