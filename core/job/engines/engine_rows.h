/* The data of a run as an engine takes it: every row of every step, tokenised, packed and in order,
 * in one safetensors file. With R rows of L tokens in S steps:
 *
 *     ids, targets, positions   I32 [R, L]; a target is the token that this place is to predict, -100
 *                               where none is; positions begin at 0 in each document
 *     weights                   F32 [R, L], of the targets; absent where all are 1
 *     step_ends                 I64 [S], the row after a step's last
 *     rates                     F64 [S], the learning rate
 *     tokens_seen, supervised_seen, epochs, row_in_epoch
 *                               I64 [S], where the run stands after the step (train/state.h)
 *     eval_ids, eval_targets, eval_positions, eval_weights
 *                               likewise, of the evaluation data in its order; absent without
 *
 * So an engine neither tokenises, nor packs, nor shuffles, and has the rows that this program's own
 * trainer takes (train/course.h). */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_ROWS_H
#define SPECTRUM_JOB_ENGINES_ENGINE_ROWS_H

#include "job/training/training.h"

struct engine_rows {
    uint64_t rows, evaluated;    /* of training, and of evaluation */
    uint64_t tokens, supervised; /* of the whole run, without padding */
    bool weighted;               /* some targets weigh other than 1 */
};

/* Writes it to `path`, and says what is in it. The parts' course is at the first step before and
 * after. */
int engine_rows_write(struct engine_rows *out, const struct training_parts *parts, const char *path,
                      struct error *err);

#endif
