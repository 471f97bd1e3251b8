#include "job/job_kind.h"

#include <string.h>

static const struct job_kind kinds[] = {
    {.command = "train",
     .noun = "training run",
     .unit = "step",
     .kept = "with a checkpoint",
     .pauses = true,
     .checkpoints = true,
     .resumes = true,
     .varies = true,
     .steps = true,
     .samples = true,
     .weights = true,
     .files = {NULL}},    /* it writes into its own folder alone */
    {.command = "launch", /* a training run on another engine: core/job/engines */
     .noun = "launched run",
     .unit = "step",
     .kept = "with a checkpoint",
     .checkpoints = true,
     .resumes = true,
     .steps = true,
     .weights = true},
    {.command = "scan",
     .noun = "scan",
     .unit = "matrices",
     .kept = "and what is computed is kept",
     .pauses = true,
     .resumes = true,
     .rows = true,
     .files = {"o", "spectra", NULL}},
    {.command = "probe", /* `train --dry-run --probe` */
     .noun = "probe of a training run",
     .unit = "step",
     .kept = "with nothing"},
    {.command = "export",
     .noun = "export",
     .unit = "tensor",
     .kept = "and nothing of it is left",
     .output = true},
    {.command = "eval",
     .noun = "evaluation",
     .unit = "batch",
     .kept = "without a result",
     .output = true},
    {.command = "generate",
     .noun = "trial of a prompt",
     .unit = "token",
     .kept = "with the text so far",
     .output = true},
    {.command = "attach", /* core/job/attached.h */
     .noun = "run of another tool",
     .unit = "look",
     .kept = "and that run is left alone",
     .steps = true},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static const struct job_kind unknown = {
    .command = "",
    .noun = "job",
    .unit = "step",
    .kept = "with what it has",
    .pauses = true,
    .checkpoints = true,
};

const struct job_kind *job_kinds(size_t *count)
{
    *count = KIND_COUNT;
    return kinds;
}

const struct job_kind *job_kind_find(const char *command)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].command, command) == 0)
            return &kinds[i];
    return NULL;
}

const struct job_kind *job_kind_of(const cJSON *job)
{
    const char *command = "";
    json_get_string(job, "command", &command);
    const struct job_kind *kind = job_kind_find(command);
    return kind ? kind : &unknown;
}
