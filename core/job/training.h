/* A training run from its request to its result: opens model, plan and data, makes the trainer,
 * and keeps the job directory (job_dir.h) while it trains.
 *
 * The same function runs in a terminal, under a supervisor, and after a crash; the caller only
 * parses what was asked for and shows the steps as they come.
 */
#ifndef SPECTRUM_JOB_TRAINING_H
#define SPECTRUM_JOB_TRAINING_H

#include "base/json_writer.h"
#include "job/training_options.h"
#include "text/dataset/dataset.h"
#include "train/trainer.h"

#include <signal.h>

/* What the run makes of its data. */
struct training_data_plan {
    uint64_t documents, tokens, supervised; /* of the training data, before anything is left out */
    size_t eval_pieces;                     /* that are kept for evaluation (text/packing/pieces.h) */
    size_t too_short;                       /* records of fewer than two tokens, left out */
    struct piece_counts counts;             /* of the training data, with what is held back of it */
    bool eval_own; /* the evaluation has data of its own, of which these are: */
    size_t eval_too_short, eval_undesired;
    struct piece_counts eval_counts;
    uint64_t epoch_rows, epoch_targets; /* of the epoch in hand; rows can be one more or less */
    int64_t epoch_steps;
    int64_t seq_len, step_rows; /* batch times accumulate: the most that a step has */
    bool weighted;              /* some targets count more or less than 1 */
    size_t undesired; /* KTO's records with the label false, of which nothing is trained */
    const struct dataset *data; /* its forms and columns; the run's, gone when it has ended */
};
/* Adds its members: of job.json and of --json. */
void training_put_data_plan(struct json_writer *json, const struct training_data_plan *plan);

/* What checkpoints take on the run's disk, in bytes. */
struct training_disk {
    uint64_t state, states; /* of one; how many there are at once: kept, in the making, the best */
    uint64_t total, left;   /* still to be written; free for this user. Where it is known: */
    bool known, quota;      /* quota: it is a quota that bounds `left` */
    bool fits;              /* as far as that is known */
};

/* The same for whoever plans a run: of its settings `keep`, `save_every`, `steps` and how it stores
 * count. `evaluates`: the best state stays, too. */
int training_disk_look(struct training_disk *disk, const struct model *model,
                       const struct recipe *recipe, const struct train_settings *settings,
                       bool evaluates, const char *run, struct error *err);
/* "up to 3 checkpoints of 1.2 GiB at once; 80 GiB are left there", or " do not fit: " between. */
void training_disk_put(struct buffer *out, const struct training_disk *disk);

/* What is known before the first step; what it points to is the run's. */
struct training_start {
    const struct model *model;
    const struct optimizer *optimizer; /* what trains: optimizer_tensor() */
    const struct memory_plan *memory;
    uint64_t memory_free; /* bytes, before the run took any */
    struct training_disk disk;
    int64_t recomputed; /* blocks that the backward pass computes anew */
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

/* For whoever shows the run; any member may be NULL. */
struct training_view {
    void *context;
    void (*on_message)(void *context, const char *line);
    void (*on_start)(void *context, const struct training_start *start);
    void (*on_step)(void *context, const struct train_report *report, int64_t steps);
    void (*on_evaluation)(void *context, int64_t step, const struct evaluation *evaluation);
    void (*on_sample)(void *context, int64_t step, const char *text);
    const volatile sig_atomic_t *interrupted; /* set: stop behind the step in hand */
};

/* Trains what a request asks for that is filled (training_options.h); training_check() is called
 * again. With `resume` it goes on from the run's last checkpoint, or `from_step`'s (or from the
 * start where there is none). 0: completed; ERROR_INTERRUPTED: stopped, with a checkpoint; -1. */
int training_run(const struct training_request *request, bool resume,
                 const struct training_view *view, struct error *err);

/* Everything up to the first step: what training_run() would refuse is refused, and
 * view->on_start() is told what it would train. Nothing is left behind but what is in the cache: no
 * folder, no job. request->run is the folder that the run would have. */
int training_dry_run(const struct training_request *request, const struct training_view *view,
                     struct error *err);

#endif
