/* Sub-commands: one const row each, in its own file (command_<name>.c); commands[] lists them, in
 * the order in which people use them. --help, the man page and shell completion are made from the
 * rows without running anything.
 *
 * A command gets the arguments after its name. It prints results to standard output, messages and
 * progress to standard error, and returns 0, or -1 with `err` set; main() turns err->kind into the
 * exit status (1 failed, 2 usage, 130 interrupted) and prints the one line.
 *
 * Inside, a command's file reads from below: what it prints, what it does, its request and the
 * table of its options, run(), the row. run() parses (options.h), checks what goes together before
 * anything is opened, and calls what it does. CONTRIBUTING.md has the steps for a new one.
 */
#ifndef SPECTRUM_TUI_CLI_COMMAND_H
#define SPECTRUM_TUI_CLI_COMMAND_H

#include "base/option.h"

struct command {
    const char *name;    /* "" for the full screen, which is what there is without one */
    const char *summary; /* one line for `spectrum --help`; NULL: not listed */
    const char *usage;   /* "spectrum scan MODEL", the head of its own --help */
    const struct option_table *options;                   /* NULL: it reads argv itself */
    const char *const *words;                             /* what stands for its argument, to be
                                                             completed; NULL: a file or a folder */
    int (*run)(int argc, char **argv, struct error *err); /* argv[0] is the command's name */
    bool computes;                                        /* with all cores: see process.h */
};

extern const struct command *const commands[]; /* a NULL ends them; the full screen is not in it */

extern const struct command command_info, command_fetch, command_scan, command_plan, command_tokens,
    command_train, command_launch, command_eval, command_generate, command_export, command_jobs,
    command_attach, command_pause, command_checkpoint, command_stop, command_resume,
    command_devices, command_doctor, command_cache, command_completion, command_supervise,
    command_screen;

#endif
