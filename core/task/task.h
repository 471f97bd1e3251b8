/* Tasks: data sets of questions that models are compared by, asked and counted as
 * lm-evaluation-harness 0.4.13 does it, without examples in front.
 *
 *     files -> records -> items -> token ids -> packed rows -> log-likelihoods -> counts
 *     (find.c, forms.c)  (tasks.c) (request.c)  (rows.c)       (score.c)
 *
 * A choice is taken by the log-likelihood of its text behind the item's (acc), or by that divided
 * by its length in code points (acc_norm); of equal ones the first. A task that generates has its
 * answer looked for in the text (answer.c).
 */
#ifndef SPECTRUM_TASK_TASK_H
#define SPECTRUM_TASK_TASK_H

#include "base/error.h"
#include "base/work.h"
#include "task/forms.h"
#include "text/generation.h"
#include "train/transformer.h"

/* --- what there is --- */

/* One choice: what may follow the item's context, or one of its own. */
struct task_choice {
    char *context; /* NULL: the item's */
    char *continuation;
    int64_t length; /* code points of the choice as the data has it */
};

struct task_item {
    size_t line; /* of its file */
    char *context;
    struct task_choice *choices; /* [count] */
    int count, gold;
    char *answer; /* of a task that generates; it has no choices */
};
void task_item_free(struct task_item *item);

/* A row of the table: what its files are, what is asked, what counts. */
struct task {
    const char *name;               /* as the harness has it */
    const char *set;                /* as its hub has it, for messages */
    const char *const *file_names;  /* words by which its files or folders are known; NULL ends */
    const char *const *split_names; /* likewise, of the split that the harness takes */
    const struct task_form *const *forms; /* that its files may have; NULL ends */
    bool many_files;                      /* each a part of it */
    bool normalized;                      /* acc_norm is counted, too */
    bool generates;
    /* Makes an item of a record. The item is empty, and freed by the caller in any case. */
    int (*make)(struct task_item *item, const struct task_record *record, struct error *err);
};
extern const struct task *const tasks[]; /* a NULL ends them */

/* NULL: there is none of that name. */
const struct task *task_by_name(const char *name, size_t length);

/* --- one evaluation --- */

/* What is counted: shares of items, and the standard error of each, sqrt(p (1 - p) / (n - 1)), NaN
 * of a single item. */
struct task_share {
    double value, error;
};
struct task_share task_share(size_t right, size_t items);

struct task_result {
    const struct task *task;
    size_t files, items;
    size_t right, right_norm; /* of a task that generates: strict-match, flexible-extract */
    size_t cut;               /* items that were too long for the model's positions */
    double seconds;
};

struct task_evaluation;

/* `names` are separated by commas. Reads the files of each below `folder`, the first `limit` items
 * of each file (0: all), before anything else is opened. */
int task_evaluation_open(struct task_evaluation **out, const char *names, const char *folder,
                         int64_t limit, struct error *err);
void task_evaluation_close(struct task_evaluation *evaluation); /* NULL is fine */

/* Makes tokens of all items, the last `positions` of each, and lays them into rows. A row has at
 * most `row_tokens`, or the longest item's. */
int task_evaluation_encode(struct task_evaluation *evaluation, struct tokenizer *tokenizer,
                           int64_t positions, int64_t row_tokens, struct error *err);

/* What the transformer must have room for; it must be made with `generation`. */
int64_t task_evaluation_tokens(const struct task_evaluation *evaluation);
int64_t task_evaluation_longest(const struct task_evaluation *evaluation);

/* Computes; asks `should_stop` (may be NULL) often, and ends with ERROR_INTERRUPTED then. */
struct task_watch {
    bool (*should_stop)(void *context);
    void *context;
    const struct work_watch *work;
};
int task_evaluation_run(struct task_evaluation *evaluation, struct transformer *transformer,
                        struct tokenizer *tokenizer, const struct end_tokens *ends,
                        const struct task_watch *watch, struct error *err);

/* Of each task, in the order in which they were named. */
size_t task_evaluation_count(const struct task_evaluation *evaluation);
const struct task_result *task_evaluation_result(const struct task_evaluation *evaluation,
                                                 size_t index);

/* An item's log-likelihoods [count], and what was chosen by them and by them over lengths; of a
 * task that generates the two answers, 1 or 0 for right or wrong. */
struct task_score {
    const double *likelihoods;
    int count, chosen, chosen_norm;
};
struct task_score task_evaluation_score(const struct task_evaluation *evaluation, size_t task,
                                        size_t item);

#endif
