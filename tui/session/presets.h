/* Presets of the training form: usual ways to train, each a few fields and their values in one
 * const table. What a preset would change is known before it is taken, so a screen can show it.
 *
 * Taking one sets its fields; what an earlier one had set and this one does not goes back to its
 * default; all else stays: data, folder, what a demonstration begins with. A value that was typed
 * by hand may be among the changes, and whoever takes the preset has to ask before it is replaced.
 * "fresh" alone sets nothing and takes back all, what was typed, too. */
#ifndef SPECTRUM_TUI_SESSION_PRESETS_H
#define SPECTRUM_TUI_SESSION_PRESETS_H

#include "tui/session/settings.h"

enum { PRESET_FIELDS_MAX = 6 };

struct preset {
    const char *name, *help;
    bool fresh; /* takes back all that was set */
    struct {
        size_t at; /* the member of struct training_request */
        const char *value;
    } sets[PRESET_FIELDS_MAX]; /* up to a NULL */
};

/* The table. */
extern const struct preset presets[];
extern const size_t preset_count;

/* Takes it: its fields are set, and those that another preset had set go back. */
void preset_take(const struct preset *preset, struct settings *settings);

/* The fields that differ, in the order of the table of options; returns how many. */
size_t settings_changes(const struct settings *before, const struct settings *after,
                        size_t fields[SETTINGS_MAX]);

#endif
