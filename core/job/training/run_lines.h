/* A run's lines of metrics.jsonl, one JSON object each: a step, an evaluation, events.
 *
 *     {"step": 3, "time_s": 1.5, "tokens": 384, ..., "loss": 2.25, "lr": 2e-05, ...}
 *     {"step": 3, "eval_loss": 2.5, "eval_tokens": 512}
 *     {"event": "checkpoint", "step": 3}     or "resume", "sample", "spike", "reselect"
 *
 * run_lines_open() opens the job's file for appending, which locks it (job/metrics_writer.h), and
 * run_lines_close() closes it; each function between writes one line. A line for which the disk has no
 * room waits in memory, which is said once: the steps continue, and what they made is lost only if
 * there is no room for the next checkpoint either. -1: nothing can be written.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_LINES_H
#define SPECTRUM_JOB_TRAINING_RUN_LINES_H

#include "job/metrics_writer.h"
#include "job/training/run_view.h"

struct run_lines {
    const struct run_sitting *sitting;
    struct job_metrics_writer writer;
    bool open, waits; /* waits: the last line had no room on the disk */
};

int run_lines_open(struct run_lines *lines, const struct run_sitting *sitting, struct error *err);
void run_lines_close(struct run_lines *lines);

/* `memory` is the plan, and base_bytes what the process had before it took the plan's memory (0:
 * unknown): what the plan can be held against stands beside it. */
int run_lines_step(struct run_lines *lines, const struct train_report *report,
                   const struct memory_plan *memory, size_t base_bytes, struct error *err);

/* A step that the spike guard left out; it is said, too. */
int run_lines_spike(struct run_lines *lines, const struct train_report *report, struct error *err);
int run_lines_evaluation(struct run_lines *lines, int64_t step, const struct evaluation *evaluation,
                         struct error *err);
int run_lines_sample(struct run_lines *lines, int64_t step, const char *text, struct error *err);
/* After a new choice of what trains: how many tensors begin to train, and how many end. */
int run_lines_reselect(struct run_lines *lines, int64_t step, size_t begun, size_t ended,
                       struct error *err);
/* "checkpoint", "resume": an event without more. */
int run_lines_event(struct run_lines *lines, const char *event, int64_t step, struct error *err);

#endif
