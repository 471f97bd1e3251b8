/* The bytes that make a terminal show a canvas: those of the cells that differ from what it shows, and
 * of the shortest ways between them.
 *
 *     emit_canvas(&emitter, &canvas, &out)     appends them; nothing where nothing differs
 *     emit_forget(&emitter)                    the next one clears the window and sends everything
 *
 * An emitter knows of its terminal what struct emit_codes says (terminal.c fills it from terminfo), and
 * keeps what the terminal shows, cell by cell, where its cursor is and how it would write. It writes
 * nothing itself, so what a frame costs is counted, by tests and by whoever says when the next may come
 * (tui/app/pace.h).
 *
 * What makes a frame small:
 *
 *   1. Cells are compared as the terminal would show them: colours by its palette, of a blank only its
 *      background.
 *   2. Cells between two that differ are sent again where that takes fewer bytes than to go past them.
 *   3. Blanks up to a line's end, and long runs of them, are erased, not written.
 *   4. Attributes and colours are changed by one sequence, and only those that change.
 */
#ifndef SPECTRUM_TUI_CANVAS_EMIT_H
#define SPECTRUM_TUI_CANVAS_EMIT_H

#include "tui/canvas/canvas.h"

/* What a terminal understands. The strings are capabilities of terminfo (their names in brackets)
 * without padding, NULL where it has none; `clear` and `move` there must be. */
struct emit_codes {
    const char *move;                               /* [cup] to a row and a column */
    const char *column, *right;                     /* [hpa] [cuf] within the row */
    const char *clear, *clear_line, *erase;         /* [clear] [el] [ech] */
    const char *plain;                              /* [sgr0] */
    const char *bold, *dim, *underline, *reverse;   /* [bold] [dim] [smul] [rev] */
    const char *foreground, *background, *own_both; /* [setaf] [setab] [op] */
    int colors;                                     /* 0: none are used */
    bool fills;  /* [bce] what is erased has the background that is set, not the terminal's own */
    bool no_end; /* [am without xenl] a character in the last cell of all would scroll */
    /* A capability with its parameters put in; valid until the next call. */
    const char *(*expand)(const char *capability, int first, int second);
};

/* How a cell is written: colours by the terminal's numbers, -1 its own. */
struct emit_pen {
    int fg, bg;
    unsigned attributes;
};

struct emit_cell {
    char text[CELL_BYTES];
    struct emit_pen pen;
};

struct emitter {
    struct emit_codes codes;
    int width, height;
    struct emit_cell *shown; /* row-major; NULL before the first canvas */
    bool all;                /* what is shown is not known */
    int x, y;                /* the cursor; -1 where it is not known */
    struct emit_pen pen;
    struct buffer pen_change; /* a sequence under way; kept for its memory */
};

/* `codes` is copied; its strings must outlive the emitter. Nothing can fail. */
void emit_init(struct emitter *emitter, const struct emit_codes *codes);
void emit_free(struct emitter *emitter);

/* Appends to `out`. Where memory runs out nothing is appended, and the next one is tried in full. */
void emit_canvas(struct emitter *emitter, const struct canvas *canvas, struct buffer *out);

void emit_forget(struct emitter *emitter);

#endif
