/* Options: what a command can be told, as rows of a const table.
 *
 * A row says everything about its option once: the name, where its value lies in the command's
 * request (a plain struct of the command's), the bounds, the default, the words. The command line
 * (tui/cli/options.h), --help, the man page, shell completion, the training form and job.json all
 * read the same row, so an option that is added is a row, a member of the request, and its use.
 *
 * A request is born of option_defaults(), filled by option_set() row by row, and given back by
 * option_free(). Its texts are borrowed from whoever set them (argv, the fields of the form), which
 * must outlive it; its lists are its own.
 *
 *     static const struct option rows[] = {
 *         {.name = "steps", .kind = OPTION_INTEGER, .at = offsetof(struct request, steps),
 *          .argument = "N", .low = 1, .high = 1e9, .preset = "100", .help = "how many ({})"},
 *     };
 *     static const struct option_table table = {rows, sizeof rows / sizeof *rows};
 */
#ifndef SPECTRUM_BASE_OPTION_H
#define SPECTRUM_BASE_OPTION_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the member at `at` is. */
enum option_kind {
    OPTION_FLAG,    /* bool: true where the option was given */
    OPTION_TEXT,    /* const char *; NULL: not given */
    OPTION_PATH,    /* const char *: of a file or a folder */
    OPTION_TEXTS,   /* struct option_list: the option may be given several times */
    OPTION_PATHS,   /* struct option_list */
    OPTION_NUMBERS, /* struct option_numbers, each within the bounds */
    OPTION_INTEGER, /* int64_t within the bounds */
    OPTION_NUMBER,  /* double within the bounds; finite */
    OPTION_PERCENT, /* the same, and a "%" may follow it */
    OPTION_BYTES,   /* uint64_t above 0: "8G" (text.h); 0: not given */
    OPTION_CHOICE,  /* an enum whose value n is called choices[n] */
};

struct option_list {
    const char **items;
    size_t count;
};

struct option_numbers {
    double *items;
    size_t count;
};

struct option {
    const char *name; /* "top" for --top; "o" alone for -o */
    enum option_kind kind;
    size_t at;            /* offsetof() the value in the request */
    const char *argument; /* "P", "FILE", in --help; NULL for flags */
    const char *preset;   /* the default, as it would be typed; NULL: none, the member is zero */
    double low, high;     /* of numbers; both 0: no bounds */
    /* The names that it takes, up to a NULL. Of a text or a path they are proposals only: who uses
     * the value says what is wrong with another. */
    const char *const *choices;
    const char *help; /* a line; "{}" in it stands for the default, or the choices with it */

    /* For tables that are shown in more places than --help; 0 elsewhere. */
    const char *group; /* the heading of this row and those below it, up to the next one's */
    const char *label; /* of its field on the form; NULL: it has none */
    const char *hint;  /* the form's words where `help` would not do; NULL: help */
    bool needed;       /* the form cannot leave it empty */
    bool rare;         /* the form shows it where it says something, or when asked for all */
    const char *key;   /* in job.json; NULL: the name with "_" for "-"; "": it is not there */
    /* Does the request make anything of it? NULL: always. */
    bool (*applies)(const void *request);
    /* Does job.json have it? NULL: where it has a value, unless that is 0 and the default. */
    bool (*recorded)(const void *request);
    /* What may be wrong with the value beyond its row (NULL: nothing); `stage` is the table's own.
     */
    int (*check)(const void *request, int stage, struct error *err);
};

/* A list of names for `choices`. */
#define OPTION_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

struct option_table {
    const struct option *rows;
    size_t count;
};

/* Which rows of a table were given a value, by their numbers. */
enum { OPTION_ROWS_MAX = 128 };
struct option_given {
    uint64_t bits[OPTION_ROWS_MAX / 64];
};
void option_give(struct option_given *given, size_t row);
bool option_is_given(const struct option_given *given, size_t row);

/* The number of the row of that name, or of the member at that place; table->count: there is none.
 */
size_t option_by_name(const struct option_table *table, const char *name);
size_t option_by_place(const struct option_table *table, size_t at);

/* For "did you mean": the row's name that is fewest changes away, fewer than four and at most half
 * of the name's letters; NULL: none is. */
const char *option_nearest(const struct option_table *table, const char *name);

/* Every member that has a row gets its default; the others are left. */
void option_defaults(const struct option_table *table, void *request);
/* The same for one member. A list is given back first. */
void option_reset(const struct option *row, void *request);

/* Sets the member, or adds to the list. `text` is kept, not copied; a flag takes no text and makes
 * nothing of it. What cannot be a value is ERROR_USAGE: "--top takes a number from 0 to 100, not
 * "x"", and the member stays what it was. */
int option_set(const struct option *row, void *request, const char *text, struct error *err);

/* Whether it would be set; if not, why in the few words that a form's field has room for: "from 0
 * to 100". `size` is at least 64. */
bool option_takes(const struct option *row, const char *text, char *why, size_t size);

/* Has the request a value of the row: a text, a list that is not empty, a flag that is set? Numbers
 * and choices always have one. */
bool option_has_value(const struct option *row, const void *request);

/* Gives the lists back and leaves them empty. */
void option_free(const struct option_table *table, void *request);

/* How many names a row takes; which of them `text` is, -1: none. */
int option_choice_count(const struct option *row);
int option_choice_of(const struct option *row, const char *text);

/* "fp32", or "" where a row has no choices: the name of its value. */
const char *option_choice_name(const struct option *row, const void *request);

/* "cosine, linear or constant"; the last two joined by `last`, as " or ". */
void option_put_choices(struct buffer *out, const struct option *row, const char *last);

/* The help line with its default: "rows at once (1)", "cosine (default), linear, constant". */
void option_put_help(struct buffer *out, const struct option *row);

#endif
