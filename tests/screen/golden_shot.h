/* A picture of the full screen as a terminal shows it: the app in a child process on a pseudo-terminal
 * of a type, with a locale and a theme, its bytes seen through libvterm.
 *
 * The child makes the world (golden_world.h), opens a target, plays a script's lines, lets time pass
 * until nothing changes any more, and draws once. A mark behind the bytes of that says that they are
 * all, so nothing here waits for a time.
 *
 * A picture is text, a row of the terminal a line, and below it how its cells look:
 *
 *     |spectrum library                    the characters, without blanks at the end
 *     0 9:b110 7:245                       row 0: 9 cells bold in colour 110, 7 in colour 245
 *     3-5 2:- 78:r-                        rows 3 to 5: 2 plain cells, and 78 reversed ones
 *
 * A look is its attributes (b bold, r reverse, u underline), the colour of its text ("-": the
 * terminal's own; a number of the palette, or #RRGGBB), and with "/" that of its background, where this
 * is not the ground: the terminal's own colour, or that of the line "ground" before all else. Blanks on
 * the ground have no look of their own, and count with the cells before them; rows that are all plain
 * have no line.
 */
#ifndef SPECTRUM_TESTS_SCREEN_GOLDEN_SHOT_H
#define SPECTRUM_TESTS_SCREEN_GOLDEN_SHOT_H

#include "base/buffer.h"

#include <stdbool.h>

/* What a picture is taken with. */
struct golden_terminal {
    int width, height;
    const char *type, *locale;
    const char *theme; /* NULL: NO_COLOR is set */
};

/* Of what. */
struct golden_screen {
    const char *name;   /* of its file */
    const char *target; /* NULL: the library */
    const char *script; /* lines of run.h's language; NULL: none */
    bool partly;        /* the scan is under way */
    bool foreign;       /* other tools' runs are there, too */
    bool small;         /* in windows that are too small for a view */
    bool few;           /* another state of a screen that is there: on few terminals */
};

/* Compiles the types of terminals that not every system describes into `folder`, and points the process
 * at it. "xterm-24bit" is one of direct colours. False: there is no `tic`. */
bool golden_types_make(const char *folder);

/* Appends the picture: the texts, then the looks. `folder` is empty, and the child's own. 0, or -1 with
 * why appended instead. */
int golden_shoot(struct buffer *out, const struct golden_screen *screen,
                 const struct golden_terminal *terminal, const char *folder, const char *source);

#endif
