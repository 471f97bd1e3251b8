/* What was typed into the training form, kept between two sittings, and what was typed into its
 * fields before.
 *
 * A form is its model's: a file "forms/<hash of the model's path>.json" of the state folder, for
 * its user's eyes alone, written whole. It has every field that is not at its default, by its
 * option's name, with who set it:
 *
 *     {"format": "spectrum.form", "version": 1, "model": "/models/a",
 *      "fields": {"data": {"by": "hand", "values": ["/text/a.jsonl", "/text/b"]},
 *                 "steps": {"by": "preset", "values": ["60"]}}}
 *
 *     model opened --form_keep_open()--> what was kept is put into the settings
 *     a change --form_keep_changed(), `hold` seconds--> written; removed where nothing is set
 *     model closed --form_keep_close()--> written, where something is not
 *
 * A model that has no form of its own takes over what was typed by hand for the one before it, but
 * for the run's folder. A file that cannot be read, or that has a field which this program has not,
 * is set aside beside it before another is written. Of two screens over one model the last writer
 * wins.
 *
 * The history of a field is what runs were started with: "forms/history.json", for all models
 * together, FORM_HISTORY_MAX values a field, the newest first. */
#ifndef SPECTRUM_TUI_SESSION_FORM_KEEP_H
#define SPECTRUM_TUI_SESSION_FORM_KEEP_H

#include "base/json.h"
#include "tui/session/settings.h"

enum { FORM_FILE_MAX = 1 << 20, FORM_HISTORY_MAX = 20 };

struct form_keep {
    char *path;                   /* its file; NULL: no model is open, or no state folder */
    char *model;                  /* for people who read the file */
    bool aside;                   /* what lies at `path` was not taken, and is not written over */
    bool told;                    /* that it cannot be kept was said (once a session) */
    double changed_at;            /* clock_seconds() of the first change that is not written; 0 */
    char message[ERROR_TEXT_MAX]; /* for the screen to show once; "": nothing */
};

/* `model` is its path as it was opened. */
void form_keep_open(struct form_keep *keep, struct settings *settings, const char *model);
void form_keep_close(struct form_keep *keep, const struct settings *settings);

/* A field has another value. */
void form_keep_changed(struct form_keep *keep);
/* Time has passed: true where there is a message. Milliseconds until a change is written; -1: all
 * is. */
bool form_keep_tick(struct form_keep *keep, const struct settings *settings);
int form_keep_ms(const struct form_keep *keep);

/* Parts for tests: the file's text, and the settings of a parsed one; false: it has what is not
 * known here, and nothing was taken. */
void form_put(struct buffer *out, const struct settings *settings, const char *model);
bool form_take(struct settings *settings, const cJSON *json);

/* Notes what a run was started with. That it cannot is no error: nothing depends on it. */
void form_history_add(const struct settings *settings);
/* The values of a field, newest first, at most `max`; newly allocated texts. */
size_t form_history_read(size_t field, char **out, size_t max);

#endif
