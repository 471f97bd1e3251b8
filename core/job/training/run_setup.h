/* The trainer of a run, and what it was made from: settings, recipe and inputs, the memory and the
 * disk that it takes, and the fingerprints that a resume must agree in.
 *
 *     run_setup_begin()     the settings that follow from the request alone
 *     run_setup_identify()  with model, tokenizer and data: who the run is
 *     run_setup_open()      with the choice: memory is planned, held against --memory-limit and the
 *                           machine, and then taken by trainer_new()
 *     run_setup_open_course()  in its place, where another engine trains: what it is to do
 *     run_setup_reopen()    a new trainer for another choice (--reselect), from a state of the run
 *     run_setup_close()     also after an error
 *
 * The trainer keeps pointers to the base, the data and the choice, which must outlive it.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_SETUP_H
#define SPECTRUM_JOB_TRAINING_RUN_SETUP_H

#include "job/training/run_choice.h"
#include "job/training/run_data.h"

struct run_setup {
    struct run_sitting *sitting;
    const struct run_base *base;
    const struct run_data *data;
    const struct run_choice *choice;
    struct train_settings settings;
    double *factors; /* [run_tensor_count] of the learning rate; NULL: all 1 */
    struct run_identity identity;
    struct train_inputs inputs;
    struct trainer *trainer;     /* NULL: none yet, or another engine trains */
    const struct course *course; /* the trainer's, or `own`; NULL: none yet */
    struct course own;
    uint64_t planned_bytes; /* of memory: what the trainer takes */
    uint64_t free_bytes;    /* before the trainer was made */
    size_t base_bytes;      /* resident before the trainer was made; 0: unknown */
    struct training_disk disk;
};

void run_setup_begin(struct run_setup *setup, struct run_sitting *sitting);
int run_setup_identify(struct run_setup *setup, const struct run_base *base,
                       const struct run_data *data, struct error *err);
int run_setup_open(struct run_setup *setup, const struct run_choice *choice, struct error *err);

/* For a run that another engine trains: its course, and who it is. No memory is taken. */
int run_setup_open_course(struct run_setup *setup, const struct run_choice *choice,
                          struct error *err);

/* Refuses a start whose checkpoints would not fit on the disk, and fills setup->disk. */
int run_setup_check_disk(struct run_setup *setup, struct error *err);

/* Frees the trainer: the choice may change. */
void run_setup_drop_trainer(struct run_setup *setup);
/* Makes one for the choice as it is now, which continues from the state folder. */
int run_setup_reopen(struct run_setup *setup, const char *state, struct error *err);

void run_setup_close(struct run_setup *setup);

#endif
