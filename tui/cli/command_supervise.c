/* `spectrum supervise JOB -- COMMAND...`: what job_launch() starts; not for people, so not listed.
 */
#include "job/launch.h"
#include "tui/cli/command.h"

#include <string.h>

static int run(int argc, char **argv, struct error *err)
{
    if (argc < 4 || strcmp(argv[2], "--") != 0)
        return error_set_kind(err, ERROR_USAGE, "supervise takes JOB -- COMMAND ARGUMENTS...");
    return job_supervise(argv[1], "/proc/self/exe", argv + 3, err);
}

const struct command command_supervise = {.name = "supervise", .run = run};
