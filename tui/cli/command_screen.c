/* `spectrum [MODEL | SCAN.json | JOB]`: the full screen; `spectrum --script FILE`: played. */
#include "base/decimal.h"
#include "base/file.h"
#include "base/memory.h"
#include "tui/app/run.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/screen/screens.h"
#include "tui/session/job_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIDE_MAX = 1000 };

/* "80x24" */
static int parse_size(const char *text, int *width, int *height, struct error *err)
{
    char columns[8];
    int64_t wide, high;
    size_t length = strcspn(text, "x");
    snprintf(columns, sizeof columns, "%.*s", length < sizeof columns ? (int)length : 0, text);
    if (text[length] && decimal_read_whole(&wide, columns) &&
        decimal_read_whole(&high, text + length + 1) && wide >= 1 && high >= 1 &&
        wide <= SIDE_MAX && high <= SIDE_MAX) {
        *width = (int)wide;
        *height = (int)high;
        return 0;
    }
    return error_set_kind(err, ERROR_USAGE, "--size takes WIDTHxHEIGHT, 80x24, not \"%.40s\"",
                          text);
}

/* `size` counts for a script alone: a terminal has its own. */
struct screen_request {
    const char *script, *size;
    bool slow;
};

/* A script first, as it needs no terminal. A word that is neither a command nor a file is most
 * often a command that was mistyped; on a terminal it may be a repository of the cache, and is
 * tried. */
static int open_screen(const struct screen_request *r, const char *target, struct error *err)
{
    int width = 0, height = 0;
    int there = target ? file_find(target, err) : 1;
    if (there < 0)
        return -1;
    if (!r->script && there == 0 && !isatty(STDOUT_FILENO))
        return error_set(err,
                         "\"%s\" is neither a command (`spectrum --help` lists them) nor a file; "
                         "the full screen of a cached repository needs a terminal",
                         target);
    if (!r->script)
        return screen_run(&screens, target, r->slow, err);
    if (parse_size(r->size, &width, &height, err) != 0)
        return -1;
    return script_run(&screens, r->script, target, width, height, err);
}

/* On standard error, for whoever has just left the screen: "2 jobs go on, 1 is paused; ...". */
static void say_what_goes_on(void)
{
    size_t paused, count = job_facts_living(&paused), working = count - paused;
    char on[64] = "", waiting[64] = "";
    if (working > 0)
        snprintf(on, sizeof on, "%zu job%s", working, working == 1 ? " goes on" : "s go on");
    if (paused > 0)
        snprintf(waiting, sizeof waiting, "%zu%s%s paused", paused,
                 working > 0   ? ""
                 : paused == 1 ? " job"
                               : " jobs",
                 paused == 1 ? " is" : " are");
    if (count > 0)
        fprintf(stderr, "%s%s%s; `spectrum jobs` lists %s\n", on, working && paused ? ", " : "",
                waiting, count == 1 ? "it" : "them");
}

#define AT(member) offsetof(struct screen_request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "slow", .kind = OPTION_FLAG, .at = AT(slow),
     .help = "for a slow line: few bytes, no colours"},
    {.name = "script", .kind = OPTION_PATH, .at = AT(script), .argument = "FILE",
     .help = "play keys, waits and save-screen without a terminal"},
    {.name = "size", .kind = OPTION_TEXT, .at = AT(size), .argument = "WxH", .preset = "80x24",
     .help = "the played screen's size ({})"},
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* A word that is no command lands here: two of them are a mistake in a command's name. */
static int run(int argc, char **argv, struct error *err)
{
    struct screen_request r = {.script = NULL};
    const char **targets = array_alloc((size_t)argc, sizeof *targets, err);
    size_t count = 0;
    if (!targets)
        return -1;
    option_defaults(&table, &r);
    int status = options_parse(&command_screen, &r, NULL, argc, argv, targets, &count, err);
    if (status == 0 && count > 1)
        status = error_set_kind(
            err, ERROR_USAGE, "\"%s\" is not a command; `spectrum --help` lists them", targets[0]);
    if (status == 0)
        status = open_screen(&r, count ? targets[0] : NULL, err);
    if (status == 0)
        say_what_goes_on();
    free(targets);
    return status > 0 ? 0 : status;
}

const struct command command_screen = {
    .name = "",
    .usage = "spectrum [MODEL | SCAN.json | JOB] [--slow]",
    .options = &table,
    .run = run,
};
