/* The training form's fields: what was typed for every option of `spectrum train` that has a label
 * in the one table (job/training_options.h), and what that asks for.
 *
 * Values are kept as typed, each under its row's number. settings_request() makes the request of
 * them, as the command line would; settings_check() says what is wrong with one, in the words of
 * the table and of the trainer. A field whose option follows from others where nothing is said
 * (learning rate, alpha) is empty at first; one with names but no default of its own says "auto".
 */
#ifndef SPECTRUM_TUI_SESSION_SETTINGS_H
#define SPECTRUM_TUI_SESSION_SETTINGS_H

#include "job/training_options.h"

enum { SETTING_VALUE_MAX = 1024, SETTINGS_MAX = 64 };

struct settings {
    char values[SETTINGS_MAX][SETTING_VALUE_MAX]; /* by the row's number; others stay empty */
};

/* The field of a member of the request: SETTING(seq_len). */
#define SETTING(member) TRAINING_ROW(member)

/* The defaults; data and run are then still empty. */
void settings_init(struct settings *settings);

/* What the fields ask for, filled; its texts are the fields' own, so the settings must outlive it.
 * A field that is wrong, or that the others make nothing of, counts as its default. Free it with
 * training_request_free(). */
void settings_request(const struct settings *settings, struct training_request *out);

/* A method is turned, never typed: there is always one of that name. */
enum training_method settings_method(const struct settings *settings);

/* Is there such a field, and do the others make something of it? One that they do not is neither
 * shown nor checked nor passed on. */
bool settings_uses(const struct settings *settings, size_t field);

/* Nothing was typed, or what stands for nothing: it is not passed on. */
bool settings_is_empty(const struct settings *settings, size_t field);

/* False, with the reason, where a value cannot be used. */
bool settings_check(const struct settings *settings, size_t field, char *why, size_t size);
/* The first field in use that is wrong, and why, with its label in front; training_options.count:
 * none is. */
size_t settings_first_wrong(const struct settings *settings, char *why, size_t size);

/* A value as the form shows it: what follows from other fields is "auto (2e-4)". */
void settings_show(const struct settings *settings, size_t field, char *out, size_t size);

/* --- fields by themselves --- */

/* What it is at first; of what is done for it in the form. */
const char *setting_preset(size_t field);
/* Is one of its names chosen by turning, and nothing typed? */
bool setting_is_turned(size_t field);
/* How many names there are to turn through (0: it is typed alone), which of them a value is (-1:
 * none), and all of them, "|" between them. */
int setting_choice_count(size_t field);
int setting_choice(size_t field, const char *value);
void setting_put_choices(struct buffer *out, size_t field);

/* The next name of a field, or the one before. */
void settings_turn(struct settings *settings, size_t field, int by);

#endif
