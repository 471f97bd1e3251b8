/* Freeze plans: which modules train. Made from a scan by percentage (of each module type, or of all
 * of them, the int(len * percent / 100) best), changed by hand with undo and redo, read and written
 * as files (docs/training.md, "Plans and scans").
 *
 * A plan holds for each module of its scan which parts train, its weight, its bias or both, and a
 * switch each for the embedding and the head, which a scan usually does not list. It borrows the
 * scan, which must outlive it.
 *
 * Rows of a scan that are parts of one tensor (struct scan_row, `tensor`: experts that lie in one)
 * train or freeze together, as an engine has it, and count as one module; where a row is set, all of
 * its tensor's are. ranking.h says how such a tensor is ranked by the scores of its rows.
 *
 * What trains has two layers. The base selects: a percentage by score, names of a file, nothing or
 * all. Over it lie edits by hand, of single modules, to train or to freeze whatever the base says:
 *
 *     base     25 % of each type      T T - - - T - -
 *     edits    +2 -1 by hand          . . + . - - + .      . none
 *     trains                          T T T - - - T -      (one edit agrees with the base)
 *
 * Another base, and new scores of a percentage's, leave the edits as they are; plan_drop_edits()
 * drops them, and so does a file that is read, as it says of every module what it does.
 * `spectrum plan --top 25 --train A --freeze B` is the same: a base, and two edits over it.
 *
 *     plan_new -> plan_select, plan_set_..., plan_toggle, plan_undo ... -> plan_trains, plan_counts
 *              -> plan_put (plan_write.h) -> plan_free
 *
 * plan_read.h sets a plan to what a file says, plan_write.h writes such files and says whether a plan
 * means in another tool what it says here, plan_kept.h keeps a plan with all that led to it,
 * plan_shelf.h several of one model; control.h makes plans without scores.
 */
#ifndef SPECTRUM_PLAN_PLAN_H
#define SPECTRUM_PLAN_PLAN_H

#include "base/buffer.h"
#include "model/model.h"
#include "plan/order.h"

enum plan_scope {
    PLAN_BY_TYPE,  /* the best of each module type (the reference: an expert's number is in it) */
    PLAN_GLOBAL,   /* the best of all */
    PLAN_TOGETHER, /* the best of each type, experts of all numbers being of one */
};

/* What a plan selects before anything is edited by hand. */
enum plan_base_kind { PLAN_NOTHING, PLAN_PERCENT, PLAN_NAMES, PLAN_ALL };
struct plan_base {
    enum plan_base_kind kind;
    double percent;          /* NaN: it is none */
    enum plan_scope scope;   /* of the percentage; of another kind, of the last that there was */
    struct plan_order order; /* likewise */
    const char *source;      /* of names: the file that they came from; NULL: not known */
};

struct plan;

/* Everything of the blocks frozen; embedding and head on, as the reference has them. The model may
 * be NULL: then the plan knows of the model only what the scan says (struct scan_model). */
int plan_new(struct plan **out, const struct scan *scan, const struct model *model,
             struct error *err);
void plan_free(struct plan *plan);

/* Trains int(len * percent / 100) of each type (or of all), the best by SNR, or by the order of the
 * last percentage that there was, file order on ties; a row that has no number to be ranked by
 * counts in len, and is never selected. Embedding and head keep their switches, and edits stay. One
 * step of undo. percent in [0, 100] */
int plan_select(struct plan *plan, double percent, enum plan_scope scope, struct error *err);
int plan_select_by(struct plan *plan, double percent, enum plan_scope scope,
                   const struct plan_order *order, struct error *err);

/* Percentages choose among the tensors of the model's file: one by one the experts that are one
 * tensor in the loaded model, which is otherwise chosen whole, or not at all. To be called before
 * the first selection. */
void plan_select_of_file(struct plan *plan);

/* The whole percentage nearest to `from`, above (`more`) or below it, that selects more or fewer
 * modules: of 8 layers 25 % are 2, and the next is 38 %, which is 3. NaN: none does. */
double plan_next_percent(const struct plan *plan, double from, enum plan_scope scope, bool more);

/* The same by SNR, with the two switches set, in one step of undo: a selection that was kept is made from
 * the present scores. */
int plan_select_with_ends(struct plan *plan, double percent, enum plan_scope scope, bool embeddings,
                          bool head, struct error *err);

/* All modules of the scan, scored or not, or none of them. One step of undo; edits stay. */
int plan_select_all(struct plan *plan, bool train, struct error *err);

/* Recomputes the ranks, because rows of the scan became known; what a percentage selects is selected
 * by them, in the same step of undo. */
void plan_refresh(struct plan *plan);

/* --- by hand --- */

/* Sets every module whose name the pattern finds, embedding and head among them; *matched is their
 * number, and 0 is an error. One step of undo. */
int plan_set_matching(struct plan *plan, const char *pattern, bool train, size_t *matched,
                      struct error *err);

/* Flips rows of the scan: if any of them is frozen all are trained, else all are frozen. One row
 * that is flipped back to what the base says has no edit any more; of several each has one. One
 * step. */
int plan_toggle(struct plan *plan, const size_t *rows, size_t count, struct error *err);

/* Embedding and head. Where they are tied, freezing either freezes the one tensor. One step each.
 */
int plan_set_embeddings(struct plan *plan, bool train, struct error *err);
int plan_set_head(struct plan *plan, bool train, struct error *err);

/* Drops the edits: what the base selects trains. One step. */
int plan_drop_edits(struct plan *plan, struct error *err);

/* An edit of a row, and how many there are: of those that make a difference to the base now, and
 * those that agree with it, which another base may bring to light. */
enum plan_edit { PLAN_NO_EDIT, PLAN_EDIT_TRAIN, PLAN_EDIT_FREEZE };
enum plan_edit plan_edit(const struct plan *plan, size_t row);
struct plan_edits {
    size_t trained, frozen, agreeing;
};
struct plan_edits plan_edits(const struct plan *plan);

/* --- steps --- */

/* Forgets what led here: the plan as it is now is what undo goes back to at most. */
void plan_settle(struct plan *plan);

bool plan_undo(struct plan *plan); /* false: nothing to undo */
bool plan_redo(struct plan *plan);

/* How many states there are, the oldest first, and in which of them the plan is: those after it can
 * be redone. plan_go() goes to one, as undo and redo do; false: there is none of that number. */
size_t plan_steps(const struct plan *plan, size_t *now);
bool plan_go(struct plan *plan, size_t step);

/* A state, by the present scores, and what it changed of the one before: of the first, nothing. */
struct plan_step {
    int64_t time; /* when it was made, in seconds since 1970 */
    struct plan_base base;
    bool new_base;
    size_t edited, first;   /* rows whose edit it changed, and the first of them; SIZE_MAX: none */
    size_t trained, frozen; /* of these, what they are now; the others have no edit any more */
    size_t edits;           /* rows that have one */
    bool embeddings, head, new_embeddings, new_head; /* the switches */
    size_t modules, begun, ended; /* rows that train; that do and did not; that did and do not */
};
struct plan_step plan_step(struct plan *plan, size_t step);

/* --- what trains --- */

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
struct plan_base
plan_base(const struct plan *plan);           /* its source is the plan's, until it changes */
double plan_percent(const struct plan *plan); /* of the base; NaN: it is none */

/* The row that stands for all that trains or freezes with this one: the first of its tensor's;
 * mostly itself. */
size_t plan_unit(const struct plan *plan, size_t row);

/* Rank of the row by itself, a part of a tensor too, within its type, 1 = highest; *of is the size of
 * the type. */
size_t plan_rank(const struct plan *plan, size_t row, size_t *of);

/* The rows of the n-th type, in the order of the types' first rows, by falling SNR, and of a tensor
 * of several the one that stands for it; NULL after the last. Owned by the plan, until it is
 * refreshed. */
const size_t *plan_type_rows(const struct plan *plan, size_t n, size_t *count);

/* What the n-th type is called (into out, cut at size). */
void plan_type_name(const struct plan *plan, size_t n, char *out, size_t size);

/* Trains exactly these modules ("lm_head": its weight and its bias) or tensors ("x.weight",
 * "x.bias"), with a model also those that the scan does not list; a name that is none is an error.
 * `source` says for people where they are from; NULL: nothing does. One step of undo. */
int plan_set_names(struct plan *plan, const char *const *names, size_t count, const char *source,
                   struct error *err);

struct plan_counts {
    size_t modules, modules_total; /* rows of the scan, of a tensor of several one */
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

/* The rows, this among them, that are parts of one tensor of the loaded model, which trains whole or
 * not at all; the first of them first. NULL: the row is one by itself. */
const size_t *plan_loaded_rows(const struct plan *plan, size_t row, size_t *count);

/* The scan and model that the plan was made for; borrowed. */
const struct scan *plan_scan(const struct plan *plan);
const struct model *plan_model(const struct plan *plan);

#endif
