/* Presets of the training form: usual ways to train, each a few fields and their values in one
 * const table. What a preset would change is known before it is taken, so a screen can show it.
 *
 * Taking one sets its fields; what an earlier one had set and this one does not goes back to its
 * default; all else stays: data, folder, what a demonstration begins with. A value that was typed
 * by hand is among the changes as `typed`, and whoever takes the preset has to ask before it is
 * replaced. "fresh" alone sets nothing and takes back all, what was typed, too. */
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

/* One field that a preset would change. */
struct preset_change {
    size_t field;
    const char *to; /* "" where it is left to the default that is none, "auto (2e-4)" */
    bool typed;     /* what is there was typed by hand */
};

/* What taking it would change, in the order of the table of options; returns how many. */
size_t preset_changes(const struct preset *preset, const struct settings *settings,
                      struct preset_change changes[SETTINGS_MAX]);

/* Makes these changes, what was typed among them. */
void preset_take(const struct preset *preset, struct settings *settings);

#endif
