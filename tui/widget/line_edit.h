/* A line of text that is typed into: a field of a form, the prompt at the bottom.
 *
 *     line_edit_begin(&edit, value, sizeof value)     value is NUL-terminated UTF-8, and stays its owner's
 *     line_edit_input(&edit, input) ...               every key; what it does not take is the caller's
 *     line_edit_draw(&edit, area, style, true)
 *
 * The text lives in the caller's buffer, which must outlive the editor; nothing is allocated or
 * freed here. The caller may change it between two calls: the cursor is put back into it. One step of
 * the cursor is a grapheme, a character with the marks that combine with it, as a cell holds it.
 *
 * Keys are readline's:
 *
 *     Left Right               a character                Backspace  Del Ctrl-D   erase one
 *     Home End Ctrl-A Ctrl-E   the line's ends            Ctrl-U     Ctrl-K       erase up to an end
 *     Ctrl-Left Ctrl-Right     a word of letters and      Alt-Backspace  Alt-D    erase such a word
 *     Alt-B Alt-F              digits                     Ctrl-W                  erase back to a blank
 *     Ctrl-_                   undo: what was typed in one go, or one other change
 *
 * An undo brings back the text before; as many as LINE_PAST_BYTES hold, the oldest are forgotten
 * first. Most terminals send the same for Ctrl-/.
 *
 * Where one of them means something else (Ctrl-D in the form), its owner looks at it first.
 */
#ifndef SPECTRUM_TUI_WIDGET_LINE_EDIT_H
#define SPECTRUM_TUI_WIDGET_LINE_EDIT_H

#include "tui/canvas/canvas.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINE_PAST_BYTES = 2048 };

struct line_edit {
    char *text;                 /* NUL-terminated, in [size] bytes */
    size_t size;                /* of the buffer, at least 1 */
    size_t cursor;              /* a byte of the text at which a grapheme begins, or its end */
    int change;                 /* the last one, which the next may go on with */
    char past[LINE_PAST_BYTES]; /* texts to go back to, oldest first, each with its NUL */
    size_t past_used;
};

/* Edits a text where it is; the cursor is at its end. */
void line_edit_begin(struct line_edit *edit, char *text, size_t size);

/* Another text in its place, cut between characters where it is too long; the cursor is at its end.
 */
void line_edit_set(struct line_edit *edit, const char *text);

/* Empties it for what is typed or inserted next, which takes its place: one undo brings back what
 * was there. */
void line_edit_replace(struct line_edit *edit);

/* Is there anything to undo? Undoing where there is not does nothing. */
bool line_edit_can_undo(const struct line_edit *edit);
void line_edit_undo(struct line_edit *edit);

/* Inserts at the cursor and moves it after that. False: it has no room for all of it, and none of it is
 * inserted. Nothing, as an empty paste is, may be NULL. */
bool line_edit_insert(struct line_edit *edit, const char *text, size_t length);

/* One input, a character or a key; false: it means nothing to a line of text. A character that has
 * no room is taken, and dropped. */
bool line_edit_input(struct line_edit *edit, int input);

/* Draws in the area's first row: all of the text, or, where that has no room, what stands around the
 * cursor, with "…" at an end that goes on. The area is filled with the style; `focused` shows the
 * cursor, a reversed cell. */
void line_edit_draw(const struct line_edit *edit, struct area area, struct style style,
                    bool focused);

#endif
