/* Freeze plans: which modules train. Made from a scan by percentage (of each module type, or of all
 * of them, the int(len * percent / 100) best), changed by hand with undo and redo, read and written
 * as files (docs/training.md, "Plans and scans").
 *
 * A plan holds for each module of its scan which parts train, its weight, its bias or both, and a
 * switch each for the embedding and the head, which a scan usually does not list. It borrows the
 * scan, which must outlive it.
 *
 *     plan_new -> plan_select, plan_set_..., plan_toggle, plan_undo ... -> plan_trains, plan_counts
 *              -> plan_put (plan_write.h) -> plan_free
 *
 * plan_read.h sets a plan to what a file says, plan_write.h writes such files and says whether a plan
 * means in another tool what it says here, control.h makes plans without scores.
 */
#ifndef SPECTRUM_PLAN_PLAN_H
#define SPECTRUM_PLAN_PLAN_H

#include "base/buffer.h"
#include "model/model.h"
#include "model/score_table.h"

enum plan_scope {
    PLAN_BY_TYPE, /* the best of each module type (the reference) */
    PLAN_GLOBAL,  /* the best of all */
};

struct plan;

/* Everything of the blocks frozen; embedding and head on, as the reference has them. The model may
 * be NULL: then the plan knows of the model only what the scan says (struct scan_model). */
int plan_new(struct plan **out, const struct scan *scan, const struct model *model,
             struct error *err);
void plan_free(struct plan *plan);

/* Trains int(len * percent / 100) of each type (or of all), by falling SNR, file order on ties; a
 * row whose score is NaN counts in len, and is never selected. Embedding and head keep their
 * switches. One step of undo. percent in [0, 100] */
int plan_select(struct plan *plan, double percent, enum plan_scope scope, struct error *err);

/* The same with the two switches set, in one step of undo: a selection that was kept is made from
 * the present scores. */
int plan_select_with_ends(struct plan *plan, double percent, enum plan_scope scope, bool embeddings,
                          bool head, struct error *err);

/* Recomputes the ranks, because rows of the scan became known; a plan that was selected by
 * percentage, with nothing changed by hand since, is selected by them, in the same step of undo. */
void plan_refresh(struct plan *plan);

/* Sets every module whose name the pattern finds, embedding and head among them; *matched is their
 * number, and 0 is an error. One step of undo. */
int plan_set_matching(struct plan *plan, const char *pattern, bool train, size_t *matched,
                      struct error *err);

/* Flips rows of the scan: if any of them is frozen all are trained, else all are frozen. One step.
 */
int plan_toggle(struct plan *plan, const size_t *rows, size_t count, struct error *err);

/* Embedding and head. Where they are tied, freezing either freezes the one tensor. One step each.
 */
int plan_set_embeddings(struct plan *plan, bool train, struct error *err);
int plan_set_head(struct plan *plan, bool train, struct error *err);

/* Forgets what led here: the plan as it is now is what undo goes back to at most. */
void plan_settle(struct plan *plan);

bool plan_undo(struct plan *plan); /* false: nothing to undo */
bool plan_redo(struct plan *plan);

/* Embeddings and heads have switches. Which of them a row is: those that the scan says, and in any
 * scan those of the reference, "model.embed_tokens" and "lm_head". */
enum plan_end { PLAN_NO_END, PLAN_EMBEDDING, PLAN_HEAD };
enum plan_end plan_end(const struct plan *plan, size_t row);

/* What of a row trains: 0, or PLAN_WEIGHT, PLAN_BIAS (chosen by their tensor's name), or both. */
enum plan_parts { PLAN_WEIGHT = 1, PLAN_BIAS = 2, PLAN_MODULE = PLAN_WEIGHT | PLAN_BIAS };
unsigned plan_parts(const struct plan *plan, size_t row);
bool plan_row(const struct plan *plan, size_t row); /* does this row of the scan train at all */
bool plan_embeddings(const struct plan *plan);      /* is there a tensor of that kind that trains */
bool plan_head(const struct plan *plan);
double plan_percent(const struct plan *plan); /* of the last selection; NaN: none */

/* Is the plan what a percentage selects, with nothing done by hand since; and which. */
bool plan_selection(const struct plan *plan, double *percent, enum plan_scope *scope);

/* Rank of a row within its type by SNR, 1 = highest; *of is the size of the type. */
size_t plan_rank(const struct plan *plan, size_t row, size_t *of);

/* The rows of the n-th type, in the order of the types' first rows, by falling SNR; NULL after the
 * last. Owned by the plan, until it is refreshed. */
const size_t *plan_type_rows(const struct plan *plan, size_t n, size_t *count);

/* Trains exactly these modules ("lm_head": its weight and its bias) or tensors ("x.weight",
 * "x.bias"), with a model also those that the scan does not list; a name that is none is an error.
 * One step of undo. */
int plan_set_names(struct plan *plan, const char *const *names, size_t count, struct error *err);

struct plan_counts {
    size_t modules, modules_total; /* rows of the scan */
    bool known;                    /* false: the scan has no shapes and there is no model */
    bool whole; /* embeddings and head among them; false: there are none, or the scan is silent */
    int64_t parameters, parameters_total; /* with a model, or a scan that says: of all tensors */
};
struct plan_counts plan_counts(const struct plan *plan);

/* Does a tensor ("model.layers.0.mlp.up_proj.weight") train? A module means its weight and bias. */
bool plan_trains(const struct plan *plan, const char *tensor);

/* Does a module train that no row of the scan covers, by its own name? */
bool plan_trains_unlisted(const struct plan *plan, const struct parameter *parameter);

/* Does a row train by what stands for it in PEFT, an adapter beside its weight? */
bool plan_takes_adapter(const struct plan *plan, size_t row);

/* Is there a row, other than that of just this name, whose name begins with it? */
bool plan_begins_another(const struct plan *plan, const char *name);

/* The scan and model that the plan was made for; borrowed. */
const struct scan *plan_scan(const struct plan *plan);
const struct model *plan_model(const struct plan *plan);

#endif
