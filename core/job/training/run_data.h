/* The data of a run: tokenised documents, split into what is trained and what is held back for
 * evaluation, and what samples begin with.
 *
 *     files -> dataset (text/dataset_open.h) -> pieces (text/pieces.h) -> train, eval
 *                                                                      -> prompt
 *
 * run_data_open() fills it, and run_data_close() frees it, also after an error. The piece lists
 * point into the data sets, and the trainer's settings to the prompt: it must outlive the trainer.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_DATA_H
#define SPECTRUM_JOB_TRAINING_RUN_DATA_H

#include "job/training/run_base.h"

struct run_data {
    struct run_sitting *sitting;
    const struct run_base *base;
    struct dataset set, eval_set;  /* eval_set: of --eval-data; empty: there is none */
    struct piece_list train, eval; /* eval.count 0: no evaluation */
    struct token_list prompt;      /* of the samples */
};

/* Tokenises what the request names, and says what whoever watches should know of it: its weights,
 * the first record as the model will see it, an assistant's turn that has no end. Of the settings
 * seq_len is read, and `sample` is filled. */
int run_data_open(struct run_data *data, const struct run_base *base,
                  struct train_settings *settings, struct error *err);
void run_data_close(struct run_data *data);

/* What became of it, in numbers; the trainer says how many rows an epoch has. */
struct training_data_plan run_data_plan(const struct run_data *data,
                                        const struct train_settings *settings,
                                        const struct course *course);

#endif
