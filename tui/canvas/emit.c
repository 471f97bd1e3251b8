#include "tui/canvas/emit.h"

#include "base/memory.h"
#include "base/text.h"
#include "tui/canvas/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = -1, OWN = -1 };

void emit_init(struct emitter *emitter, const struct emit_codes *codes)
{
    *emitter = (struct emitter){.codes = *codes, .all = true, .x = UNKNOWN, .y = UNKNOWN};
}

void emit_free(struct emitter *emitter)
{
    free(emitter->shown);
    buffer_free(&emitter->pen_change);
    *emitter = (struct emitter){0};
}

void emit_forget(struct emitter *emitter)
{
    emitter->all = true;
}

/* --- cells as the terminal shows them --- */

static bool is_blank(const struct emit_cell *cell)
{
    return cell->text[0] == ' ' && !cell->text[1];
}

static bool pen_equal(const struct emit_pen *a, const struct emit_pen *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->attributes == b->attributes;
}

/* The same to the eye. A blank that is neither underlined nor reversed is its background alone, so
 * resolve() gives all of them one foreground. */
static bool cell_same(const struct emit_cell *a, const struct emit_cell *b)
{
    return pen_equal(&a->pen, &b->pen) && strcmp(a->text, b->text) == 0;
}

/* What the terminal cannot do is left out, so that it does not count as a difference. */
static struct emit_cell resolve(const struct emit_codes *codes, const struct cell *cell)
{
    struct emit_cell out;
    unsigned can = (codes->bold ? ATTRIBUTE_BOLD : 0) | (codes->dim ? ATTRIBUTE_DIM : 0) |
                   (codes->underline ? ATTRIBUTE_UNDERLINE : 0) |
                   (codes->reverse ? ATTRIBUTE_REVERSE : 0);
    memcpy(out.text, cell->text, sizeof out.text);
    out.pen.fg = palette_number(cell->style.fg, codes->colors);
    out.pen.bg = palette_number(cell->style.bg, codes->colors);
    /* of few colours two may come to one: what is to be seen is then black, and white on black */
    if (out.pen.fg != OWN && out.pen.fg == out.pen.bg && cell->style.fg != cell->style.bg) {
        int black = palette_number(0x000000, codes->colors);
        out.pen.fg = out.pen.bg == black ? palette_number(0xFFFFFF, codes->colors) : black;
    }
    out.pen.attributes = cell->style.attributes & can;
    if (is_blank(&out) && !(out.pen.attributes & (ATTRIBUTE_UNDERLINE | ATTRIBUTE_REVERSE)))
        out.pen = (struct emit_pen){OWN, out.pen.bg, 0};
    return out;
}

/* --- how it writes --- */

static bool is_sgr(const char *sequence, size_t length)
{
    return length > 2 && sequence[0] == '\033' && sequence[1] == '[' && sequence[length - 1] == 'm';
}

/* Adds a sequence to that under way; two of ECMA-48's "select graphic rendition" become one: ESC [ 1 m
 * and ESC [ 3 1 m are ESC [ 1 ; 3 1 m. */
static void add(struct buffer *change, const char *sequence)
{
    size_t length = strlen(sequence);
    if (is_sgr(sequence, length) && change->length > 0 && is_sgr(change->data, change->length)) {
        change->data[change->length - 1] = ';';
        sequence += 2;
    }
    buffer_text(change, sequence);
}

/* What turns attributes off. Most terminals' string also ends line-drawing characters, which are never
 * begun here. */
static const char *plain(const struct emit_codes *codes)
{
    static const char sgr[] = "\033[m";
    if (!codes->plain)
        return "";
    return strstr(codes->plain, sgr) || strstr(codes->plain, "\033[0m") ? sgr : codes->plain;
}

static void add_color(struct emitter *emitter, const char *code, int number)
{
    add(&emitter->pen_change, emitter->codes.expand(code, number, 0));
}

/* Back to the terminal's own colours, of which ECMA-48 has each by itself. */
static void add_own_colors(struct emitter *emitter, const struct emit_pen *want)
{
    const char *both = emitter->codes.own_both;
    struct emit_pen *pen = &emitter->pen;
    bool fg = want->fg == OWN && pen->fg != OWN, bg = want->bg == OWN && pen->bg != OWN;
    if (!fg && !bg)
        return;
    if (strcmp(both, "\033[39;49m") == 0 && fg != bg) {
        add(&emitter->pen_change, fg ? "\033[39m" : "\033[49m");
    } else {
        add(&emitter->pen_change, both);
        pen->fg = pen->bg = OWN;
    }
    if (fg)
        pen->fg = OWN;
    if (bg)
        pen->bg = OWN;
}

/* Terminfo turns attributes off all at once, and with them the colours; which is the one way back to the
 * terminal's own where there is none by itself. */
static void set_pen(struct emitter *emitter, const struct emit_pen *want, struct buffer *out)
{
    const struct emit_codes *codes = &emitter->codes;
    struct emit_pen *pen = &emitter->pen;
    struct buffer *change = &emitter->pen_change;
    buffer_clear(change);
    bool own = (want->fg == OWN && pen->fg != OWN) || (want->bg == OWN && pen->bg != OWN);
    if ((pen->attributes & ~want->attributes) || (own && !codes->own_both)) {
        add(change, plain(codes));
        *pen = (struct emit_pen){OWN, OWN, 0};
    }
    unsigned missing = want->attributes & ~pen->attributes;
    if (missing & ATTRIBUTE_BOLD)
        add(change, codes->bold);
    if (missing & ATTRIBUTE_DIM)
        add(change, codes->dim);
    if (missing & ATTRIBUTE_UNDERLINE)
        add(change, codes->underline);
    if (missing & ATTRIBUTE_REVERSE)
        add(change, codes->reverse);
    add_own_colors(emitter, want);
    if (want->fg != pen->fg)
        add_color(emitter, codes->foreground, want->fg);
    if (want->bg != pen->bg)
        add_color(emitter, codes->background, want->bg);
    *pen = *want;
    buffer_append(out, change->data, change->length);
}

/* A blank takes the pen as it is but for the background. */
static struct emit_pen pen_for(const struct emitter *emitter, const struct emit_cell *cell)
{
    bool any = is_blank(cell) && cell->pen.attributes == 0 && cell->pen.fg == OWN &&
               !(emitter->pen.attributes & (ATTRIBUTE_UNDERLINE | ATTRIBUTE_REVERSE));
    if (!any)
        return cell->pen;
    return (struct emit_pen){emitter->pen.fg, cell->pen.bg, emitter->pen.attributes};
}

/* --- where it writes --- */

static const struct emit_cell *shown_at(const struct emitter *emitter, int x, int y)
{
    return &emitter->shown[(size_t)y * (size_t)emitter->width + (size_t)x];
}

/* Bytes by which the cells [from, to) of a row can be sent again as they are, at most `limit`; more
 * than that where the pen would have to change or a cell is not one character of one column. */
static size_t again_cost(const struct emitter *emitter, int from, int to, int y, size_t limit)
{
    size_t cost = 0;
    for (int x = from; x < to && cost <= limit; x++) {
        const struct emit_cell *cell = shown_at(emitter, x, y);
        struct emit_pen pen = pen_for(emitter, cell);
        bool wide = x + 1 < emitter->width && !shown_at(emitter, x + 1, y)->text[0];
        if (!cell->text[0] || wide || !pen_equal(&pen, &emitter->pen))
            return limit + 1;
        cost += strlen(cell->text);
    }
    return cost;
}

/* The shortest of: the cells between again, so many columns to the right, that column, that place. */
static void move(struct emitter *emitter, int x, int y, struct buffer *out)
{
    const struct emit_codes *codes = &emitter->codes;
    char best[32];
    if (emitter->x == x && emitter->y == y)
        return;
    snprintf(best, sizeof best, "%s", codes->expand(codes->move, y, x));
    bool on = emitter->y == y && emitter->x != UNKNOWN && emitter->x < x;
    const char *ways[2] = {on ? codes->right : NULL, emitter->y == y ? codes->column : NULL};
    for (int i = 0; i < 2; i++) {
        const char *way = ways[i] ? codes->expand(ways[i], i == 0 ? x - emitter->x : x, 0) : NULL;
        if (way && strlen(way) < strlen(best))
            snprintf(best, sizeof best, "%s", way);
    }
    if (on && again_cost(emitter, emitter->x, x, y, strlen(best)) <= strlen(best))
        for (int at = emitter->x; at < x; at++)
            buffer_text(out, shown_at(emitter, at, y)->text);
    else
        buffer_text(out, best);
    emitter->x = x;
    emitter->y = y;
}

/* After a character of two columns, or of several code points, terminals do not agree in which column
 * the cursor is; after the last column not even in which row. */
static void write_cell(struct emitter *emitter, const struct emit_cell *cell, bool simple, int x,
                       int y, struct buffer *out)
{
    if (emitter->codes.no_end && x == emitter->width - 1 && y == emitter->height - 1)
        return;
    move(emitter, x, y, out);
    struct emit_pen pen = pen_for(emitter, cell);
    set_pen(emitter, &pen, out);
    buffer_text(out, cell->text);
    emitter->x = simple ? x + 1 : UNKNOWN;
    if (x + (simple ? 1 : 2) >= emitter->width)
        emitter->x = emitter->y = UNKNOWN;
}

/* --- a row --- */

/* A row of the canvas as the terminal would show it, beside what it shows. */
struct row {
    int y, width;
    struct emit_cell *shown;
    const struct cell *cells;
};

static struct emit_cell wanted(const struct emitter *emitter, const struct row *row, int x)
{
    return resolve(&emitter->codes, &row->cells[x]);
}

/* From x on, blanks of one background: where they end, and where the last of them is that differs from
 * what is shown. */
static int blank_run(const struct emitter *emitter, const struct row *row, int x, int *last)
{
    struct emit_cell first = wanted(emitter, row, x);
    int end = x;
    *last = x;
    for (; end < row->width; end++) {
        struct emit_cell cell = wanted(emitter, row, end);
        if (!cell_same(&cell, &first))
            break;
        if (!cell_same(&cell, &row->shown[end]))
            *last = end;
    }
    return end;
}

/* Erases a run of blanks where that is shorter than to write them; returns the column after it, or x
 * where there is nothing to erase. */
static int erase_run(struct emitter *emitter, const struct row *row, int x, struct buffer *out)
{
    enum { LINE_LEAST = 4, RUN_LEAST = 12 }; /* erasing and going on takes that many bytes */
    const struct emit_codes *codes = &emitter->codes;
    struct emit_cell cell = wanted(emitter, row, x);
    int last, end;
    if (!is_blank(&cell) || cell.pen.attributes || (cell.pen.bg != OWN && !codes->fills))
        return x;
    end = blank_run(emitter, row, x, &last);
    bool line = codes->clear_line && end == row->width && last - x + 1 >= LINE_LEAST;
    bool run = codes->erase && last - x + 1 >= RUN_LEAST;
    if (!line && !run)
        return x;
    move(emitter, x, row->y, out);
    struct emit_pen pen = pen_for(emitter, &cell);
    set_pen(emitter, &pen, out);
    buffer_text(out, line ? codes->clear_line : codes->expand(codes->erase, last - x + 1, 0));
    for (int i = x; i <= last; i++)
        row->shown[i] = cell;
    return last + 1;
}

static bool is_one_character(const char *text)
{
    int32_t code;
    size_t length = strlen(text);
    return utf8_decode(text, length, &code) == length;
}

/* Cell by cell: one that is shown already costs nothing, a run of blanks may be one erasure, any
 * other is written. */
static void emit_row(struct emitter *emitter, const struct row *row, struct buffer *out)
{
    for (int x = 0; x < row->width;) {
        struct emit_cell cell = wanted(emitter, row, x);
        bool wide = x + 1 < row->width && !row->cells[x + 1].text[0];
        if (cell_same(&cell, &row->shown[x]) || !cell.text[0]) {
            row->shown[x++] = cell;
            continue;
        }
        int behind = erase_run(emitter, row, x, out);
        if (behind == x) {
            write_cell(emitter, &cell, !wide && is_one_character(cell.text), x, row->y, out);
            row->shown[x] = cell;
            behind = x + 1;
        }
        x = behind;
    }
}

/* --- a canvas --- */

/* The window cleared, to the background that the canvas has at its end, which is that of most of it; a
 * terminal that does not fill is cleared to its own. */
static void clear(struct emitter *emitter, const struct canvas *canvas, struct buffer *out)
{
    const struct emit_codes *codes = &emitter->codes;
    size_t count = (size_t)emitter->width * (size_t)emitter->height;
    struct emit_cell last = resolve(codes, &canvas->cells[count - 1]);
    struct emit_cell blank = {" ", {OWN, codes->fills ? last.pen.bg : OWN, 0}};
    buffer_text(out, plain(codes));
    if (codes->colors > 0 && codes->own_both)
        buffer_text(out, codes->own_both);
    emitter->pen = (struct emit_pen){OWN, OWN, 0};
    set_pen(emitter, &blank.pen, out);
    buffer_text(out, codes->clear);
    emitter->x = emitter->y = UNKNOWN;
    for (size_t i = 0; i < count; i++)
        emitter->shown[i] = blank;
}

/* Another size begins with a cleared terminal. After a failure nothing is known of what the
 * terminal shows, and all is sent next time. */
void emit_canvas(struct emitter *emitter, const struct canvas *canvas, struct buffer *out)
{
    size_t count = (size_t)canvas->width * (size_t)canvas->height;
    if (emitter->width != canvas->width || emitter->height != canvas->height) {
        struct emit_cell *shown = array_alloc(count, sizeof *shown, NULL);
        if (!shown)
            return;
        free(emitter->shown);
        emitter->shown = shown;
        emitter->width = canvas->width;
        emitter->height = canvas->height;
        emitter->all = true;
    }
    if (emitter->all)
        clear(emitter, canvas, out);
    emitter->all = false;
    for (int y = 0; y < canvas->height; y++) {
        size_t at = (size_t)y * (size_t)canvas->width;
        const struct row row = {y, canvas->width, emitter->shown + at, canvas->cells + at};
        emit_row(emitter, &row, out);
    }
    if (out->failed || emitter->pen_change.failed)
        emit_forget(emitter);
}
