/* The parts of a training run, shared by training*.c. Internal to core/job. */
#ifndef SPECTRUM_JOB_TRAINING_PARTS_H
#define SPECTRUM_JOB_TRAINING_PARTS_H

#include "job/metrics.h"
#include "job/training.h"
#include "plan/plan.h"
#include "spectra/scan.h"

#include <sys/types.h>

struct training {
    const struct training_request *request;
    const struct training_view *view;
    char *model_path; /* the request's, or the run's own base where it began from random weights */
    struct model *model;
    struct backend *backend;
    struct scan_result *scanned;
    struct scan *outline;
    struct plan *plan; /* NULL: everything trains */
    struct method_choice choice;
    bool *touched;      /* [parameter_count]: trained earlier in the run; NULL without `reselect` */
    int64_t reselected; /* the step behind which that was done last */
    double *factors;    /* [run_tensor_count] of the learning rate; NULL: there are none */
    struct tokenizer *tokenizer;
    /* the request's, with the run's copy of a template file and the date that the run keeps */
    struct dataset_options format;
    char *template_copy, *date;
    cJSON *added_tokens; /* added_tokens.h; NULL: none */
    struct dataset data, eval_data;
    struct piece_list train, eval; /* eval.count 0: no evaluation */
    struct train_settings settings;
    struct token_list prompt; /* of the samples */
    struct run_identity identity;
    struct train_inputs inputs;
    struct trainer *trainer;
    uint64_t planned_bytes; /* of memory: what the trainer takes */
    uint64_t free_bytes;    /* before the trainer was made */
    struct training_disk disk;
    size_t base_bytes; /* resident before the trainer was made; 0: unknown */
    struct job_metrics_writer metrics;
    bool metrics_open, metrics_wait; /* wait: the last line had no room on the disk */
    char *state;   /* the folder that a resume goes on from; NULL: it begins again */
    bool dry;      /* it ends before the first step and writes no record */
    char *scratch; /* a dry run's model of random weights, to be removed; NULL: none */
    int scratch_lock;
    bool recorded;    /* job.json is there: it stays what it is until the resume succeeds */
    pid_t supervisor; /* 0: none; it runs in a terminal */
    bool proof_due;   /* proof.json is to be written, or was when adapters had no gradient yet */
    int steps_seen;   /* since it was due */
    bool stopping;    /* someone asked for it; so it stays */
    bool paused;
};

/* training_open.c: everything up to the trainer. */
int training_open(struct training *training, bool resume, struct error *err);
void training_close(struct training *training);

/* training_plan.c: plan and trained flags from the request, or as the run has them already. */
int training_choose(struct training *training, bool resume, struct error *err);

/* training_factors.c: settings.optimizer.factors from the request. */
int training_fill_factors(struct training *training, struct error *err);

/* training_reselect.c: --reselect. One that the run is too short for is an error. */
int training_check_reselect(const struct training *training, struct error *err);
int64_t training_reselect_step(const struct training *training);
bool training_must_reselect(const struct training *training);
int training_reselect(struct training *training, const struct train_observer *observer,
                      struct error *err);
/* What trains and what did, as a state has it. */
int training_choose_as_left(struct training *training, const char *state, struct error *err);

/* training_inputs.c: the inputs from what is known; and the settings that fit --memory-limit. */
void training_gather_inputs(struct training *training);
int training_fit_memory(struct training *training, struct error *err);

/* training_disk.c: refuses a start whose checkpoints would not fit, and fills training->disk. */
int training_check_disk(struct training *training, struct error *err);

/* training_template.c: --template, which is the run's from its start on: keeps a copy of a file,
 * but for a dry run, or on a resume takes the one that is there. */
int training_keep_template(struct training *training, bool resume, struct error *err);
/* The copy of a start that was refused, of which nothing is left to the next one. */
void training_drop_template(const struct training *training);
/* With the tokenizer at hand: the date of a template that writes one; its marks that are no tokens
 * are refused, or with --add-tokens added to tokenizer and model. A resume has what the run had. */
int training_settle_template(struct training *training, bool resume, struct error *err);
/* Do the tables train that have rows of added tokens? */
int training_check_added(const struct training *training, struct error *err);

/* training_data.c: tokenizer, documents, their split, the samples' prompt. */
int training_load_data(struct training *training, bool resume, struct error *err);
struct training_data_plan training_data_plan(const struct training *training);

/* training_look.c: shows the first record of the data as the model will see it. */
int training_tell_record(const struct training *training, struct error *err);

/* training_record.c: job.json (at first what was asked for, then more as it becomes known),
 * plan.yaml and proof.json. */
int training_write_job(const struct training *training, struct error *err);
int training_write_plan(const struct training *training, struct error *err);
int training_write_proof(const struct training *training, int64_t step, struct error *err);
/* Writes into proof.json that what is frozen is unchanged at this step. */
int training_prove_frozen(const struct training *training, int64_t step, struct error *err);
/* An error where a tensor that trains got no gradient in the step before: it would stay as it is
 * while the run looks alive. Without `adapters` the A of adapters may still lack theirs. */
int training_check_proof(const struct training *training, bool adapters, struct error *err);
/* Is there a proof.json that is complete? */
bool training_is_proved(const struct training *training);
/* True as long as an adapter's A has had no gradient, as behind the first steps. */
bool training_waits_for_adapters(const struct training *training);

/* training_watch.c: metrics.jsonl and requests. */
struct train_observer training_observer(struct training *training);
int training_note_reselect(struct training *training, int64_t step, size_t begun, size_t ended,
                           struct error *err);
int training_note_resume(struct training *training, struct error *err);

/* training_say.c */
void training_say(const struct training *training, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For `struct training *`: has someone asked it to stop, or has its supervisor gone? */
bool training_should_stop(void *context);

#endif
