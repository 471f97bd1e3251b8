/* The course of a run: how many steps it has, at which learning rate each is taken, and which rows of
 * the data are in it. It computes nothing, so who hands a run to another engine has it, too.
 *
 *     course_open() -> course_seek() to a state's place, or none -> course_read() ... -> course_close()
 *
 * A step has up to `accumulate` batches of `batch` rows, all of one epoch: where an epoch's rows
 * end, its last batch is filled up with padding and its last step is short.
 */
#ifndef SPECTRUM_TRAIN_COURSE_H
#define SPECTRUM_TRAIN_COURSE_H

#include "text/generation.h"
#include "text/packing/packing.h"
#include "train/optimizer.h"
#include "train/step_rules.h"

struct train_settings {
    int64_t steps; /* optimiser steps of the whole run; 0: as many as `epochs` need */
    double epochs; /* passes over the data (packing_steps()) */
    int64_t seq_len, batch, accumulate;
    enum schedule_kind schedule;
    double rate, warmup; /* warmup: steps (of n at most n - 1), or below 1 a share */
    double least_rate;   /* what the schedule falls to */
    /* steps after those of `steps` and `epochs` (step_rules.h); borrowed. trainer_new() puts the
     * rate of the step before a part in the place of a rate of 0 */
    struct schedule_part *parts;
    size_t part_count;
    struct optimizer_settings optimizer;
    enum storage storage;
    bool masters;
    double z_loss, neftune; /* coefficient and alpha; 0: none */
    /* z-score of a loss from which on its step is left out (step_rules.h); 0: none */
    double spike_guard;
    int64_t recomputed;             /* blocks that the backward pass recomputes */
    int64_t eval_every, save_every; /* in steps; 0: at the end only */
    int64_t keep;                   /* checkpoints that stay, besides the best */
    int32_t pad;                    /* any valid token: fills the last row */
    struct {
        const int32_t *ids; /* NULL: no samples */
        int64_t count, more;
        struct end_tokens ends;
    } sample; /* a text from the model so far, at every evaluation */
};

struct course {
    int64_t steps;            /* of the whole run, with those that were added to it */
    struct schedule schedule; /* its parts are the settings' */
    struct packing *packing;
    struct batch batch; /* that was read last */
    int64_t rows;       /* of a batch */
};

/* Packs the data, and makes steps and warm-up of epochs and shares where they are given so. The
 * pieces, and the settings' parts, must outlive it. */
int course_open(struct course *out, const struct piece_list *pieces,
                const struct train_settings *settings, struct error *err);
void course_close(struct course *course);

/* Data goes on at that row. */
void course_seek(struct course *course, struct packing_position position);

/* What a step has taken of the data so far; {0} at its beginning. */
struct taken {
    uint64_t rows, tokens, supervised; /* without padding */
    double weight;                     /* of all supervised tokens: the loss's denominator */
};

/* 1: the next batch of the step is in course->batch; 0: the step ends with its epoch; -1. A step's
 * first batch is always there: where an epoch has ended, the next begins. */
int course_read(struct course *course, struct taken *taken, struct error *err);

#endif
