/* The real terminal, by way of ncurses: the one file that includes <ncurses.h> is terminal.c.
 *
 * Colours are the terminal's own number of them, nearest to the canvas's 24 bits; NO_COLOR counts.
 * Input arrives as code points and the names below; a pasted text is one input (paste.h).
 */
#ifndef SPECTRUM_TUI_CANVAS_TERMINAL_H
#define SPECTRUM_TUI_CANVAS_TERMINAL_H

#include "tui/canvas/canvas.h"
#include "tui/canvas/notify.h"
#include "tui/canvas/paste.h"

/* Inputs that are not characters; above all code points. */
enum input {
    INPUT_NONE = -1,
    INPUT_UP = 0x110000,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_HOME,
    INPUT_END,
    INPUT_DELETE,
    INPUT_BACK_TAB,
    INPUT_WORD_LEFT,   /* Ctrl-Left, Alt-B */
    INPUT_WORD_RIGHT,  /* Ctrl-Right, Alt-F */
    INPUT_WORD_ERASE,  /* Alt-Backspace */
    INPUT_WORD_DELETE, /* Alt-D */
    INPUT_F1,
    INPUT_PASTE, /* terminal_paste() has it */
    INPUT_RESIZE,
    INPUT_CLOSED, /* the terminal went away */
    INPUT_LAST,
    INPUT_TAB = '\t',
    INPUT_ENTER = '\n',
    INPUT_ESCAPE = 27,
    INPUT_BACKSPACE = 127,
};

/* What to write to bring a terminal back, looked up while all is well; for the watching parent. */
int terminal_restore_prepare(struct error *err);
void terminal_restore(void);

/* `slow`: its line is, so that the bytes of one key may come some time apart. */
int terminal_open(bool slow, struct error *err);
void terminal_close(void);
int terminal_colors(void); /* 8, 16, 256, or 2^24: direct ones; 0: none are used */
bool terminal_is_utf8(void);

/* In cells: the window's own size; where it does not say, LINES and COLUMNS, then that of the
 * terminal's type, then 80x24. terminal_read() follows it and says INPUT_RESIZE. */
void terminal_size(int *width, int *height);

/* What of the environment (ESCDELAY, LINES, COLUMNS) could not be used, and what is done instead;
 * "": all of it was. */
const char *terminal_notice(void);

/* Shows a canvas; sends only what changed since the last time, so nothing when nothing did. Returns the
 * bytes that it took. */
size_t terminal_show(const struct canvas *canvas);
void terminal_redraw(void); /* the next show sends everything */

/* Waits up to `timeout_ms` (-1: as long as it may), a second at most, for input; then
 * terminal_read() returns inputs until INPUT_NONE. */
void terminal_wait(int timeout_ms);
int terminal_read(void);

/* What was pasted, when terminal_read() has said so, until it is called again. */
const struct paste *terminal_paste(void);

/* Tells a user who looks elsewhere, in the ways that were asked for (enum notify_kind) and that this
 * type of terminal has: a Linux console and a VT100 have a bell alone, and none has all. */
void terminal_notify(unsigned kinds, const char *title, const char *body);

/* Ctrl-Z: gives the terminal back, stops, and goes on when continued. */
void terminal_suspend(void);

#endif
