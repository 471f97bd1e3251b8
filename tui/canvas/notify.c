#include "tui/canvas/notify.h"

#include "base/text.h"

enum { TEXT_MAX = 200 }; /* terminals cut at some hundred */

static void clean(char out[TEXT_MAX], const char *text, bool ascii)
{
    utf8_copy(out, TEXT_MAX, text);
    for (char *c = out; *c; c++) {
        if (*c == ';')
            *c = ',';
        else if (ascii && (unsigned char)*c >= 0x80)
            *c = '?';
    }
}

/* BEL ends a sequence in every terminal that has these, where ESC \ is shown by some. */
void notify_put(struct buffer *out, unsigned kinds, const char *title, const char *body, bool ascii)
{
    char name[TEXT_MAX], sentence[TEXT_MAX];
    clean(name, title, ascii);
    clean(sentence, body, ascii);
    if (kinds & NOTIFY_BELL)
        buffer_byte(out, '\a');
    if (kinds & NOTIFY_TITLE)
        buffer_format(out, "\033]2;%s\a", name);
    if (kinds & NOTIFY_OSC_9)
        buffer_format(out, "\033]9;%s: %s\a", name, sentence);
    if (kinds & NOTIFY_OSC_777)
        buffer_format(out, "\033]777;notify;%s;%s\a", name, sentence);
}
