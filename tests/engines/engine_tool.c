/* What `spectrum launch` does of a run on Slurm, one thing at a time, for slurm.sh:
 *
 *     engine_tool script PYTHON PROCESSES NODES REQUEUES [OPTION]...   launch.sh, printed
 *     engine_tool submit FOLDER                                        the job
 *     engine_tool look JOB      state|restarts|status|signal|nodes|reason|expected
 *     engine_tool cancel JOB
 *     engine_tool failure LOG STATUS NODES                             why it ended
 *
 * A failure is a line on standard error, and status 1. */
#include "job/engines/engine_failure.h"
#include "job/engines/engine_slurm.h"
#include "job/engines/engine_slurm_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_script(char **argv, struct error *err)
{
    static const char *const program[] = {"train.py", NULL};
    struct buffer out = BUFFER_INIT;
    struct engine_slurm_script script = {
        .options.items = (const char **)(argv + 4),
        .requeues = atoi(argv[3]),
        .command = {.python = argv[0],
                    .program = program,
                    .processes = atoi(argv[1]),
                    .nodes = atoi(argv[2])},
    };
    while (argv[4 + script.options.count])
        script.options.count++;
    int status = engine_slurm_script_put(&out, &script, err);
    if (status == 0)
        fputs(buffer_string(&out), stdout);
    buffer_free(&out);
    return status;
}

static int print_job(const char *folder, struct error *err)
{
    char job[ENGINE_SLURM_JOB_SIZE];
    int status = engine_slurm_submit(job, folder, err);
    if (status == 0)
        puts(job);
    return status;
}

static int print_look(const char *job, struct error *err)
{
    struct engine_slurm_look look;
    int status = engine_slurm_look(&look, job, err);
    if (status == 0)
        printf("%s|%d|%d|%d|%s|%s|%s\n", engine_slurm_state_names[look.state], look.restarts,
               look.status, look.signal, look.nodes, look.reason, look.expected);
    return status;
}

static void print_failure(char **argv)
{
    struct engine_failure failure;
    struct engine_end end = {.status = atoi(argv[1]), .nodes = atoi(argv[2])};
    engine_failure_read(&failure, argv[0], 0, &end);
    puts(failure.text);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    const char *what = argc > 1 ? argv[1] : "";
    int status = 0;
    if (strcmp(what, "script") == 0 && argc > 5)
        status = print_script(argv + 2, &err);
    else if (strcmp(what, "submit") == 0 && argc == 3)
        status = print_job(argv[2], &err);
    else if (strcmp(what, "look") == 0 && argc == 3)
        status = print_look(argv[2], &err);
    else if (strcmp(what, "cancel") == 0 && argc == 3)
        status = engine_slurm_cancel(argv[2], &err);
    else if (strcmp(what, "failure") == 0 && argc == 5)
        print_failure(argv + 2);
    else
        return 2;
    if (status != 0)
        fprintf(stderr, "%s\n", err.text);
    return status == 0 ? 0 : 1;
}
