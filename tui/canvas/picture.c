/* A canvas as text lines and as an SVG picture. */
#include "tui/canvas/canvas.h"

#include <string.h>

enum { CELL_WIDTH = 8, CELL_HEIGHT = 17, BASELINE = 13 };

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
