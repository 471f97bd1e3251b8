/* The two ways to run the full screen: on a terminal, and played from a script.
 *
 * Both make an app, feed it inputs and the passing of time, draw it and free it; all between is the
 * same, so what a script shows is what a user sees. On a terminal a small parent watches over the
 * process (watchdog.h); a script needs neither a terminal nor that parent.
 */
#ifndef SPECTRUM_TUI_APP_RUN_H
#define SPECTRUM_TUI_APP_RUN_H

#include "tui/app/app.h"

/* On the terminal of standard input and output, until the user leaves or a signal asks for the end
 * (ERROR_INTERRUPTED). `target` may be NULL. `slow`: on a line that is, where the first screen of any
 * model takes at most 4 KB: without colours (unless $SPECTRUM_THEME names some), at most 100x30 cells, and
 * progress a few times a minute (pace.h). */
int screen_run(const struct app_screens *screens, const char *target, bool slow, struct error *err);

/* Plays a script without a terminal, on a canvas of the given size: what tests and pictures are
 * made of. Lines of a script:
 *     # a comment
 *     wait scan | wait step N | wait idle | wait text "..."    five minutes are an error
 *     save-screen FILE
 *     type "..."        characters as they are
 *     field "LABEL"     the cursor to a field of the form, wherever it is
 *     paste "..."       the text as a terminal pastes it; \\n in it is a line end, \\e an escape, \\\\
 *                       a backslash
 *     anything else     keys: names (Enter, Ctrl-R, Down), <Enter> inside words, single characters;
 *                       after a first ":" or "/" blanks are typed, too (":top 30 Enter")
 * A text stands in quotes, or is one word. A line that cannot be done, that says more than is done, or
 * has a word that is meant as a key's name and is none, ends it with an error that names file and line.
 */
int script_run(const struct app_screens *screens, const char *script, const char *target, int width,
               int height, struct error *err);

/* Plays the lines of a text, which is changed (NULL: none), in an app that is open; errors name `path`. */
int script_play(struct app *app, char *text, const char *path, struct error *err);

#endif
