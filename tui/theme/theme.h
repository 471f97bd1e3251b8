/* Colour themes: text files, `key = #RRGGBB` a line, `#` at a line's start for comments.
 *
 *     text = #d8dee9
 *     accent = #88c0d0
 *     background =                 the terminal's own
 *
 * Whoever draws names a role (what the colour is for), never a colour; what a role looks like is
 * the theme's. An empty value is the terminal's own colour. Gradients are three keys, NAME_start,
 * NAME_mid and NAME_end. A theme whose `heat_start` is empty has no gradients: it is drawn with
 * glyphs and attributes alone, and so is every theme on a terminal without colour. Themes are
 * looked for in $XDG_CONFIG_HOME/spectrum/themes, beside the installed program, and in the source
 * folder.
 */
#ifndef SPECTRUM_TUI_THEME_THEME_H
#define SPECTRUM_TUI_THEME_THEME_H

#include "tui/canvas/canvas.h"

enum theme_role {
    THEME_BACKGROUND,
    THEME_TEXT,
    THEME_DIM,
    THEME_TITLE,
    THEME_BORDER,
    THEME_ACCENT,   /* keys, the values that matter */
    THEME_SELECTED, /* the line or field under the cursor: its background */
    THEME_CURSOR,   /* the heat map's cursor */
    THEME_STATUS,   /* the status line's text */
    THEME_STATUS_BACKGROUND,
    THEME_GOOD,
    THEME_WARNING,
    THEME_ERROR,
    THEME_TRAINED, /* the mark in a cell that trains */
    THEME_UNKNOWN, /* a cell that has no score yet */
    THEME_SERIES,  /* the first curve of a plot, the same before it was smoothed, the second, a
                      threshold */
    THEME_SERIES_FAINT,
    THEME_SERIES_OTHER,
    THEME_THRESHOLD,
    THEME_WEIGHTS, /* memory by category */
    THEME_MASTERS,
    THEME_GRADIENTS,
    THEME_OPTIMIZER,
    THEME_ACTIVATIONS,
    THEME_WORKSPACE,
    THEME_HEAT_START,
    THEME_HEAT_MID,
    THEME_HEAT_END,
    THEME_ROLES
};

struct theme {
    char name[32];
    int32_t colors[THEME_ROLES];
};

/* The theme that needs no file. */
void theme_plain(struct theme *theme);

/* Parses a theme's text; the message says the line, and the keys that there are. */
int theme_parse(struct theme *theme, const char *name, const char *text, const char *where,
                struct error *err);

/* Finds and reads a theme by name ("dark"). */
int theme_load(struct theme *theme, const char *name, struct error *err);

/* Calls `take` with the name of each theme that there is; one that is in several places comes as often. */
void theme_each_name(void (*take)(void *context, const char *name), void *context);

/* A theme for terminals without colour. */
bool theme_is_mono(const struct theme *theme);

/* Text of a role on the theme's background; without colours, roles that must stand out are bold or
 * reversed. */
struct style theme_style(const struct theme *theme, enum theme_role role);
/* Text of a role on the background of another. */
struct style theme_style_on(const struct theme *theme, enum theme_role role,
                            enum theme_role background);

/* The heat gradient at t in [0, 1]; COLOR_DEFAULT in a mono theme. */
int32_t theme_heat(const struct theme *theme, double t);

/* Black or white, whichever can be read on this background. */
int32_t color_contrast(int32_t background);

#endif
