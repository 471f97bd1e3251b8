/* The training loop: windows of micro-batches, optimiser steps, evaluations, samples, checkpoints.
 *
 * Which rows a step has, and its learning rate, course.h says. The gradient is that of
 *
 *     sum of w times loss / sum of w,    over the step's supervised tokens, w their weights
 *
 * It reports through an observer that it defines, and polls it between steps for commands; it knows
 * nothing of jobs, terminals or files other than its own checkpoints.
 */
#ifndef SPECTRUM_TRAIN_TRAINER_H
#define SPECTRUM_TRAIN_TRAINER_H

#include "train/course.h"
#include "train/integrity.h"
#include "train/optimizer.h"
#include "train/state.h"
#include "train/step_rules.h"
#include "train/transformer.h"

struct train_inputs {
    const struct model *model;
    struct backend *backend;
    struct recipe recipe;                  /* what it points to must outlive the trainer */
    const struct piece_list *train, *eval; /* of settings.seq_len; eval NULL: none */
    bool layout_only; /* for a look at what would train: as the transformer's; it takes no step */
    const char *run;  /* the run's folder, for checkpoints */
    /* the caller fills model, data and exact; trainer_new() the rest */
    struct run_identity *identity;
    const struct work_watch *work; /* is told of all that takes time; NULL: nobody is */
};

/* One step as metrics.jsonl has it. */
struct train_report {
    struct progress progress;        /* after the step */
    double loss, z_loss;             /* means over the step's supervised tokens, by their weights */
    double rate, norm, step_seconds; /* norm NaN: there are no gradients, the step was left out */
    bool left_out;                   /* by the spike guard, for its loss */
    double spike_score;
    uint64_t step_tokens;
};

enum train_command { TRAIN_CONTINUE, TRAIN_CHECKPOINT, TRAIN_STOP };

struct trainer;

/* Every function that takes an error may fail, which ends the run. Any may be NULL. */
struct train_observer {
    void *context;
    int (*on_step)(void *context, const struct train_report *report, struct error *err);
    int (*on_evaluation)(void *context, int64_t step, const struct evaluation *evaluation,
                         struct error *err);
    int (*on_sample)(void *context, int64_t step, const int32_t *ids, int64_t count,
                     struct error *err);
    int (*on_saved)(void *context, int64_t step, struct error *err);
    /* called before every step, and once more after a checkpoint that it commanded; may wait (a
     * pause) */
    enum train_command (*poll_command)(void *context);
    /* called between the batches of an evaluation: true leaves it and stops as TRAIN_STOP does */
    bool (*should_stop)(void *context);
};

/* What of the identity follows from settings and recipe, as trainer_new() fills it in. */
void trainer_fill_identity(struct run_identity *identity, const struct train_settings *settings,
                           const struct recipe *recipe);

/* The memory that trainer_new() will take, without taking it. The caller frees the plan. */
int trainer_plan(struct memory_plan **out, const struct train_inputs *inputs,
                 const struct train_settings *settings, struct error *err);

/* Sets settings->recomputed to as few blocks as keep that memory within `limit` bytes, and gives
 * the plan; where not even all of them do, it is all of them: (*out)->total says so. */
int trainer_fit(struct memory_plan **out, const struct train_inputs *inputs,
                struct train_settings *settings, uint64_t limit, struct error *err);

/* Makes everything that the run needs: packs the data, plans and takes the memory, reads the
 * weights. `inputs` and what it points to must outlive the trainer; `settings` is copied. */
int trainer_new(struct trainer **out, const struct train_inputs *inputs,
                const struct train_settings *settings, struct error *err);
void trainer_free(struct trainer *trainer);

/* Continues from a state folder (state.h). */
int trainer_resume(struct trainer *trainer, const char *folder, bool *exact, struct error *err);

/* What it holds, for reports: all owned by the trainer. */
const struct optimizer *trainer_optimizer(const struct trainer *trainer);
struct frozen_count trainer_frozen(const struct trainer *trainer);
const struct memory_plan *trainer_memory(const struct trainer *trainer);
/* What of each category of that plan is in memory (network_resident()). */
bool trainer_resident(const struct trainer *trainer, uint64_t out[MEMORY_CATEGORIES]);
const struct progress *trainer_progress(const struct trainer *trainer);
int64_t trainer_steps(const struct trainer *trainer);
const struct course *trainer_course(const struct trainer *trainer);

/* Continues from a state of this run with another freeze set (state_carry()). */
int trainer_carry(struct trainer *trainer, const char *folder, struct error *err);

/* --- parts of a run, for who measures how long they take; nothing is reported or saved --- */

/* One step. */
int trainer_step(struct trainer *trainer, struct train_report *report, struct error *err);
/* An evaluation of the model as it is; there must be data for it. */
int trainer_evaluate(struct evaluation *out, struct trainer *trainer,
                     const struct evaluation_watch *watch, struct error *err);
/* A sample, which `should_stop` (may be NULL) may end: *made tokens are behind the prompt then. The
 * settings must have one. `past_ends`: no token ends it, so it is as long as a sample can be. */
int trainer_sample(struct trainer *trainer, bool past_ends, const struct work_watch *work,
                   bool (*should_stop)(void *context), void *context, int64_t *made,
                   struct error *err);
/* That every frozen tensor is as it was, as before a state is saved. */
int trainer_check_frozen(const struct trainer *trainer, struct error *err);

/* Writes the state as it is now, unless it is on disk. What is not finite in it ends the run:
 * ERROR_NOT_FINITE, which names the step, the tensor and the last checkpoint, and nothing is
 * written. */
int trainer_save(struct trainer *trainer, const struct train_observer *observer, struct error *err);

/* Trains to the last step: 0, or 1 where the observer commanded a stop (a checkpoint was written
 * then), or -1. The last state is on disk whenever it returns 0 or 1. After an evaluation that is
 * better than all before a checkpoint is written, too, which stays until a better one comes; an
 * evaluation that a stop broke off is made by the next sitting. A frozen tensor that changed
 * ends the run before anything is saved, a trained one that did not after the last save
 * (integrity.h); a loss, a gradient, an evaluation or a value to be saved that is not finite ends
 * it as trainer_save() does. */
int trainer_run(struct trainer *trainer, const struct train_observer *observer, struct error *err);
/* The same to step `until`, where that comes before the last. */
int trainer_run_until(struct trainer *trainer, int64_t until, const struct train_observer *observer,
                      struct error *err);

#endif
