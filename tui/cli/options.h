/* The command line from a command's table of options (base/option.h), which prints --help, too. */
#ifndef SPECTRUM_TUI_CLI_OPTIONS_H
#define SPECTRUM_TUI_CLI_OPTIONS_H

#include "tui/cli/command.h"

/* Parses argv[1..argc) into a request that has its defaults: options anywhere, "--" ends them,
 * --name VALUE and --name=VALUE; `given` (may be NULL) says which there were. What is left over
 * goes to positionals[0..*count) (capacity at least argc). --help prints the usage, the options and
 * returns 1. A wrong option is ERROR_USAGE, naming it and the nearest right one. Returns 0 to go
 * on, 1 after --help, -1. Free the request with option_free() in any case. */
int options_parse(const struct command *command, void *request, struct option_given *given,
                  int argc, char **argv, const char **positionals, size_t *count,
                  struct error *err);
/* The same for a command that takes exactly one positional argument; any other number is
 * ERROR_USAGE with the message `needs`. */
int options_parse_one(const struct command *command, void *request, struct option_given *given,
                      const char *needs, int argc, char **argv, const char **positional,
                      struct error *err);

#endif
