/* A sitting of a run, and those who watch it.
 *
 * A sitting is one call of training_run() or training_dry_run(): a run that was stopped or killed
 * and is resumed has several. What all parts of it need lies here, below them: what was asked for,
 * who is told about it (struct training_view), and whether somebody wants it to end. training.c
 * makes a struct run_sitting on its stack; the parts keep a pointer to it.
 *
 * Counts are of documents, pieces, rows and tokens as text/pieces.h and text/packing.h define
 * them; memory and disk are in bytes. Nothing in a struct training_start belongs to the view: it
 * points into the run, and is gone when the run has ended.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_VIEW_H
#define SPECTRUM_JOB_TRAINING_RUN_VIEW_H

#include "base/json_writer.h"
#include "job/training/resources.h"
#include "text/dataset/dataset.h"
#include "train/trainer.h"

#include <signal.h>
#include <sys/types.h>

/* What the run makes of its data. */
struct training_data_plan {
    uint64_t documents, tokens, supervised; /* of the training data, before anything is left out */
    size_t eval_pieces;                     /* that are kept for evaluation (text/pieces.h) */
    size_t too_short;                       /* records of fewer than two tokens, left out */
    struct piece_counts counts;             /* of the training data, with what is held back of it */
    bool eval_own; /* the evaluation has data of its own, of which these are: */
    size_t eval_too_short, eval_undesired;
    struct piece_counts eval_counts;
    /* of the current epoch; another may have one row more or less */
    uint64_t epoch_rows, epoch_targets;
    int64_t epoch_steps;
    int64_t seq_len, step_rows; /* batch times accumulate: the most that a step has */
    bool weighted;              /* some targets count more or less than 1 */
    size_t undesired; /* KTO's records with the label false, of which nothing is trained */
    const struct dataset *data; /* its forms and columns; the run's, gone when it has ended */
};
/* Adds its members: of job.json and of --json. */
void training_put_data_plan(struct json_writer *json, const struct training_data_plan *plan);

/* What is known before the first step; what it points to is the run's. */
struct training_start {
    const struct training_request *request; /* filled */
    const struct model *model;
    const struct optimizer *optimizer; /* what trains: optimizer_tensor() */
    const struct memory_plan *memory;
    uint64_t memory_free; /* bytes, before the run took any */
    struct training_disk disk;
    int64_t recomputed; /* blocks that the backward pass recomputes */
    int64_t steps;      /* of the whole run */
    int64_t warmup;
    int64_t trained_parameters, parameters;
    size_t trained_tensors, tensors;
    struct training_data_plan data;
    struct progress progress;        /* so far, where it was resumed */
    const char *precision;           /* "bf16+masters" */
    bool resumed, exact;             /* exact: to the bit */
    const struct token_list *sample; /* the samples' prompt; NULL: no samples are made */
    const struct tokenizer *tokenizer;
    bool adapters; /* what is exported without --merge */
};

struct training_probe; /* run_probe.h */

/* For whoever shows the run; any member may be NULL. */
struct training_view {
    void *context;
    void (*on_message)(void *context, const char *line);
    void (*on_start)(void *context, const struct training_start *start);
    void (*on_probe)(void *context, const struct training_probe *probe);
    void (*on_step)(void *context, const struct train_report *report, int64_t steps);
    void (*on_evaluation)(void *context, int64_t step, const struct evaluation *evaluation);
    void (*on_sample)(void *context, int64_t step, const char *text);
    const volatile sig_atomic_t *interrupted; /* set: stop after the current step */
};

struct run_sitting {
    const struct training_request *request;
    const struct training_view *view;
    const char *job; /* the folder whose requests are taken; NULL: a dry run that is no job */
    bool resume;     /* an earlier sitting left its records */
    bool dry;        /* it ends before the first step and writes no record */
    /* the state folder that a resume continues from; NULL: it begins at step 0 */
    const char *state;
    pid_t supervisor;              /* 0: none; it runs in a terminal */
    bool stopping;                 /* somebody asked for it; from then on true */
    unsigned odd;                  /* what in requests/ was said to be none */
    const struct work_watch *work; /* is told of all that takes time; NULL in a dry run */
};

/* One line to whoever watches; of more than 511 bytes the rest is cut off. */
void run_say(const struct run_sitting *sitting, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same of what a user would want to change: "warning: " stands before it, here and in log.txt,
 * where screens look for it. */
void run_warn(const struct run_sitting *sitting, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For a `struct run_sitting *`, so that it can be a callback: was an interrupt caught, has the
 * supervisor died, or did somebody put a request to stop? A request is taken by this. */
bool run_should_stop(void *sitting);

#endif
