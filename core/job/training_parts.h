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
    struct tokenizer *tokenizer;
    struct dataset data, eval_data;
    size_t *train_documents, *eval_documents;
    size_t train_count, eval_count;
    struct train_settings settings;
    struct token_list prompt; /* of the samples */
    struct run_identity identity;
    struct train_inputs inputs;
    struct trainer *trainer;
    size_t base_bytes; /* resident before the trainer was made; 0: unknown */
    struct job_metrics_writer metrics;
    bool metrics_open;
    bool recorded;    /* job.json is there: it stays what it is until the resume succeeds */
    pid_t supervisor; /* 0: none; it runs in a terminal */
    bool unproven;    /* the A of adapters have had no gradient yet */
    bool stopping;    /* someone asked for it; so it stays */
    bool paused;
};

/* training_open.c: everything up to the trainer. */
int training_open(struct training *training, bool resume, struct error *err);
void training_close(struct training *training);

/* training_plan.c: plan and trained flags from the request, or as the run has them already. */
int training_choose(struct training *training, bool resume, struct error *err);

/* training_data.c: tokenizer, documents, their split, the samples' prompt. */
int training_load_data(struct training *training, struct error *err);

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
/* True as long as an adapter's A has had no gradient, as behind the first steps. */
bool training_waits_for_adapters(const struct training *training);

/* training_watch.c: metrics.jsonl and requests. */
struct train_observer training_observer(struct training *training);
int training_note_resume(struct training *training, struct error *err);
/* For `struct training *`: has someone asked it to stop, or has its supervisor gone? */
bool training_should_stop(void *context);

void training_say(const struct training *training, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
