/* Sub-commands: one file each (command_<name>.c), one table (main.c), one exit-status rule.
 *
 * A command gets the arguments behind its name. It prints results to standard output, messages and
 * progress to standard error, and returns 0, or -1 with `err` set; main() turns err->kind into the
 * exit status (1 failed, 2 usage, 130 interrupted) and prints the one line.
 */
#ifndef SPECTRUM_TUI_CLI_COMMAND_H
#define SPECTRUM_TUI_CLI_COMMAND_H

#include "base/error.h"

#include <stdbool.h>

struct command {
    const char *name;
    const char *summary; /* one line for `spectrum --help`; NULL: not listed */
    int (*run)(int argc, char **argv, struct error *err); /* argv[0] is the command's name */
    bool computes;                                        /* with all cores: see threads.h */
};

int command_info(int argc, char **argv, struct error *err);
int command_scan(int argc, char **argv, struct error *err);
int command_plan(int argc, char **argv, struct error *err);
int command_tokens(int argc, char **argv, struct error *err);
int command_screen(int argc, char **argv, struct error *err);
int command_train(int argc, char **argv, struct error *err);
int command_eval(int argc, char **argv, struct error *err);
int command_generate(int argc, char **argv, struct error *err);
int command_export(int argc, char **argv, struct error *err);
int command_jobs(int argc, char **argv, struct error *err);
int command_attach(int argc, char **argv, struct error *err);
int command_pause(int argc, char **argv, struct error *err);
int command_checkpoint(int argc, char **argv, struct error *err);
int command_stop(int argc, char **argv, struct error *err);
int command_resume(int argc, char **argv, struct error *err);
int command_cache(int argc, char **argv, struct error *err);
int command_supervise(int argc, char **argv, struct error *err);

#endif
