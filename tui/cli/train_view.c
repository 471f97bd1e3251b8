#include "tui/cli/train_view.h"

#include "base/clock.h"
#include "base/text.h"
#include "tui/cli/message.h"
#include "tui/cli/metrics_line.h"
#include "tui/cli/output.h"
#include "tui/cli/source_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void print(struct buffer *lines)
{
    fputs(buffer_string(lines), stderr);
    buffer_free(lines);
}

/* What the run makes of its data. */
static void tell_data(const struct training_data_plan *data, int64_t steps)
{
    fprintf(stderr,
            "data: %" PRIu64 " document%s, %" PRIu64 " token%s; in an epoch %" PRIu64
            " supervised token%s in %" PRIu64 " row%s of %" PRId64
            "; %zu document%s for evaluation\n",
            data->documents, text_s(data->documents), data->tokens, text_s(data->tokens),
            data->epoch_targets, text_s(data->epoch_targets), data->epoch_rows,
            text_s(data->epoch_rows), data->seq_len, data->eval_pieces, text_s(data->eval_pieces));
    /* a step of one row is never cut short */
    bool whole = data->step_rows == 1;
    fprintf(stderr, "steps: %" PRId64 " of %s%" PRId64 " row%s; %" PRId64 " an epoch%s\n", steps,
            whole ? "" : "up to ", data->step_rows, text_s((uint64_t)data->step_rows),
            data->epoch_steps, whole ? "" : ", whose last one has what is left");
    source_view_counts("data", &data->counts, data->too_short, data->undesired);
    if (data->eval_own)
        source_view_counts("evaluation", &data->eval_counts, data->eval_too_short,
                           data->eval_undesired);
    if (data->weighted)
        fprintf(stderr, "data: losses count as much as the records' and turns' weights say\n");
}

static void on_start(void *context, const struct training_start *start)
{
    struct train_view *view = context;
    view->last.progress = start->progress;
    view->adapters = start->adapters;
    view->steps = start->steps;
    buffer_clear(&view->data);
    struct json_writer data = {.out = &view->data};
    json_object(&data, NULL);
    training_put_data_plan(&data, &start->data);
    json_end(&data);
    double share = 100.0 * (double)start->trained_parameters / (double)start->parameters;
    if (start->adapters)
        message_print("%s: trains %zu tensor%s, adapters among them, of %" PRId64
                      " parameters beside the model's %" PRId64 " (%.2f %%), %s",
                      view->run, start->trained_tensors, text_s(start->trained_tensors),
                      start->trained_parameters, start->parameters, share, start->precision);
    else
        message_print("%s: trains %zu of %zu tensors, %" PRId64 " of %" PRId64
                      " parameters (%.2f %%), %s",
                      view->run, start->trained_tensors, start->tensors, start->trained_parameters,
                      start->parameters, share, start->precision);
    tell_data(&start->data, start->steps);
    fprintf(stderr, "memory: %s planned (", bytes_text((double)start->memory->total).text);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        fprintf(stderr, "%s%s %s", i ? ", " : "", memory_category_name((enum memory_category)i),
                bytes_text((double)start->memory->bytes[i]).text);
    fprintf(stderr, ")\n");
    if (start->resumed)
        fprintf(stderr, "resumed behind step %" PRId64 " of %" PRId64 "%s\n", start->progress.step,
                start->steps, start->exact ? ", exactly" : "");
}

static void on_step(void *context, const struct train_report *report, int64_t steps)
{
    struct train_view *view = context;
    double now = clock_seconds();
    int64_t step = report->progress.step;
    view->last = *report;
    if (now - view->shown_at < 1 && step != steps && step != 1)
        return;
    view->shown_at = now;
    struct buffer line = BUFFER_INIT;
    metrics_line_step(&line,
                      &(struct step_line){step, steps, report->loss, report->norm, report->rate,
                                          (double)report->step_tokens / report->step_seconds});
    print(&line);
}

static void on_evaluation(void *context, int64_t step, const struct evaluation *evaluation)
{
    struct train_view *view = context;
    view->eval_loss = evaluation->loss;
    struct buffer line = BUFFER_INIT;
    metrics_line_evaluation(&line, step, evaluation->loss, (double)evaluation->tokens);
    print(&line);
}

static void on_sample(void *context, int64_t step, const char *text)
{
    (void)context;
    struct buffer lines = BUFFER_INIT;
    metrics_line_sample(&lines, step, text);
    print(&lines);
}

struct training_view train_view_make(struct train_view *view, const char *run, bool json)
{
    *view = (struct train_view){
        .run = run, .json = json, .shown_at = -10, .last.loss = NAN, .eval_loss = NAN};
    return (struct training_view){.context = view,
                                  .on_message = message_say,
                                  .on_start = on_start,
                                  .on_step = on_step,
                                  .on_evaluation = on_evaluation,
                                  .on_sample = on_sample};
}

/* What is not known is absent. */
static void put_known(struct json_writer *json, const char *key, double value)
{
    if (!isnan(value))
        json_real(json, key, value);
}

void train_view_end(const struct train_view *view)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    const struct progress *progress = &view->last.progress;
    if (!view->json) {
        message_print("done: `spectrum export %s -o DIR` writes the %s", view->run,
                      view->adapters ? "adapters, with --merge the model" : "model");
        return;
    }
    json_begin(&json, "spectrum.train-summary");
    json_text(&json, "run", view->run);
    json_integer(&json, "steps", progress->step);
    json_count(&json, "tokens", progress->tokens);
    json_count(&json, "supervised_tokens", progress->supervised);
    json_integer(&json, "planned_steps", view->steps);
    json_raw(&json, "data", view->data.length > 0 ? buffer_string(&view->data) : "{}");
    put_known(&json, "loss", view->last.loss);
    put_known(&json, "eval_loss", view->eval_loss);
    put_known(&json, "seconds", progress->seconds);
    json_end(&json);
    output_json(&json, NULL);
}

void train_view_free(struct train_view *view)
{
    buffer_free(&view->data);
}
