/* What is done to the jobs of the library: to the marked ones, or else to that under the cursor. */
#ifndef SPECTRUM_TUI_SCREEN_LIBRARY_STEER_H
#define SPECTRUM_TUI_SCREEN_LIBRARY_STEER_H

#include "base/hash.h"
#include "tui/app/app.h"
#include "tui/session/library.h"

/* Which job was asked about, by what it would read; key "": none. */
struct library_asked {
    char key[DIGEST_TEXT_SIZE];
    char path[4096];
};

/* Pauses, lets go on, saves, stops, resumes or deletes; says what follows, or why it cannot be.
 * False: the request is another one. `row`: under the cursor; library->count: none. */
bool library_steer(struct app *app, struct library *library, size_t row,
                   struct library_asked *asked, enum request request);

#endif
