/* The learning rate's course over a run: a linear warm-up, then one of the shapes that transformers
 * calls "cosine", "linear" and "constant" (with warm-up), step for step. */
#ifndef SPECTRUM_TRAIN_SCHEDULE_H
#define SPECTRUM_TRAIN_SCHEDULE_H

#include "base/error.h"

#include <stdint.h>

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_KINDS };

struct schedule {
    enum schedule_kind kind;
    double peak;           /* the learning rate after the warm-up */
    int64_t warmup, steps; /* of the whole run; warmup < steps */
};

/* "cosine", "linear", "constant", by their enum; a NULL ends them. */
extern const char *const schedule_names[];
const char *schedule_name(enum schedule_kind kind);
/* 0, or ERROR_USAGE with the list of names. */
int schedule_by_name(enum schedule_kind *out, const char *name, struct error *err);

/* The learning rate of optimiser step `step`, the first being 0. With warm-up w and n steps:
 * peak * step / w below w; then peak * (1 + cos(pi * (step - w) / (n - w))) / 2, or
 * peak * (n - step) / (n - w), or peak. (The first step of a warm-up has the rate 0 there and
 * here.) */
double schedule_rate(const struct schedule *schedule, int64_t step);

#endif
