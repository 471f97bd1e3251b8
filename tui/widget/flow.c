#include "tui/widget/flow.h"

#include "base/text.h"

#include <string.h>

enum { LINE_MAX_BYTES = 1024 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\n';
}

/* Columns of the word at the beginning, counted until they are more than `most`. */
static int word_columns(const char *text, size_t length, int most)
{
    int columns = 0;
    for (size_t at = 0; at < length && !is_blank(text[at]) && columns <= most;) {
        int32_t code;
        at += utf8_decode(text + at, length - at, &code);
        columns += code < 0 ? 1 : utf8_columns(code);
    }
    return columns;
}

/* Character by character, so that styles may change in the middle of a line. What is above or below
 * the area moves the position all the same: that is how a text is scrolled. */
void flow_put(struct flow *flow, struct style style, const char *text, size_t length)
{
    for (size_t at = 0; at < length && flow->area.width > 0;) {
        char piece[5] = "";
        int32_t code;
        int width = flow->area.width, word = 0;
        if (!is_blank(text[at]) && (at == 0 || is_blank(text[at - 1])))
            word = word_columns(text + at, length - at, width);
        if (flow->x > 0 && word <= width && flow->x + word > width) {
            flow->x = 0;
            flow->y++;
        }
        size_t bytes = utf8_decode(text + at, length - at, &code);
        memcpy(piece, text + at, bytes);
        at += bytes;
        int columns = text_columns(piece);
        bool breaks = flow->x + columns > width;
        if (code == '\n' || breaks) {
            flow->x = 0;
            flow->y++;
        }
        if (code == '\n' || (code == ' ' && breaks))
            continue;
        if (flow->y >= 0)
            area_put(flow->area, flow->x, flow->y, style, piece);
        flow->x += columns;
    }
}

void flow_mark_cut(const struct flow *flow, struct style style)
{
    if (flow->y >= flow->area.height && flow->area.height > 0)
        area_put(flow->area, flow->area.width - 1, flow->area.height - 1, style, "…");
}

void flow_item(struct flow *flow, struct style style, const char *text)
{
    int columns = text_columns(text);
    if (flow->x > 0 && flow->x + 2 + columns > flow->area.width) {
        flow->x = 0;
        flow->y++;
    }
    flow->x += flow->x > 0 ? 2 : 0;
    area_label(flow->area, flow->x, flow->y, flow->area.width - flow->x, style, text);
    flow->x += columns;
}

/* Bytes of the first line: up to the last blank that fits, or as much of a long word as fits. */
static size_t line_length(const char *text, int columns)
{
    size_t length = strlen(text), blank = 0;
    int used = 0;
    for (size_t at = 0; at < length;) {
        int32_t code;
        size_t bytes = utf8_decode(text + at, length - at, &code);
        used += code < 0 ? 1 : utf8_columns(code);
        if (text[at] == ' ')
            blank = at;
        if (used > columns)
            return blank > 0 ? blank : at > 0 ? at : bytes;
        at += bytes;
    }
    return length;
}

/* Where the second line begins: after the blanks at which the first was broken. */
static const char *next_words(const char *text, int columns)
{
    text += line_length(text, columns);
    return text + strspn(text, " ");
}

/* The last row gets all that is left, which area_label() cuts with an ellipsis. */
int flow_words(struct area area, struct style style, const char *text)
{
    int rows = flow_words_rows(text, area.width);
    for (int y = 0; y < rows && y < area.height; y++) {
        char line[LINE_MAX_BYTES];
        size_t length = y + 1 == area.height ? strlen(text) : line_length(text, area.width);
        if (length >= sizeof line)
            length = sizeof line - 1;
        memcpy(line, text, length);
        line[length] = '\0';
        area_label(area, 0, y, area.width, style, line);
        text = next_words(text, area.width);
    }
    return rows;
}

int flow_words_rows(const char *text, int columns)
{
    int rows = 0;
    for (; *text && columns > 0; rows++)
        text = next_words(text, columns);
    return rows;
}
