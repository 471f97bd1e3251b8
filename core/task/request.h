/* Items as token ids, and rows of a network's batch made of them. Internal to core/task. */
#ifndef SPECTRUM_TASK_REQUEST_H
#define SPECTRUM_TASK_REQUEST_H

#include "task/task.h"
#include "train/likelihood.h"

/* One choice: the context's ids and those of what follows it, from ids[from] on, in one list. The
 * network reads all but the last. */
struct task_request {
    int32_t *ids;
    int64_t count, from;
};

/* An item's requests. What all of them begin with is computed once (trunk), what follows it of each
 * is a branch, which may be empty. */
struct task_unit {
    struct task_request *requests; /* [count] */
    int count;
    int64_t trunk, tokens; /* of the trunk, and of all that is computed */
    bool cut;              /* it is longer than the positions: its beginning is left out */
};
void task_unit_free(struct task_unit *unit);

/* `positions`: the most that the model has. `where` names the item. */
int task_unit_make(struct task_unit *unit, const struct task_item *item,
                   struct tokenizer *tokenizer, int64_t positions, const char *where,
                   struct error *err);
/* The prompt of an item that generates: its last ids, as many as leave room for `more`. */
int task_prompt_make(struct task_unit *unit, const struct task_item *item,
                     struct tokenizer *tokenizer, int64_t positions, int64_t more,
                     struct error *err);

/* --- rows --- */

/* Which units share a row: units[order[i]] for i from begins[row] to begins[row + 1]. */
struct task_rows {
    size_t *order, *begins;
    size_t count;
    int64_t tokens; /* of the longest row */
};
void task_rows_free(struct task_rows *rows);

/* Fills rows of at most `capacity` tokens, or of one longer unit, from the longest unit down. */
int task_rows_pack(struct task_rows *rows, const struct task_unit *units, size_t count,
                   int64_t capacity, struct error *err);

/* Memory for a row: ids, positions, documents, and targets for as many sets as an item can have
 * choices that differ in the token after the same one. */
struct task_desk {
    struct likelihood_row row;
    struct token_range *before;
    int32_t *targets; /* [TASK_CHOICES_MAX, tokens] */
    float *losses;    /* likewise */
    int64_t tokens;
};
int task_desk_new(struct task_desk *desk, int64_t tokens, struct error *err);
void task_desk_free(struct task_desk *desk);

/* Lays a row's units; tokens up to a multiple of 64 are padding. */
void task_desk_lay(struct task_desk *desk, const struct task_unit *units, const size_t *order,
                   size_t count);
/* After the network has run: likelihoods[i][k] of the k-th request of the row's i-th unit. */
void task_desk_read(const struct task_desk *desk, const struct task_unit *units,
                    const size_t *order, size_t count, double *const *likelihoods);

#endif
