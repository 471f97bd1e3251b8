/* A pasted text, as terminals mark one that asks for it ("bracketed paste"):
 *
 *     ESC [ 2 0 0 ~   text   ESC [ 2 0 1 ~
 *
 * Between the two everything is text, whatever keys its bytes would be. It is taken in as it comes
 * (paste_begin(), then paste_put() with at most paste_room() bytes at a time, until it has ended or
 * is given up), and asked for once, as a line: paste_line() says why a text is none. Where a line
 * of text is typed, that line is inserted; nowhere is it keys.
 *
 * What is pasted may be anything, of any length, and its end may never come: PASTE_MAX bytes are
 * kept, the rest is counted.
 */
#ifndef SPECTRUM_TUI_CANVAS_PASTE_H
#define SPECTRUM_TUI_CANVAS_PASTE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define PASTE_START "\033[200~"
#define PASTE_END "\033[201~"

enum { PASTE_MAX = 1 << 20 };

struct paste {
    struct buffer text; /* with what of the end mark has come */
    size_t bytes;       /* that came, kept or not */
    size_t matched;     /* bytes of the end mark that came last */
    bool open;          /* its end has not come */
};

/* A new one; what an earlier one had is dropped, its memory kept until paste_free(). */
void paste_begin(struct paste *paste);
void paste_free(struct paste *paste);

/* Bytes that can be read without reading past the end mark, at least 1; 0 where none are expected.
 */
size_t paste_room(const struct paste *paste);

/* Takes at most paste_room() bytes; `open` is false once they have brought the end mark. */
void paste_put(struct paste *paste, const char *bytes, size_t count);

/* The text as one line: a line end or a tab becomes a blank, line ends after all else go. An error
 * where it did not end, is longer than PASTE_MAX, or has something that is no text: a control
 * character, a byte that is not UTF-8. */
int paste_line(const struct paste *paste, struct buffer *out, struct error *err);

#endif
