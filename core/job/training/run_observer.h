/* The trainer's observer (train/trainer.h), and what it writes for whoever follows a run: the lines
 * of metrics.jsonl, and proof.json. It tells the view, too, and takes the requests of whoever
 * steers (job/requests.h).
 *
 *     trainer_run() --on_step, on_evaluation, ...--> run_lines, run_proof, training_view
 *                   <--stop, checkpoint, continue--  run_should_stop(), requests/
 *
 * run_lines and run_proof are made once a sitting; run_reselect.h writes to both between two
 * trainers. The observer borrows them, and has nothing to free.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_OBSERVER_H
#define SPECTRUM_JOB_TRAINING_RUN_OBSERVER_H

#include "job/metrics_writer.h"
#include "job/training/run_setup.h"
#include "tracker/writers.h"

/* --- metrics.jsonl ---
 *
 * One JSON object each: a step, its gradients' norms, an evaluation, events.
 *
 *     {"step": 3, "time_s": 1.5, "tokens": 384, ..., "loss": 2.25, "lr": 2e-05, ...}
 *     {"step": 3, "grad_norms": {"model.norm.weight": 0.25, ...}}
 *     {"step": 3, "eval_loss": 2.5, "eval_tokens": 512, "seconds": 4.5}
 *     {"event": "checkpoint", "step": 3, "seconds": 0.5}
 *                                     or "resume", "more", "sample", "spike", "reselect"
 *
 * "seconds" is what passed since the line before, without pauses: how long an evaluation, a sample
 * or a checkpoint took, from which follows how long those to come will take.
 *
 * run_lines_open() opens the job's file for appending, which locks it (job/metrics_writer.h), and
 * run_lines_close() closes it; each function between writes one line. A line for which the disk has
 * no room waits in memory, which is said once: the steps continue, and what they made is lost only
 * if there is no room for the next checkpoint either. -1: nothing can be written.
 */

struct run_lines {
    const struct run_sitting *sitting;
    struct job_metrics_writer writer;
    struct tracker_writers *others; /* what --log names gets each line, too; NULL: nothing does */
    bool open, waits;               /* waits: the last line had no room on the disk */
    double look_at; /* the clock's seconds from which on memory is looked at again */
    double began;   /* the clock's seconds when the sitting began, */
    double told;    /* and at its last line or run_lines_begin(); both moved on by its pauses */
    bool too_long;  /* it was said that a line of norms is */
};

int run_lines_open(struct run_lines *lines, const struct run_sitting *sitting, struct error *err);
void run_lines_close(struct run_lines *lines);

/* job.json is whole: what --log names gets what the run was asked for. */
void run_lines_describe(struct run_lines *lines);

/* The steps begin: what comes before the first line is timed from here. */
void run_lines_begin(struct run_lines *lines);

/* So many seconds were a pause's: no line's time counts them. */
void run_lines_paused(struct run_lines *lines, double seconds);

/* The trainer has the memory's plan and what of it is resident; base_bytes is what the process had
 * before it took the plan's memory (0: unknown): what the plan can be held against stands beside
 * it. The resident bytes, which take some nanoseconds a page, are in the first line, and then in as
 * many as keep looking at them below a thousandth of the time. */
int run_lines_step(struct run_lines *lines, const struct train_report *report,
                   const struct trainer *trainer, size_t base_bytes, struct error *err);
/* The norm of each trained tensor's gradient in the last step (train/optimizer.h), by its name. Not
 * written where the line would be longer than readers take (job_line.h), which is said once. */
int run_lines_gradients(struct run_lines *lines, int64_t step, const struct optimizer *optimizer,
                        struct error *err);

/* A step that the spike guard left out; it is said, too. */
int run_lines_spike(struct run_lines *lines, const struct train_report *report, struct error *err);
int run_lines_evaluation(struct run_lines *lines, int64_t step, const struct evaluation *evaluation,
                         struct error *err);
int run_lines_sample(struct run_lines *lines, int64_t step, const char *text, struct error *err);
/* After a new choice of what trains: how many tensors begin to train, and how many end. */
int run_lines_reselect(struct run_lines *lines, int64_t step, size_t begun, size_t ended,
                       struct error *err);
/* After a resume that adds steps to the run: how many, and their learning rate. */
int run_lines_more(struct run_lines *lines, const struct schedule_part *part, struct error *err);
int run_lines_checkpoint(struct run_lines *lines, int64_t step, struct error *err);
/* "resume": an event without more. */
int run_lines_event(struct run_lines *lines, const char *event, int64_t step, struct error *err);

/* --- proof.json: what a run shows of itself ---
 *
 *     trained   every tensor that trains, with the norm of its gradient, which is above zero
 *     blocks    how many blocks the model has, and which matrices one of them: what trains is a part of
 *               that, and a screen shows both
 *     frozen    how many tensors are frozen, and the last step at which all were compared with what
 *               they were and found unchanged to the bit
 *
 * It is written after the first step that counts. Adapters begin with B zero, so that A has no
 * gradient, and a warm-up begins with the rate 0: after the third step that counts A has one, too,
 * and the proof is written a second time, complete. A tensor that trains and got no gradient is an
 * error that ends the run: it would stay as it is while the run looks alive.
 *
 * The struct is plain data: run_proof_begin() sets it at the start of a sitting, run_proof_renew()
 * when other tensors begin to train, and run_proof_step() is called after each step.
 */

struct run_proof {
    const char *run;            /* the run's folder */
    const struct dataset *data; /* how many of its tokens are supervised is a part of the proof */
    const struct model *model;  /* whose blocks it names; NULL: none */
    bool due;                   /* to be written, or to be written complete */
    int steps_seen;             /* since it was due */
};

/* A resume whose proof.json is complete owes none. */
void run_proof_begin(struct run_proof *proof, const char *run, const struct dataset *data,
                     const struct model *model, bool resume);
void run_proof_renew(struct run_proof *proof, bool begun);

/* After a step that counts: writes what is due, and checks it. */
int run_proof_step(struct run_proof *proof, const struct trainer *trainer, int64_t step,
                   struct error *err);

/* After a checkpoint, for which the trainer compared what is frozen (train/integrity.h): writes
 * into proof.json that it is unchanged at this step. A run whose proof was removed continues
 * without. */
int run_proof_saved(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                    struct error *err);

/* --- the observer --- */

struct run_observer {
    struct run_sitting *sitting;
    const struct tokenizer *tokenizer;
    const struct run_setup *setup; /* its trainer may be another one after --reselect */
    struct run_lines *lines;
    struct run_proof *proof;
    bool paused; /* after a checkpoint that was asked for in a pause, the pause continues */
};

/* Its callbacks, for trainer_run(); `observer` must outlive it. */
struct train_observer run_observer_callbacks(struct run_observer *observer);

#endif
