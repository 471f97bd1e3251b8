/* A training run as lines on standard error, and how it ended on standard output. */
#ifndef SPECTRUM_TUI_CLI_TRAIN_VIEW_H
#define SPECTRUM_TUI_CLI_TRAIN_VIEW_H

#include "job/training/training.h"

struct train_view {
    const char *run;
    bool json;
    int64_t steps;
    struct buffer data;       /* the run's, as JSON; freed at its end */
    bool adapters;            /* it has some: they are what is exported */
    double shown_at;          /* seconds; a line a second at most, but for the last step */
    struct train_report last; /* loss NaN: no step was taken in this sitting */
    double eval_loss;         /* NaN: none */
};

struct training_view train_view_make(struct train_view *view, const char *run, bool json);

/* The summary of a run that completed. */
void train_view_end(const struct train_view *view);
void train_view_free(struct train_view *view);

#endif
