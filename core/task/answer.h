/* The number that a solution ends in, as the harness looks for it in GSM8K's answers. */
#ifndef SPECTRUM_TASK_ANSWER_H
#define SPECTRUM_TASK_ANSWER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a text is right by each of the two filters of gsm8k.yaml: strict-match (the number behind
 * the first "#### "), flexible-extract (the last number). `answer` is the data's solution. */
struct answer_verdict {
    bool strict, flexible;
};
int answer_judge(struct answer_verdict *out, const char *text, const char *answer,
                 struct error *err);

/* Where a text ends: at the first of the harness' stop texts; its length where it has none. */
size_t answer_end(const char *text, size_t length);

#endif
