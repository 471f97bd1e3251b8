/* What a terminal is told beside its cells: that something has come to its end. */
#ifndef SPECTRUM_TUI_CANVAS_NOTIFY_H
#define SPECTRUM_TUI_CANVAS_NOTIFY_H

#include "base/buffer.h"

#include <stdbool.h>

/* Ways of saying it; each only where a user asked for it. */
enum notify_kind {
    NOTIFY_BELL = 1,    /* BEL */
    NOTIFY_TITLE = 2,   /* OSC 2: the window's title */
    NOTIFY_OSC_9 = 4,   /* OSC 9: a notification, as iTerm2, kitty, foot and WezTerm show it */
    NOTIFY_OSC_777 = 8, /* OSC 777 "notify": as rxvt-unicode, foot and Ghostty show it */
};

/* Appends the sequences of some kinds for a title and a sentence. The texts may be anything: what must
 * not reach a terminal becomes '?', of what is long the end is cut; ';', which would end a part of a
 * sequence, becomes ','. `ascii`: all that is not ASCII becomes '?', too. */
void notify_put(struct buffer *out, unsigned kinds, const char *title, const char *body,
                bool ascii);

#endif
