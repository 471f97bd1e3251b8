/* `spectrum eval --tasks`: a model's or run's accuracy on tasks (task/task.h), and how it is
 * printed. */
#ifndef SPECTRUM_TUI_CLI_TASK_VIEW_H
#define SPECTRUM_TUI_CLI_TASK_VIEW_H

#include "job/source.h"
#include "tui/cli/made_job.h"

#define TASK_NAMES                                                                                 \
    "arc_easy, arc_challenge, hellaswag, winogrande, mmlu, truthfulqa_mc1, piqa, boolq, gsm8k"

struct task_view_request {
    const char *source, *names, *folder, *device;
    int64_t limit, threads; /* 0: all */
    enum weight_type dtype;
    struct state_choice choice;
    bool json;
};

/* Evaluates, and puts the result where the job's goes. */
int task_view(const struct task_view_request *request, const struct made_job *job,
              struct error *err);

#endif
