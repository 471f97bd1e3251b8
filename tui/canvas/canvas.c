/* A canvas as text lines and as an SVG picture. */
#include "tui/canvas/canvas.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANVAS_SIDE_MAX = 4096 };

int canvas_init(struct canvas *canvas, int width, int height, struct error *err)
{
    *canvas = (struct canvas){0};
    return canvas_resize(canvas, width, height, err);
}

/* What was drawn is gone: whoever resizes draws again. After an error the canvas is as it was. */
int canvas_resize(struct canvas *canvas, int width, int height, struct error *err)
{
    if (width < 1 || height < 1 || width > CANVAS_SIDE_MAX || height > CANVAS_SIDE_MAX)
        return error_set(err, "a screen of %dx%d cells cannot be drawn; 1x1 to %dx%d can", width,
                         height, CANVAS_SIDE_MAX, CANVAS_SIDE_MAX);
    struct cell *cells = array_alloc((size_t)width * (size_t)height, sizeof *cells, err);
    if (!cells)
        return -1;
    free(canvas->cells);
    canvas->cells = cells;
    canvas->width = width;
    canvas->height = height;
    canvas_clear(canvas, (struct style){COLOR_DEFAULT, COLOR_DEFAULT, 0});
    return 0;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

const struct cell *canvas_cell(const struct canvas *canvas, int x, int y)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
        return NULL;
    return &canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x];
}

static struct cell *area_cell(struct area area, int x, int y)
{
    if (x < 0 || y < 0 || x >= area.width || y >= area.height)
        return NULL;
    return (struct cell *)canvas_cell(area.canvas, area.x + x, area.y + y);
}

/* NULL, outside of everything, is nobody's cell. */
static void cell_blank(struct cell *cell, struct style style)
{
    if (!cell)
        return;
    memset(cell, 0, sizeof *cell);
    cell->text[0] = ' ';
    cell->style = style;
}

void canvas_clear(struct canvas *canvas, struct style style)
{
    area_fill(canvas_area(canvas), style);
}

struct area canvas_area(struct canvas *canvas)
{
    return (struct area){canvas, 0, 0, canvas->width, canvas->height};
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* Cut to the area, never beyond it; what lies outside altogether is empty, and drawing on it does
 * nothing. */
struct area area_part(struct area area, int x, int y, int width, int height)
{
    int left = clamp(x, 0, area.width), right = clamp(x + width, left, area.width);
    int top = clamp(y, 0, area.height), bottom = clamp(y + height, top, area.height);
    return (struct area){area.canvas, area.x + left, area.y + top, right - left, bottom - top};
}

/* A wide character whose other half is overwritten leaves a blank, not half a character. */
static void cell_detach(struct area area, int x, int y)
{
    struct cell *cell = area_cell(area, x, y);
    struct canvas *canvas = area.canvas;
    int at = area.x + x, row = area.y + y;
    if (!cell)
        return;
    struct cell *left = (struct cell *)canvas_cell(canvas, at - 1, row);
    struct cell *right = (struct cell *)canvas_cell(canvas, at + 1, row);
    if (!cell->text[0] && left)
        cell_blank(left, left->style);
    if (cell->text[0] && right && !right->text[0])
        cell_blank(right, right->style);
}

/* `columns` is 1 or 2. Nothing is written outside the area, and of a wide character at its right
 * edge a blank in place of its left half. */
static void cell_write(struct area area, int x, int y, struct style style, const char *bytes,
                       size_t length, int columns)
{
    struct cell *cell = area_cell(area, x, y);
    if (!cell)
        return;
    if (columns == 2 && !area_cell(area, x + 1, y)) {
        bytes = " ";
        length = 1;
        columns = 1;
    }
    for (int i = 0; i < columns; i++)
        cell_detach(area, x + i, y);
    cell_blank(cell, style);
    memcpy(cell->text, bytes, length);
    cell->text[length] = '\0';
    if (columns == 2) {
        cell_blank(cell + 1, style);
        cell[1].text[0] = '\0';
    }
}

/* A combining mark joins the cell before it, as far as that has room. */
static void cell_join(struct area area, int x, int y, const char *bytes, size_t length)
{
    struct cell *cell = area_cell(area, x, y);
    if (cell && !cell->text[0])
        cell = area_cell(area, x - 1, y);
    size_t used = cell ? strlen(cell->text) : 0;
    if (!cell || used + length >= CELL_BYTES)
        return;
    memcpy(cell->text + used, bytes, length);
    cell->text[used + length] = '\0';
}

/* C0, DEL and C1, which a terminal would carry out; marks of writing direction and line separators,
 * which would show what follows in another order than it stands in the text. */
static bool is_control(int32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F ||
           code == 0x2028 || code == 0x2029;
}

/* What stands for a sign of ours where the terminal has no UTF-8. Letters of other alphabets are
 * '?'. */
static char ascii_for(int32_t code)
{
    static const struct {
        int32_t code;
        char ascii;
    } table[] = {
        {0x2026, '~'}, {0x2500, '-'}, {0x2502, '|'}, {0x250C, '+'}, {0x2510, '+'}, {0x2514, '+'},
        {0x2518, '+'}, {0x2524, '+'}, {0x2534, '+'}, {0x251C, '+'}, {0x253C, '+'}, {0x2588, '#'},
        {0x2592, '#'}, {0x2591, '.'}, {0x2584, '#'}, {0x25CF, '*'}, {0x25CB, 'o'}, {0x2022, '*'},
        {0x00B7, '.'}, {0x00D7, 'x'}, {0x2192, '>'}, {0x2190, '<'}, {0x2191, '^'}, {0x2193, 'v'},
        {0x221E, 'i'}, {0x03C3, 's'}, {0x03C4, 't'}, {0x2265, '>'}, {0x2264, '<'}, {0x25B6, '>'},
        {0x256D, '+'}, {0x256E, '+'}, {0x2570, '+'}, {0x256F, '+'}, {0x23F8, '='}, {0x2713, '+'},
        {0x2717, 'x'}, {0x25A0, '#'}, {0x2014, '-'}, {0x2580, '"'},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return table[i].ascii;
    return '?';
}

/* What cannot be shown takes one column. */
static int code_columns(int32_t code)
{
    return code < 0 || is_control(code) ? 1 : utf8_columns(code);
}

/* The one loop that puts text into cells; at most `limit` columns, of whole characters. Returns the
 * columns that it took. What cannot be shown takes the place of one column: a control, a byte that
 * is not UTF-8, and without UTF-8 whatever has no sign of its own. */
static int put_limited(struct area area, int x, int y, int limit, struct style style,
                       const char *text, size_t length)
{
    int column = 0;
    for (size_t at = 0; at < length;) {
        int32_t code = -1;
        size_t bytes = utf8_decode(text + at, length - at, &code);
        int columns = code_columns(code);
        char replacement = code < 0 || is_control(code) ? '?' : '\0';
        if (!replacement && area.canvas->ascii && code > 0x7E)
            replacement = ascii_for(code);
        if (column + columns > limit)
            break;
        if (columns == 0 && !replacement)
            cell_join(area, x + column - 1, y, text + at, bytes);
        else if (replacement)
            cell_write(area, x + column, y, style, &replacement, 1, columns > 0 ? columns : 1);
        else
            cell_write(area, x + column, y, style, text + at, bytes, columns);
        column += columns;
        at += bytes;
    }
    return column;
}

int area_put(struct area area, int x, int y, struct style style, const char *text)
{
    return put_limited(area, x, y, CANVAS_SIDE_MAX, style, text, strlen(text));
}

int area_put_bytes(struct area area, int x, int y, struct style style, const char *text,
                   size_t length)
{
    return put_limited(area, x, y, CANVAS_SIDE_MAX, style, text, length);
}

int area_print(struct area area, int x, int y, struct style style, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return area_put(area, x, y, style, text);
}

int text_columns(const char *text)
{
    size_t length = strlen(text);
    int column = 0;
    for (size_t at = 0; at < length;) {
        int32_t code = -1;
        at += utf8_decode(text + at, length - at, &code);
        column += code_columns(code);
    }
    return column;
}

/* A mark without a character before it stands alone. */
size_t text_grapheme(const char *text, int *columns)
{
    enum { CHARACTER_BYTES = 4 };
    size_t at = 0;
    *columns = 0;
    while (text[at]) {
        int32_t code = -1;
        size_t bytes = utf8_decode(text + at, strnlen(text + at, CHARACTER_BYTES), &code);
        if (at > 0 && code_columns(code) > 0)
            break;
        *columns += code_columns(code);
        at += bytes;
    }
    return at;
}

/* The ellipsis takes the last column, so one column alone has nothing else. */
int area_label(struct area area, int x, int y, int columns, struct style style, const char *text)
{
    if (columns <= 0)
        return 0;
    if (text_columns(text) <= columns)
        return put_limited(area, x, y, columns, style, text, strlen(text));
    int used = put_limited(area, x, y, columns - 1, style, text, strlen(text));
    return used + put_limited(area, x + used, y, 1, style, "…", strlen("…"));
}

void area_put_right(struct area area, int y, int margin, struct style style, const char *text)
{
    int x = area.width - margin - text_columns(text);
    area_put(area, x < 0 ? 0 : x, y, style, text);
}

void area_fill(struct area area, struct style style)
{
    for (int y = 0; y < area.height; y++)
        for (int x = 0; x < area.width; x++) {
            cell_detach(area, x, y);
            cell_blank(area_cell(area, x, y), style);
        }
}

bool cell_equal(const struct cell *a, const struct cell *b)
{
    return a->style.fg == b->style.fg && a->style.bg == b->style.bg &&
           a->style.attributes == b->style.attributes && strcmp(a->text, b->text) == 0;
}

/* --- as text, and as a picture --- */

enum { CELL_WIDTH = 8, CELL_HEIGHT = 17, BASELINE = 13 };

/* Lines without the blanks at their ends: `end` is where the last character that is not one has
 * ended. */
void canvas_put_text(struct buffer *out, const struct canvas *canvas)
{
    for (int y = 0; y < canvas->height; y++) {
        size_t end = out->length;
        for (int x = 0; x < canvas->width; x++) {
            const struct cell *cell = canvas_cell(canvas, x, y);
            buffer_text(out, cell->text);
            if (strcmp(cell->text, " ") != 0)
                end = out->length;
        }
        if (!out->failed && out->data) {
            out->length = end;
            out->data[end] = '\0';
        }
        buffer_byte(out, '\n');
    }
}

/* A cell's colours as they are seen: the page's where it has the terminal's own, and swapped where
 * it is reversed. */
struct look {
    int32_t fg, bg;
    unsigned attributes;
};

static struct look cell_look(const struct cell *cell, int32_t fg, int32_t bg)
{
    struct look look = {cell->style.fg < 0 ? fg : cell->style.fg,
                        cell->style.bg < 0 ? bg : cell->style.bg, cell->style.attributes};
    if (look.attributes & ATTRIBUTE_REVERSE) {
        int32_t swapped = look.fg;
        look.fg = look.bg;
        look.bg = swapped;
    }
    return look;
}

/* XML's marks in a text of the picture. */
static void put_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            buffer_text(out, "&lt;");
        else if (*text == '>')
            buffer_text(out, "&gt;");
        else if (*text == '&')
            buffer_text(out, "&amp;");
        else
            buffer_byte(out, *text);
    }
}

/* A rectangle for every stretch of cells of one background; none for the page's own. */
static void put_backgrounds(struct buffer *out, const struct canvas *canvas, int y, int32_t fg,
                            int32_t bg)
{
    for (int x = 0; x < canvas->width;) {
        struct look look = cell_look(canvas_cell(canvas, x, y), fg, bg);
        int end = x + 1;
        while (end < canvas->width && cell_look(canvas_cell(canvas, end, y), fg, bg).bg == look.bg)
            end++;
        if (look.bg != bg)
            buffer_format(out,
                          "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
                          x * CELL_WIDTH, y * CELL_HEIGHT, (end - x) * CELL_WIDTH, CELL_HEIGHT,
                          (unsigned)look.bg);
        x = end;
    }
}

/* One text element a cell: the columns stay straight whatever font the viewer has. */
static void put_letters(struct buffer *out, const struct canvas *canvas, int y, int32_t fg,
                        int32_t bg)
{
    for (int x = 0; x < canvas->width; x++) {
        const struct cell *cell = canvas_cell(canvas, x, y);
        if (!cell->text[0] || strcmp(cell->text, " ") == 0)
            continue;
        struct look look = cell_look(cell, fg, bg);
        buffer_format(out, "<text x=\"%d\" y=\"%d\" fill=\"#%06x\"%s%s%s>", x * CELL_WIDTH,
                      y * CELL_HEIGHT + BASELINE, (unsigned)look.fg,
                      look.attributes & ATTRIBUTE_BOLD ? " font-weight=\"bold\"" : "",
                      look.attributes & ATTRIBUTE_DIM ? " opacity=\"0.6\"" : "",
                      look.attributes & ATTRIBUTE_UNDERLINE ? " text-decoration=\"underline\""
                                                            : "");
        put_escaped(out, cell->text);
        buffer_text(out, "</text>\n");
    }
}

#define SVG_START "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""
#define SVG_FONT "<g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" "

bool canvas_is_svg(const char *text)
{
    return strncmp(text, SVG_START, sizeof SVG_START - 1) == 0 && strstr(text, SVG_FONT);
}

/* Backgrounds of a row first, then its letters, so that a letter which is wider than its cell in
 * the viewer's font is not cut by the next cell's background. */
void canvas_put_svg(struct buffer *out, const struct canvas *canvas, int32_t fg, int32_t bg)
{
    int width = canvas->width * CELL_WIDTH, height = canvas->height * CELL_HEIGHT;
    buffer_format(
        out,
        SVG_START
        "%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\">\n<rect width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n" SVG_FONT
        "font-size=\"13\" xml:space=\"preserve\">\n",
        width, height, width, height, width, height, (unsigned)bg);
    for (int y = 0; y < canvas->height; y++) {
        put_backgrounds(out, canvas, y, fg, bg);
        put_letters(out, canvas, y, fg, bg);
    }
    buffer_text(out, "</g>\n</svg>\n");
}
