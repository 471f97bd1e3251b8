/* Running the full screen: on a terminal, or played from a script. */
#ifndef SPECTRUM_TUI_APP_LOOP_H
#define SPECTRUM_TUI_APP_LOOP_H

#include "base/error.h"

/* On the terminal of standard input and output, in a child of a small process that brings the
 * terminal back whatever ends it. `target` may be NULL. */
int screen_run(const char *target, struct error *err);

/* Plays a script without a terminal, on a canvas of the given size. Lines of a script:
 *     # a comment
 *     wait scan | wait step N | wait idle | wait text "..."    five minutes are an error
 *     save-screen FILE
 *     type "..."        characters as they are
 *     anything else     keys: names (Enter, Ctrl-R, Down), <Enter> inside words, single characters;
 *                       after a first ":" or "/" blanks are typed, too (":top 30 Enter")
 */
int script_run(const char *script, const char *target, int width, int height, struct error *err);

#endif
