#include "job/training/run_view.h"

#include "job/requests.h"
#include "text/dataset/dataset.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(const struct run_sitting *sitting, const char *before, const char *format,
                va_list arguments)
{
    char line[512];
    size_t length = strlen(before);
    if (!sitting->view->on_message)
        return;
    memcpy(line, before, length);
    vsnprintf(line + length, sizeof line - length, format, arguments);
    sitting->view->on_message(sitting->view->context, line);
}

void run_say(const struct run_sitting *sitting, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(sitting, "", format, arguments);
    va_end(arguments);
}

void run_warn(const struct run_sitting *sitting, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(sitting, "warning: ", format, arguments);
    va_end(arguments);
}

/* Once true it stays true: a request is gone when it has been taken. */
bool run_should_stop(void *context)
{
    struct run_sitting *sitting = context;
    const volatile sig_atomic_t *interrupted = sitting->view->interrupted;
    char line[512];
    while (sitting->job && job_requests_odd(sitting->job, &sitting->odd, line, sizeof line))
        run_warn(sitting, "%s", line);
    if ((interrupted && *interrupted) ||
        (sitting->supervisor && getppid() != sitting->supervisor) ||
        (sitting->job && job_request_take(sitting->job, JOB_REQUEST_STOP, NULL)))
        sitting->stopping = true;
    return sitting->stopping;
}

static void put_counts(struct json_writer *json, const struct piece_counts *counts,
                       size_t too_short)
{
    json_count(json, "without_target", counts->without_target);
    json_count(json, "too_short", too_short);
    json_count(json, "dropped", counts->dropped);
    json_count(json, "truncated", counts->truncated);
    json_count(json, "split", counts->split);
    json_count(json, "longest", (uint64_t)counts->longest);
    json_flag(json, "without_prompt", counts->without_prompt);
}

/* Of a dry run's --json and of job.json alike. */
void training_put_data_plan(struct json_writer *json, const struct training_data_plan *plan)
{
    json_count(json, "documents", plan->documents);
    json_count(json, "tokens", plan->tokens);
    json_count(json, "supervised_tokens", plan->supervised);
    json_count(json, "epoch_supervised_tokens", plan->epoch_targets);
    json_count(json, "epoch_rows", plan->epoch_rows);
    json_integer(json, "epoch_steps", plan->epoch_steps);
    json_integer(json, "step_rows", plan->step_rows);
    put_counts(json, &plan->counts, plan->too_short);
    json_flag(json, "weighted", plan->weighted);
    json_count(json, "undesired", plan->undesired);
    dataset_put_forms(json, "forms", plan->data);
    dataset_put_counts(json, "unread_columns", &plan->data->unread);
    if (plan->eval_own) {
        json_object(json, "evaluation");
        put_counts(json, &plan->eval_counts, plan->eval_too_short);
        json_end(json);
    }
}
