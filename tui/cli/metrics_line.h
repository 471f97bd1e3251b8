/* What a job reports, as lines for people: the same from a run in this terminal and from the
 * metrics of a job that is followed. */
#ifndef SPECTRUM_TUI_CLI_METRICS_LINE_H
#define SPECTRUM_TUI_CLI_METRICS_LINE_H

#include "base/buffer.h"

#include <stdint.h>

struct step_line {
    int64_t step, steps;                   /* steps 0: not known */
    double loss, norm, rate, tokens_per_s; /* NaN: not known */
};
void metrics_line_step(struct buffer *out, const struct step_line *line);
void metrics_line_evaluation(struct buffer *out, int64_t step, double loss, double tokens);
/* A text of the model on lines of its own, indented; what a terminal must not get is '?'. */
void metrics_line_sample(struct buffer *out, int64_t step, const char *text);

/* One line of metrics.jsonl, which may be anyone's; nothing for what is not known. `steps` as in
 * step_line. */
void metrics_line_put(struct buffer *out, const char *text, size_t length, int64_t steps);

#endif
