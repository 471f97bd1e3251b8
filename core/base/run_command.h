/* Another program, asked one thing: run to its end, with bounds on its time and on what it says.
 *
 *     struct command_said said;
 *     const char *const arguments[] = {"squeue", "--version", NULL};
 *     struct command command = {.arguments = arguments, .seconds = 10, .most = 4096};
 *     if (run_command(&said, &command, err) == 0)
 *         ... said.status, buffer_string(&said.out) ...
 *     command_said_free(&said);
 *
 * There is no shell between, so no argument is read as anything else. It has nothing on standard
 * input, and a process group of its own, all of which is ended when its time is up. What it says is
 * somebody else's text: bytes that may be anything (text.h).
 */
#ifndef SPECTRUM_BASE_RUN_COMMAND_H
#define SPECTRUM_BASE_RUN_COMMAND_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct command {
    const char *const *arguments; /* up to a NULL; the first: a path, or a name for $PATH */
    const char *folder;           /* where it runs; NULL: where this process does */
    const char *const *without;   /* variables that it does not get, up to a NULL; NULL: all */
    double seconds;               /* that it may take */
    size_t most;                  /* bytes kept of each stream; what is beyond them is dropped */
};

struct command_said {
    struct buffer out, err; /* its standard output and its messages */
    bool cut;               /* one of them was longer than `most` */
    int status;             /* as it exited, or 128 + the signal that ended it, as shells have it */
};

/* 0 where it came to its end, whatever its status; else an error that names it: it is not there, it
 * cannot be started, or its time was up. *out then has what it said until then. Give it back in any
 * case. */
int run_command(struct command_said *out, const struct command *command, struct error *err);
void command_said_free(struct command_said *said);

/* The last line that it said, of its messages or else of its output, safe to show; "" where it said
 * nothing. */
void command_last_line(const struct command_said *said, char *out, size_t size);

/* The file that a name means: the name itself where it has a "/", else the first that $PATH has of
 * it. Folders of $PATH that depend on where one is (".", "") are passed over. False: none can be
 * run. */
bool command_find(char *out, size_t size, const char *name);

#endif
