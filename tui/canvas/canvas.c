#include "tui/canvas/canvas.h"

#include "base/memory.h"
#include "base/utf8.h"

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

static bool is_control(int32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F ||
           code == 0x2028 || code == 0x2029;
}

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
        {0x256D, '+'}, {0x256E, '+'}, {0x2570, '+'}, {0x256F, '+'}, {0x23F8, '='}, {0x2713, 'x'},
        {0x25A0, '#'}, {0x2014, '-'}, {0x2580, '"'},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return table[i].ascii;
    return '?';
}

static int put_limited(struct area area, int x, int y, int limit, struct style style,
                       const char *text)
{
    size_t length = strlen(text);
    int column = 0;
    for (size_t at = 0; at < length;) {
        int32_t code = -1;
        size_t bytes = utf8_decode(text + at, length - at, &code);
        int columns = code < 0 || is_control(code) ? 1 : utf8_columns(code);
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
    return put_limited(area, x, y, CANVAS_SIDE_MAX, style, text);
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
        column += code < 0 || is_control(code) ? 1 : utf8_columns(code);
    }
    return column;
}

int area_label(struct area area, int x, int y, int columns, struct style style, const char *text)
{
    if (columns <= 0)
        return 0;
    if (text_columns(text) <= columns)
        return put_limited(area, x, y, columns, style, text);
    int used = put_limited(area, x, y, columns - 1, style, text);
    return used + put_limited(area, x + used, y, 1, style, "…");
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
