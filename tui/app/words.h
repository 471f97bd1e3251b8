/* What may stand where one types at the prompt: commands of this screen, and after a command what it
 * takes, paths, metrics, themes, devices. */
#ifndef SPECTRUM_TUI_APP_WORDS_H
#define SPECTRUM_TUI_APP_WORDS_H

#include "tui/app/app.h"

/* Completes the word before the prompt's cursor, or shows what it may become; says so where nothing begins
 * as it does. */
void app_propose(struct app *app);

#endif
