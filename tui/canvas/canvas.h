/* The program's own cell grid: everything that is shown is drawn here first.
 *
 * A canvas is width x height cells; a cell holds one grapheme (at most CELL_BYTES - 1 bytes of
 * UTF-8), two 24-bit colours and attributes. Drawing goes through an `area`, a rectangle of a
 * canvas: what would fall outside it is cut off, so a widget cannot write where it does not belong,
 * at any size. Control characters and invalid UTF-8 in a text are shown as '?', never passed on.
 *
 *     canvas_init() -> canvas_clear() -> area_put() ... -> terminal_show(), canvas_put_text(), ...
 *
 * Every frame is drawn whole; which cells have changed since the last one, terminal.c finds out.
 *
 * A character that is two columns wide takes two cells, the second with the text "". What keeps the
 * two together:
 *
 *   1. A cell with the text "" always has a wide character at its left.
 *   2. Whoever writes over one half blanks the other (cell_detach()): there is no half character.
 *   3. A wide character whose second half would fall outside its area is drawn as a blank.
 */
#ifndef SPECTRUM_TUI_CANVAS_CANVAS_H
#define SPECTRUM_TUI_CANVAS_CANVAS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { CELL_BYTES = 16, COLOR_DEFAULT = -1 };

enum attribute {
    ATTRIBUTE_BOLD = 1,
    ATTRIBUTE_DIM = 2,
    ATTRIBUTE_UNDERLINE = 4,
    ATTRIBUTE_REVERSE = 8,
};

/* Colours are 0xRRGGBB, or COLOR_DEFAULT for the terminal's own. */
struct style {
    int32_t fg, bg;
    unsigned attributes;
};

struct cell {
    char text[CELL_BYTES]; /* "" in the right half of a wide character */
    struct style style;
};

struct canvas {
    int width, height;
    struct cell *cells; /* row-major */
    bool ascii;         /* the terminal cannot show UTF-8: line art falls back to ASCII */
    bool few_colors;    /* it has so few that a gradient is two or three of them */
};

struct area {
    struct canvas *canvas;
    int x, y, width, height;
};

int canvas_init(struct canvas *canvas, int width, int height, struct error *err);
int canvas_resize(struct canvas *canvas, int width, int height, struct error *err);
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas, struct style style);
const struct cell *canvas_cell(const struct canvas *canvas, int x, int y); /* NULL outside */

/* The whole canvas as an area; the part of an area (cut to it; may be empty). */
struct area canvas_area(struct canvas *canvas);
struct area area_part(struct area area, int x, int y, int width, int height);

/* Draws text at (x, y) of the area; returns the columns that it takes, cut off or not. A text that
 * does not fit is cut; area_label() marks the cut with an ellipsis and is at most `columns` wide.
 */
int area_put(struct area area, int x, int y, struct style style, const char *text);
int area_put_bytes(struct area area, int x, int y, struct style style, const char *text,
                   size_t length);
int area_print(struct area area, int x, int y, struct style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
int area_label(struct area area, int x, int y, int columns, struct style style, const char *text);
/* The same, ending at the area's right edge less `margin`. */
void area_put_right(struct area area, int y, int margin, struct style style, const char *text);

/* Fills with blanks of a style. */
void area_fill(struct area area, struct style style);

/* Columns that a text takes. */
int text_columns(const char *text);

/* The bytes of a text's first grapheme, a character with the marks that combine with it, and the
 * columns that it takes; 0 of an empty text. */
size_t text_grapheme(const char *text, int *columns);

/* Where two canvases of the same size differ; false: equal. For tests and the terminal. */
bool cell_equal(const struct cell *a, const struct cell *b);

/* The canvas as plain lines without trailing blanks, and as a picture. Default colours are drawn
 * as the two that are given. */
void canvas_put_text(struct buffer *out, const struct canvas *canvas);
void canvas_put_svg(struct buffer *out, const struct canvas *canvas, int32_t fg, int32_t bg);

/* Does a text begin as such a picture does? */
bool canvas_is_svg(const char *text);

#endif
