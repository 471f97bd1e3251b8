#include "tui/widget/line_edit.h"

#include "base/text.h"
#include "tui/canvas/terminal.h"

#include <stdint.h>
#include <string.h>

#define CTRL(letter) ((letter) - 'A' + 1)

/* --- places in the text --- */

/* What stands between two places is whole graphemes; places are bytes. */
static size_t next_place(const char *text, size_t at)
{
    int columns;
    return at + text_grapheme(text + at, &columns);
}

/* The graphemes are counted from the front, as only there it is known where one begins. */
static size_t previous_place(const char *text, size_t before)
{
    size_t at = 0, next;
    while (text[at] && (next = next_place(text, at)) < before)
        at = next;
    return at;
}

/* Where the cursor is in a text that the caller may have changed since the last call: the first place
 * that is not before it, at most the end. */
static size_t settled(const struct line_edit *edit)
{
    size_t at = 0;
    while (edit->text[at] && at < edit->cursor)
        at = next_place(edit->text, at);
    return at;
}

/* Letters and digits of ASCII, and all that is not ASCII; so a path's "/" is between words. */
static bool is_of_word(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_no_blank(char byte)
{
    return byte != ' ';
}

/* The beginning of the word that stands before the cursor, over what is between them. Every byte of
 * a character that is not ASCII is of a word, so none is cut. */
static size_t word_left(const struct line_edit *edit, bool (*is_of)(char))
{
    size_t at = edit->cursor;
    while (at > 0 && !is_of(edit->text[at - 1]))
        at--;
    while (at > 0 && is_of(edit->text[at - 1]))
        at--;
    return at;
}

static size_t word_right(const struct line_edit *edit)
{
    size_t at = edit->cursor;
    while (edit->text[at] && !is_of_word(edit->text[at]))
        at++;
    while (edit->text[at] && is_of_word(edit->text[at]))
        at++;
    return at;
}

/* --- undo --- */

/* Changes that go on with the one before are undone with it: characters with characters, Backspace
 * with Backspace, and whatever comes first into a line that was emptied for it. */
enum change { CHANGE_NONE, CHANGE_CHARACTER, CHANGE_BACKSPACE, CHANGE_REPLACE, CHANGE_OTHER };

/* Before a change: keeps the text as it is, unless an earlier change has. */
static void keep_past(struct line_edit *edit, enum change change)
{
    size_t size = strlen(edit->text) + 1, oldest;
    bool goes_on =
        edit->change == CHANGE_REPLACE || (edit->change == (int)change && change < CHANGE_REPLACE);
    edit->change = (int)change;
    if (goes_on || size > sizeof edit->past)
        return;
    while (edit->past_used + size > sizeof edit->past) {
        oldest = strlen(edit->past) + 1;
        edit->past_used -= oldest;
        memmove(edit->past, edit->past + oldest, edit->past_used);
    }
    memcpy(edit->past + edit->past_used, edit->text, size);
    edit->past_used += size;
}

/* The newest that differs; SIZE_MAX: none does. A key that erased nothing has kept the same text. */
static size_t find_past(const struct line_edit *edit)
{
    size_t end = edit->past_used;
    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && edit->past[at - 1])
            at--;
        if (strcmp(edit->past + at, edit->text) != 0)
            return at;
        end = at;
    }
    return SIZE_MAX;
}

bool line_edit_can_undo(const struct line_edit *edit)
{
    return find_past(edit) != SIZE_MAX;
}

/* The cursor comes after what has come back. */
void line_edit_undo(struct line_edit *edit)
{
    size_t at = find_past(edit), all = strlen(edit->text);
    edit->change = CHANGE_NONE;
    if (at == SIZE_MAX)
        return;
    const char *past = edit->past + at;
    size_t length = strlen(past), same = 0;
    while (same < length && same < all && past[length - 1 - same] == edit->text[all - 1 - same])
        same++;
    memcpy(edit->text, past, length + 1);
    edit->cursor = length - same;
    edit->cursor = settled(edit);
    edit->past_used = at;
}

/* --- editing --- */

void line_edit_begin(struct line_edit *edit, char *text, size_t size)
{
    edit->text = text;
    edit->size = size;
    edit->cursor = strlen(text);
    edit->change = CHANGE_NONE;
    edit->past_used = 0;
}

void line_edit_replace(struct line_edit *edit)
{
    keep_past(edit, CHANGE_OTHER);
    edit->change = CHANGE_REPLACE;
    edit->text[0] = '\0';
    edit->cursor = 0;
}

/* Puts a text, whole characters as far as there is room. */
static void put_text(struct line_edit *edit, const char *text)
{
    size_t length = strlen(text), kept = 0;
    while (kept < length) {
        int32_t code;
        size_t bytes = utf8_decode(text + kept, length - kept, &code);
        if (kept + bytes >= edit->size)
            break;
        kept += bytes;
    }
    memmove(edit->text, text, kept);
    edit->text[kept] = '\0';
    edit->cursor = kept;
}

void line_edit_set(struct line_edit *edit, const char *text)
{
    keep_past(edit, CHANGE_OTHER);
    put_text(edit, text);
}

/* All of the text or nothing: half of a path would be another path. */
static bool insert(struct line_edit *edit, const char *text, size_t length, enum change change)
{
    edit->cursor = settled(edit);
    size_t all = strlen(edit->text);
    if (length >= edit->size - all)
        return false;
    if (length > 0)
        keep_past(edit, change);
    char *here = edit->text + edit->cursor;
    memmove(here + length, here, all - edit->cursor + 1);
    if (length > 0)
        memcpy(here, text, length);
    edit->cursor += length;
    return true;
}

bool line_edit_insert(struct line_edit *edit, const char *text, size_t length)
{
    return insert(edit, text, length, CHANGE_OTHER);
}

/* Takes text[from, to) out; the cursor stands where it was. */
static void erase(struct line_edit *edit, size_t from, size_t to, enum change change)
{
    keep_past(edit, change);
    memmove(edit->text + from, edit->text + to, strlen(edit->text + to) + 1);
    edit->cursor = from;
}

/* Keys that move; false: it is another one. */
static bool move(struct line_edit *edit, int input)
{
    switch (input) {
    case INPUT_LEFT:
        edit->cursor = previous_place(edit->text, edit->cursor);
        return true;
    case INPUT_RIGHT:
        edit->cursor = next_place(edit->text, edit->cursor);
        return true;
    case INPUT_HOME:
    case CTRL('A'):
        edit->cursor = 0;
        return true;
    case INPUT_END:
    case CTRL('E'):
        edit->cursor = strlen(edit->text);
        return true;
    case INPUT_WORD_LEFT:
        edit->cursor = word_left(edit, is_of_word);
        return true;
    case INPUT_WORD_RIGHT:
        edit->cursor = word_right(edit);
        return true;
    default:
        return false;
    }
}

/* Keys that erase; false: it is another one. */
static bool take_out(struct line_edit *edit, int input)
{
    size_t at = edit->cursor;
    switch (input) {
    case INPUT_BACKSPACE:
        erase(edit, previous_place(edit->text, at), at, CHANGE_BACKSPACE);
        return true;
    case INPUT_DELETE:
    case CTRL('D'):
        erase(edit, at, next_place(edit->text, at), CHANGE_OTHER);
        return true;
    case INPUT_WORD_ERASE:
        erase(edit, word_left(edit, is_of_word), at, CHANGE_OTHER);
        return true;
    case CTRL('W'):
        erase(edit, word_left(edit, is_no_blank), at, CHANGE_OTHER);
        return true;
    case INPUT_WORD_DELETE:
        erase(edit, at, word_right(edit), CHANGE_OTHER);
        return true;
    case CTRL('U'):
        erase(edit, 0, at, CHANGE_OTHER);
        return true;
    case CTRL('K'):
        erase(edit, at, strlen(edit->text), CHANGE_OTHER);
        return true;
    default:
        return false;
    }
}

bool line_edit_input(struct line_edit *edit, int input)
{
    char bytes[4];
    edit->cursor = settled(edit);
    if (move(edit, input)) {
        edit->change = CHANGE_NONE;
        return true;
    }
    if (take_out(edit, input))
        return true;
    if (input == CTRL('_')) {
        line_edit_undo(edit);
        return true;
    }
    if (input >= INPUT_UP || utf8_is_unsafe(input))
        return false;
    insert(edit, bytes, utf8_encode(input, bytes), CHANGE_CHARACTER);
    edit->cursor = settled(edit); /* a mark joins the character before it */
    return true;
}

/* --- drawing --- */

/* Columns of text[0, end). */
static int columns_before(const char *text, size_t end)
{
    int sum = 0, columns;
    for (size_t at = 0; text[at] && at < end; sum += columns)
        at += text_grapheme(text + at, &columns);
    return sum;
}

/* The column of the text that is the area's first. The line moves by quarters of its width, so that
 * most keys change one cell and a path keeps most of its end in sight; the cursor, with a wide
 * character under it, stays clear of a mark at either end:
 *
 *     k quarter <= cursor - 1   and   cursor - k quarter <= width - 3,    k the smallest that does
 */
static int first_column(int width, int all, int cursor)
{
    if (all < width)
        return 0;
    if (width < 8) /* without marks */
        return cursor > width - 2 ? cursor - (width > 1 ? width - 2 : 0) : 0;
    int quarter = width / 4, over = cursor - (width - 3);
    return over > 0 ? (over + quarter - 1) / quarter * quarter : 0;
}

/* A wide character of which the first column is outside is left out. */
void line_edit_draw(const struct line_edit *edit, struct area area, struct style style,
                    bool focused)
{
    struct area line = area_part(area, 0, 0, area.width, 1);
    int all = columns_before(edit->text, strlen(edit->text)), columns;
    size_t at = settled(edit);
    int cursor = columns_before(edit->text, at);
    int end = all > line.width ? all - line.width : 0; /* shows all columns of the text's end */
    int first = focused || cursor < all ? first_column(line.width, all, cursor) : end, x = -first;
    struct style under = style;
    under.attributes ^= ATTRIBUTE_REVERSE;
    area_fill(line, style);
    for (const char *text = edit->text; *text && x < line.width; x += columns) {
        size_t bytes = text_grapheme(text, &columns);
        bool here = focused && text == edit->text + at;
        if (x >= 0)
            area_put_bytes(line, x, 0, here ? under : style, text, bytes);
        text += bytes;
    }
    if (focused && !edit->text[at])
        area_put(line, cursor - first, 0, under, " ");
    if (line.width >= 8 && first > 0)
        area_put(line, 0, 0, style, "…");
    if (line.width >= 8 && all - first > line.width)
        area_put(line, line.width - 1, 0, style, "…");
}
