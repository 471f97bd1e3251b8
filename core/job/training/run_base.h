/* The base of a run: the model that it begins from, the device that computes, the tokenizer, and
 * the chat template, each as it was when the run began, whatever becomes of a file or of the day.
 *
 *     run_base_begin() -> run_base_keep_template() -> run_base_open() -> ... -> run_base_close()
 *
 * in this order, as a template's file is copied before a model is opened that may take minutes.
 * After an error run_base_close() frees what is there. It goes last of a run's parts: data, choice
 * and trainer point into it.
 *
 * What a template writes is kept so that every sitting of the run, its evaluation and its export
 * have the same texts: of a file the copy RUN/chat_template.jinja, of a template that writes
 * today's date the date of the first sitting, of marks that became tokens (--add-tokens) their ids.
 * The last two are in job.json, from where a resume has them.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_BASE_H
#define SPECTRUM_JOB_TRAINING_RUN_BASE_H

#include "base/json.h"
#include "job/training/run_view.h"
#include "text/tokenizer/tokenizer.h"

struct run_base {
    struct run_sitting *sitting;
    char *path; /* the request's, or RUN/base where the run began from random weights, or a run */
    struct model *model;
    struct backend *backend;
    struct tokenizer *tokenizer;
    /* the request's, with the run's copy of a template file and the date that the run keeps */
    struct dataset_options format;
    char *template_copy, *date;
    cJSON *added_tokens; /* added_tokens.h; NULL: none */
    cJSON *start;        /* run_start.h; NULL: it begins from a model */
    char *scratch;       /* a dry run's base, to be removed; NULL: none */
    int scratch_lock;
};

void run_base_begin(struct run_base *base, struct run_sitting *sitting);

/* Keeps a copy of the file that --template names; on a resume it takes the one that is there. A dry
 * run keeps none. */
int run_base_keep_template(struct run_base *base, struct error *err);

/* Removes the copy of a start that was refused, so that the next start finds nothing of it. */
void run_base_drop_template(const struct run_base *base);

/* Opens model, device, tokenizer and template. Marks of a chosen template that are not tokens are
 * refused, or with --add-tokens added to tokenizer and model. */
int run_base_open(struct run_base *base, struct error *err);
void run_base_close(struct run_base *base);

#endif
