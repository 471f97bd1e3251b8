/* Another program, run once for what it prints: without a shell, without a terminal, bounded in time
 * and in what it may say. What it said is as hostile as a file.
 *
 * It gets an empty standard input and a process group of its own, which is killed with all that it
 * started when its time is over; so no answer is waited for that a grandchild holds back, and
 * nothing stays behind. */
#ifndef SPECTRUM_BASE_RUN_COMMAND_H
#define SPECTRUM_BASE_RUN_COMMAND_H

#include "base/buffer.h"
#include "base/error.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

struct command_run {
    char *const *argv;          /* a NULL ends them; argv[0] is the program's path */
    const char *folder;         /* where it runs; NULL: where this process does */
    const char *const *without; /* variables that it does not get, up to a NULL; NULL: none */
    double seconds;             /* that it may take */
    size_t cap;                 /* bytes that it may print */
    const volatile sig_atomic_t
        *interrupted; /* set: it is killed, ERROR_INTERRUPTED. NULL: never */
};

struct command_answer {
    struct buffer out; /* its standard output, whole */
    struct buffer err; /* its standard error; of more than `cap` bytes the first */
    int status;        /* its exit status; 128 + N where signal N ended it */
};

/* 0 where it ran to its end, whatever its status says; -1 where it could not be started, took too long
 * or printed too much. Free the answer in any case. */
int run_command(struct command_answer *answer, const struct command_run *run, struct error *err);
void command_answer_free(struct command_answer *answer);

/* Starts one that is to run on: in a process group of its own, with an empty standard input, no signal
 * blocked and SIGPIPE and SIGXFSZ as a shell hands them on; what it prints goes to two descriptors, which
 * may be one. `run` says argv, folder and without; the rest of it is not used. */
int command_start(pid_t *pid, const struct command_run *run, int out, int errors,
                  struct error *err);

/* The last line that is not blank of what it said on standard error, or else on standard output, as it
 * may be shown: why it failed, of most programs. Into out[0..size); "" where it said nothing. */
void command_last_words(const struct command_answer *answer, char *out, size_t size);

/* The path of a program that $PATH has, newly allocated; of one with a slash in its name that name,
 * if it can be run. Folders of $PATH that are not absolute are passed over: what is in the folder
 * where somebody happens to stand is not asked for by a name. NULL: there is none, which the
 * message says. */
char *command_find(const char *name, struct error *err);

#endif
