/* The training form's fields: what was typed for every option of `spectrum train` that has a label
 * in the one table (job/training_options.h), and what that asks for.
 *
 * A field is a row's number. Its values are kept as typed: one, or of an option that may be given
 * several times a list of items (data, evaluation data, factors). A field that nobody has set holds
 * nothing, and reads as its default; so what is kept between two sittings is what was set, and who
 * set it is kept beside it, as a preset may take the place of another preset's value, and not of
 * what a person typed:
 *
 *     SETTING_DEFAULT --settings_propose()--> SETTING_PROPOSED    what a demonstration begins with
 *                     --preset_take()-------> SETTING_PRESET      (presets.h)
 *                     --settings_type()-----> SETTING_TYPED       by hand
 *     any of them, set to the default again --> SETTING_DEFAULT
 *
 * settings_request() makes the request of them, as the command line would; settings_check() says
 * what is wrong with one, in the words of the table and of the trainer. A field whose option
 * follows from others where nothing is said (learning rate, alpha) is empty at first; one with
 * names but no default of its own says "auto". The plan of the screen is what a method with a plan
 * trains, unless one of the fields `plan`, `top` and `select` says another one; `top` is empty here
 * at first.
 *
 * An editor of the form changes all of them through the functions below; settings_free() gives the
 * texts back.
 */
#ifndef SPECTRUM_TUI_SESSION_SETTINGS_H
#define SPECTRUM_TUI_SESSION_SETTINGS_H

#include "job/training_options.h"

enum { SETTING_VALUE_MAX = 1024, SETTING_ITEMS_MAX = 32, SETTINGS_MAX = OPTION_ROWS_MAX };

enum setting_origin { SETTING_DEFAULT, SETTING_PROPOSED, SETTING_PRESET, SETTING_TYPED };

struct setting {
    char *items[SETTING_ITEMS_MAX]; /* the first `count`; an item of a list may be "" */
    size_t count;                   /* 0: the default */
    enum setting_origin origin;
};

struct settings {
    struct setting fields[SETTINGS_MAX]; /* by the row's number */
};

/* The field of a member of the request: SETTING(seq_len). */
#define SETTING(member) TRAINING_ROW(member)

/* The defaults; data and run are then still empty. */
void settings_init(struct settings *settings);
void settings_free(struct settings *settings);
/* The same fields; where memory runs out, fewer. */
void settings_copy(struct settings *out, const struct settings *settings);

/* What a field holds; of a list the first item, or the one of that number, "" after the last. */
const char *settings_value(const struct settings *settings, size_t field);
const char *settings_item(const struct settings *settings, size_t field, size_t item);
size_t settings_count(const struct settings *settings, size_t field);
/* Does a field hold the same in both? */
bool settings_same(const struct settings *a, const struct settings *b, size_t field);

/* Sets an item, or puts one after the last; of what is no list the only one, 0. An item "" of a
 * list stays one until settings_tidy(). False: there is no room for it, or no memory; all is as it
 * was. Where the optimiser becomes one of other learning rates, one that nobody typed goes back to
 * what follows from it: AdamW's is ten times too much for Lion, and right for AdamW in 8 bits. */
bool settings_set(struct settings *settings, size_t field, size_t item, const char *text,
                  enum setting_origin origin);
/* The same of a field that is no list. */
bool settings_type(struct settings *settings, size_t field, const char *text);
bool settings_propose(struct settings *settings, size_t field, const char *text);
/* As it was kept: nothing else follows from it. */
bool settings_restore(struct settings *settings, size_t field, size_t item, const char *text,
                      enum setting_origin origin);
/* Back to the default. */
void settings_reset(struct settings *settings, size_t field);
/* Takes the items out of a list that are empty, and with one of the data its weight. */
void settings_tidy(struct settings *settings, size_t field);

/* What the fields ask for, filled; its texts are the fields' own, so the settings must outlive it.
 * A field that is wrong, or that the others make nothing of, counts as its default. Free it with
 * training_request_free(). */
void settings_request(const struct settings *settings, struct training_request *out);

/* A method is turned, never typed: there is always one of that name. */
enum training_method settings_method(const struct settings *settings);

/* Does the screen's plan say what trains? Not where the method has none, or a field says another.
 */
bool settings_use_plan(const struct settings *settings);

/* Is another engine to train? */
bool settings_launches(const struct settings *settings);

/* Is there such a field, and do the others make something of it? One that they do not is neither
 * shown nor checked nor passed on. */
bool settings_uses(const struct settings *settings, size_t field);
/* The same of all fields at once. */
void settings_used(const struct settings *settings, bool used[SETTINGS_MAX]);

/* Nothing was typed, or what stands for nothing: it is not passed on. */
bool settings_is_empty(const struct settings *settings, size_t field);

/* False, with the reason, where a value cannot be used. */
bool settings_check(const struct settings *settings, size_t field, size_t item, char *why,
                    size_t size);
/* The first field in use that is wrong, its item, and why, with its label in front;
 * training_options.count: none is. What is wrong with several together is the first one's of them.
 */
size_t settings_first_wrong(const struct settings *settings, size_t *item, char *why, size_t size);

/* False, with the first in use that is wrong: then what follows from the numbers is not known. */
bool settings_numbers_right(const struct settings *settings, char *why, size_t size);

/* A message of the trainer's as the form says it: in place of options stand the labels of their
 * fields, "a lower batch" for "a lower --batch". */
void settings_words(const char *text, char *out, size_t size);

/* A value as the form shows it: what follows from other fields is "auto (2e-4)". */
void settings_show(const struct settings *settings, size_t field, size_t item, char *out,
                   size_t size);

/* --- fields by themselves --- */

/* What it is at first; of what is done for it in the form. */
const char *setting_preset(size_t field);
/* May it have several items, each given by itself? */
bool setting_is_list(size_t field);
/* Is it the path of a file or a folder, or a list of them? */
bool setting_is_path(size_t field);
/* Is one of its names chosen by turning, and nothing typed? */
bool setting_is_turned(size_t field);
/* How many names there are to turn through (0: it is typed alone), which of them a value is (-1:
 * none), and all of them, "|" between them. */
int setting_choice_count(size_t field);
const char *setting_choice_at(size_t field, int n);
int setting_choice(size_t field, const char *value);
void setting_put_choices(struct buffer *out, size_t field);
/* The field of a label, or of an option's name, or of the beginning of one that no other has;
 * training_options.count: none. */
size_t setting_by_label(const char *label);

/* The next name of a field, or the one before. */
void settings_turn(struct settings *settings, size_t field, int by);

#endif
