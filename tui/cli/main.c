/* `spectrum`: finds the sub-command, or opens the full screen; the one place that turns an error
 * into a line on standard error and an exit status.
 *
 *     spectrum COMMAND ...    the row of commands[] of that name
 *     spectrum --version, --help
 *     spectrum [TARGET]       all else is the full screen's, which says what is wrong with it
 */
#include "tui/cli/command.h"
#include "tui/cli/process.h"

#include <stdio.h>
#include <string.h>

/* The commands in their order, with the lines of their rows. */
static void print_help(void)
{
    printf(
        "Usage: spectrum [MODEL | SCAN.json | JOB]\n"
        "       spectrum COMMAND ...\n"
        "       spectrum --script FILE [--size WxH] [MODEL | SCAN.json | JOB]\n\n"
        "Measures the signal-to-noise ratio of every weight matrix of a language model and\n"
        "trains only the matrices with the highest. Without a command it opens the full screen;\n"
        "with nothing at all, the library of local models and jobs.\n\nCommands:\n");
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary)
            printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n`spectrum COMMAND --help` explains a command. Options: --version, --help.\n"
           "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n"
           "Ctrl-C and TERM, however often, end a command in order: train writes a checkpoint.\n"
           "Ctrl-C once more, %d seconds or more after the last, ends it at once.\n",
           INTERRUPT_PAUSE);
}

/* What a script can tell apart: the usage is wrong (2), it was interrupted (130), it failed (1). */
static int exit_status(const struct error *err)
{
    fprintf(stderr, "spectrum: %s\n", err->text[0] ? err->text : "it failed");
    switch (err->kind) {
    case ERROR_USAGE:
        return 2;
    case ERROR_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}

/* `command` NULL: none is named. */
static int run(const struct command *command, int argc, char **argv, struct error *err)
{
    if (command)
        return command->run(argc - 1, argv + 1, err);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        printf("spectrum %s\n", SPECTRUM_VERSION);
    else if (argc > 1 && strcmp(argv[1], "--help") == 0)
        print_help();
    else
        return command_screen.run(argc, argv, err);
    return 0;
}

/* A command that computes may start the program once more, with another environment; that comes
 * before all else, as nothing must be open then. */
int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    const struct command *command = NULL;
    for (int i = 0; argc > 1 && commands[i]; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            command = commands[i];
    if (command && command->computes)
        threads_spin_briefly(argv); /* starts the program again: before anything is set up */
    process_begin();
    int status = run(command, argc, argv, &err);
    if (status >= 0)
        status = process_end(&err);
    return status < 0 ? exit_status(&err) : 0;
}
