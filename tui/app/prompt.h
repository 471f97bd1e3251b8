/* The line at the bottom in which a command, a search or an argument is typed: a line editor
 * (tui/widget/line_edit.h) with a memory and proposals.
 *
 *     Enter            finishes
 *     Esc Ctrl-C       closes it, and so does Backspace where nothing is typed
 *     Up Down          what was typed before of the same kind; Down ends at what was begun
 *     Tab              its owner's: prompt_propose() with what may stand there; where several may,
 *                      they are a list to choose from (tui/session/candidates.h)
 *
 * It knows neither the app nor what a command means: dispatch.h opens it, and does what it was given.
 */
#ifndef SPECTRUM_TUI_APP_PROMPT_H
#define SPECTRUM_TUI_APP_PROMPT_H

#include "tui/app/history.h"
#include "tui/keys/keys.h"
#include "tui/session/candidates.h"
#include "tui/theme/theme.h"
#include "tui/widget/line_edit.h"

enum { PROMPT_MAX = 512 };

/* Born as {0}, closed; prompt_free() gives back what it remembers. */
struct prompt {
    bool active;
    enum request request; /* REQUEST_PROMPT: a whole command */
    char text[PROMPT_MAX];
    struct line_edit edit;
    struct history history;       /* of all sittings; read when it is opened first */
    size_t at;                    /* the entry that is shown; history.count: what was begun */
    char begun[PROMPT_MAX];       /* that */
    struct candidates candidates; /* a list to choose from is open where there are any */
    size_t typed;                 /* bytes before the cursor with which they begin */
};

void prompt_open(struct prompt *prompt, enum request request);
void prompt_free(struct prompt *prompt);

/* One input. PROMPT_DONE: it is closed, and `text` is what was typed. */
enum prompt_state { PROMPT_OPEN, PROMPT_CLOSED, PROMPT_DONE };
enum prompt_state prompt_input(struct prompt *prompt, int input);

/* Inserts a pasted line; false: it has no room for all of it. */
bool prompt_paste(struct prompt *prompt, const char *line, size_t length);

/* The word before the cursor becomes what all proposals for it have in common; where that is nothing
 * more, several are a list to choose from. `typed` is that word, or the end of it that they begin with.
 * Takes the list. A single one that is complete gets `end` after it. */
void prompt_propose(struct prompt *prompt, const char *typed, struct candidates *list,
                    const char *end);

/* Rows that it takes in a window of so many columns: its own, and those of the proposals above it, at most
 * `most` in all. */
int prompt_rows(const struct prompt *prompt, int columns, int most);
void prompt_draw(const struct prompt *prompt, struct area area, const struct theme *theme);

#endif
