/* What the description of the terminal's type says (terminfo), after setupterm() or newterm(). */
#ifndef SPECTRUM_TUI_CANVAS_TERMINAL_TYPE_H
#define SPECTRUM_TUI_CANVAS_TERMINAL_TYPE_H

#include "tui/canvas/emit.h"

#include <stdbool.h>

/* A capability by its name; NULL: the type has none. */
const char *type_capability(const char *name);

/* Does it take what xterm has brought up and most have taken over, modes and titles in sequences that no
 * description names? */
bool type_is_as_xterm(const char *type);

/* What the emitter may use; no colours where $NO_COLOR is set, all of 24 bits where $COLORTERM says so. Its strings last as long as the
 * process. */
void type_find_codes(struct emit_codes *codes);

#endif
