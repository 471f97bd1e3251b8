#include "base/lines.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4 << 20 };

/* Takes the whole lines of a chunk. What is left is read with the next chunk, unless it is longer
 * than a line can be. */
static int take_chunk(struct line_place *lines, const char *text, size_t length, struct error *err)
{
    size_t start = 0;
    int status = 0;
    for (const char *end; status == 0 && (end = memchr(text + start, '\n', length - start));) {
        size_t line = (size_t)(end - text) - start;
        if (line && !lines->midway) {
            status = lines->take(lines->context, text + start, line, lines->offset + start, err);
            lines->count++;
        }
        lines->midway = false;
        start += line + 1;
    }
    if (status == 0 && length - start > LINE_MAX_BYTES) {
        lines->endless = !lines->midway || lines->endless;
        lines->midway = true;
        start = length;
    }
    lines->offset += start;
    return status;
}

/* A chunk begins at a line, so that a line which it cuts is in the next one whole; where a chunk
 * takes nothing (one partial line at the end of the file) the rest waits for what is appended. */
int lines_read(struct line_place *lines, uint64_t size, struct error *err)
{
    int status = 0;
    uint64_t appended = size > lines->offset ? size - lines->offset : 0;
    char *chunk = array_alloc(appended < CHUNK ? (size_t)appended : CHUNK, 1, err);
    for (uint64_t before = UINT64_MAX;
         chunk && status == 0 && lines->offset < size && lines->offset != before;) {
        uint64_t left = size - lines->offset;
        size_t length = left < CHUNK ? (size_t)left : CHUNK;
        before = lines->offset;
        status = file_read_at(lines->fd, chunk, length, lines->offset, lines->path, err);
        if (status == 0)
            status = take_chunk(lines, chunk, length, err);
    }
    free(chunk);
    return chunk ? status : -1;
}
