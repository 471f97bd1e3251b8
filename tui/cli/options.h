/* Command-line options from a table; the same table prints --help. */
#ifndef SPECTRUM_TUI_CLI_OPTIONS_H
#define SPECTRUM_TUI_CLI_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char * into argv */
    OPTION_INTEGER, /* int64_t, within [low, high] */
    OPTION_NUMBER,  /* double, within [low, high]; finite */
    OPTION_LIST,    /* struct option_list: may be given several times */
};

struct option_list {
    const char **items;
    size_t count;
};

struct option_spec {
    const char *name; /* "top" for --top; "o" alone for -o */
    enum option_kind kind;
    void *target;         /* keeps its value (the default) where the option is not given */
    const char *argument; /* "P", "FILE"; NULL for flags */
    const char *help;     /* one line; says the default */
    double low, high;     /* numbers only; both 0: no bounds */
    bool *given;          /* set where the option was given; may be NULL */
};

/* Parses argv[1..argc), options anywhere, "--" ends them, --name VALUE and --name=VALUE. What is
 * left over goes to positionals[0..*count) (capacity at least argc). --help prints `usage`, the
 * options and returns 1. A wrong option is ERROR_USAGE, naming it and the nearest right one.
 * Returns 0 to go on, 1 after --help, -1. Lists are freed with options_free(). */
int options_parse(const struct option_spec *specs, size_t spec_count, const char *usage, int argc,
                  char **argv, const char **positionals, size_t *count, struct error *err);
/* The same for a command that takes exactly one positional argument; any other number is
 * ERROR_USAGE with the message `needs`. */
int options_parse_one(const struct option_spec *specs, size_t spec_count, const char *usage,
                      const char *needs, int argc, char **argv, const char **positional,
                      struct error *err);
void options_free(const struct option_spec *specs, size_t spec_count);

#endif
