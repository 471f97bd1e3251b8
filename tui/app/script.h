/* The full screen without a terminal, played from a script: what tests and pictures are made of. */
#ifndef SPECTRUM_TUI_APP_SCRIPT_H
#define SPECTRUM_TUI_APP_SCRIPT_H

#include "tui/app/app.h"

/* Plays a script without a terminal, on a canvas of the given size. Lines of a script:
 *     # a comment
 *     wait scan | wait step N | wait idle | wait text "..."    five minutes are an error
 *     save-screen FILE
 *     type "..."        characters as they are
 *     anything else     keys: names (Enter, Ctrl-R, Down), <Enter> inside words, single characters;
 *                       after a first ":" or "/" blanks are typed, too (":top 30 Enter")
 */
int script_run(const struct app_screens *screens, const char *script, const char *target, int width,
               int height, struct error *err);

#endif
