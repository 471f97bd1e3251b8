/* What a job reports, as lines for people: the same from a run in this terminal and from the
 * metrics of a job that is followed (`spectrum attach`).
 *
 *     step 12/60  loss 2.8119  norm 1.34  lr 0.0005  3711 tokens/s
 *     step 20  evaluation loss 2.9404 over 4096 tokens
 *     step 20  sample:
 *         Once upon a time
 *     step 20  checkpoint
 *     model.layers.3.mlp.down_proj  SNR 0.58016  (12 of 56)          a scan's
 */
#ifndef SPECTRUM_TUI_CLI_METRICS_LINE_H
#define SPECTRUM_TUI_CLI_METRICS_LINE_H

#include "tui/session/job_follow.h"

#include <stdint.h>
#include <stdio.h>

struct step_line {
    int64_t step, steps;                   /* steps 0: not known */
    double loss, norm, rate, tokens_per_s; /* NaN: not known */
};
void metrics_line_step(struct buffer *out, const struct step_line *line);
void metrics_line_evaluation(struct buffer *out, int64_t step, double loss, double tokens);
/* A text of the model on lines of its own, indented; what a terminal must not get is '?'. */
void metrics_line_sample(struct buffer *out, int64_t step, const char *text);

/* Prints the lines that came since the last time, from `place` on ({0}: from the beginning), of a
 * job that the caller has updated. */
int metrics_line_catch_up(const struct job_follow *job, struct job_metrics_place *place, FILE *to,
                          struct error *err);

/* Prints a job's lines on standard output, those so far and those to come, until the job ends, the
 * reader goes (0: main() says so where that is to be said), or a signal asks for the end
 * (ERROR_INTERRUPTED; the job goes on). A pause is said, as its silence would not be understood. An
 * end in order is a line on standard error; any other is an error. */
int metrics_line_follow(struct job_follow *job, struct error *err);

#endif
