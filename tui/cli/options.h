/* The command line from a command's table of options (base/option.h), which prints --help, too; and
 * the rows that several commands have.
 *
 * A command is a request (a plain struct), a const table of rows over its members, and a function.
 * options_parse() fills the request from argv, so that the function sees values alone. An option
 * that several commands take in the same words stands here once, as a macro that wants the member's
 * place:
 *
 *     static const struct option rows[] = {
 *         {.name = "prompt", .kind = OPTION_TEXT, .at = AT(prompt), ...},     its own
 *         ROW_THREADS(AT(threads)),                                           a shared one
 *     };
 *
 * Such a row can then be changed for all of them in one place, and --help, shell completion and the
 * manual page follow. Where a command says something else of an option of that name (`scan
 * --device`, `resume --step`), it has a row of its own.
 */
#ifndef SPECTRUM_TUI_CLI_OPTIONS_H
#define SPECTRUM_TUI_CLI_OPTIONS_H

#include "tui/cli/command.h"

/* --- rows of several commands; each takes offsetof() a member of the command's request --- */

/* clang-format off */

/* int64_t and bool, those of a struct state_choice: which checkpoint of a run. Here with `does`,
 * "of a run: its checkpoint", for who reads one; ROW_STEP and ROW_BEST are the usual words. */
#define ROW_STEP_THAT(does, place)                                                                 \
    {.name = "step", .kind = OPTION_INTEGER, .at = (place), .argument = "N", .low = 1,             \
     .high = 1e15, .help = does " of step N (default: the last)"}
#define ROW_BEST_THAT(does, place)                                                                 \
    {.name = "best", .kind = OPTION_FLAG, .at = (place),                                           \
     .help = does " with the lowest evaluation loss"}
#define ROW_STEP(place) ROW_STEP_THAT("of a run: its checkpoint", place)
#define ROW_BEST(place) ROW_BEST_THAT("of a run: its checkpoint", place)

/* enum weight_type: what a model is computed in; `words` say what "auto" is. */
#define ROW_DTYPE(words, place)                                                                    \
    {.name = "dtype", .kind = OPTION_CHOICE, .at = (place), .argument = "NAME",                    \
     .choices = weight_type_names, .preset = "auto", .help = (words)}

/* const char *: a device that can train, by its name. */
#define ROW_TRAINING_DEVICE(place)                                                                 \
    {.name = "device", .kind = OPTION_TEXT, .at = (place), .argument = "DEVICE",                   \
     .choices = training_device_names, .preset = "auto", .help = "{}"}

/* int64_t; 0: `words` say what is the default. */
#define ROW_THREADS_OF(words, place)                                                               \
    {.name = "threads", .kind = OPTION_INTEGER, .at = (place), .argument = "N", .low = 1,          \
     .high = 4096, .help = (words)}
#define ROW_THREADS(place) ROW_THREADS_OF("default: all cores", place)

/* const char *: a chat template; `words` before the names that it takes. */
#define ROW_TEMPLATE(words, place)                                                                 \
    {.name = "template", .kind = OPTION_PATH, .at = (place), .argument = "NAME",                   \
     .choices = template_names,                                                                    \
     .help = words ": " TEMPLATE_VALUES " (default: the run's, or the model's own)"}

/* An enum empty_noise; `words` before what the names are for. */
#define ROW_EMPTY_NOISE(words, place)                                                              \
    {.name = "empty-noise", .kind = OPTION_CHOICE, .at = (place), .argument = "RULE",              \
     .choices = empty_noise_names, .preset = "infinity",                                           \
     .help = words "what an empty noise set gives: {}"}

/* bool: the result as JSON; ROW_JSON_OF() for who has to say of what. */
#define ROW_JSON_OF(words, place)                                                                  \
    {.name = "json", .kind = OPTION_FLAG, .at = (place), .help = (words)}
#define ROW_JSON(place) ROW_JSON_OF("strict JSON on standard output", place)

/* clang-format on */

/* --- the command line --- */

/* Parses argv[1..argc) into a request that has its defaults: options anywhere, "--" ends them,
 * --name VALUE and --name=VALUE; `given` (may be NULL) says which there were. Of two
 * values of one that is no list the last counts, and a line says so. What is left over
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
