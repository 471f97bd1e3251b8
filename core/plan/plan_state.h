/* What a plan is made of, for the files of this folder alone.
 *
 *     plan_choice.c    what a row is, what a percentage selects, what trains
 *     plan_history.c   the steps: opening one, going back and on
 *     plan_names.c     from names to rows and parts of rows
 *     plan_change.c    the plan's life, and what users change
 *     plan_kept.c      all of it as a file
 *
 * Each uses those before it. What all of them keep true:
 *
 *   1. history[now] is the plan, history[0..last] are its steps, and (now, last] can be redone.
 *   2. A change by a user is one step: plan_begin_step() copies what is, the change is made to the copy,
 *      and where it fails, plan_cancel_step() takes the step back.
 *   3. Rows that are an embedding or a head have no flag of their own: the two switches after the
 *      rows' flags say whether they train (plan_end()).
 *   4. A row's flag has two layers: the low bits are what the base selects (a percentage, names,
 *      nothing, all), and BY_HAND, where set, what was decided by hand, which counts instead. A new
 *      base, or new scores, write the low bits and leave BY_HAND as it is; so edits survive both.
 *   5. Rows of one tensor have one flag (ranking.h's units): whoever sets a row's sets them all.
 *   6. The base's bits of a percentage are those of the scores that snapshot.ranked numbers; who
 *      looks at a snapshot sees to it first that they are of the present ones (plan_history.c).
 */
#ifndef SPECTRUM_PLAN_PLAN_STATE_H
#define SPECTRUM_PLAN_PLAN_STATE_H

#include "plan/loaded_rows.h"
#include "plan/plan.h"
#include "plan/ranking.h"

enum { UNDO_MAX = 1000 };

/* Of a row's flag: PLAN_MODULE's bits are the base's, and one of these two at most is set. */
enum { HAND_TRAINS = 4, HAND_FREEZES = 8, BY_HAND = HAND_TRAINS | HAND_FREEZES };

/* All that a step of undo brings back. `flags` has one byte a row of the scan, one (0 or 1) for the
 * embedding, one for the head, and one a module of the model, for those that no row covers: these
 * are the base's alone. */
struct snapshot {
    unsigned char *flags;
    struct plan_base base; /* its source is the snapshot's own */
    int64_t time;          /* when the step was made, in seconds since 1970 */
    unsigned ranked;       /* the plan's `ranked` when the base's bits were made */
};

struct plan {
    const struct scan *scan;
    const struct model *model;
    bool tied;
    size_t row_count;
    /* Of experts each, and together: by these rows are listed. Where tensors of the file are one in
     * the loaded model, two more of that model's: of these a percentage takes the best, unless it is
     * to take of the file's. */
    struct ranking rankings[4];
    int rankings_used; /* 2 or 4 */
    bool of_file;
    struct loaded_rows loaded; /* the rows by their tensors' other names */
    struct snapshot history[UNDO_MAX];
    size_t now, last;        /* history[now] is the plan; (now, last] can be redone */
    unsigned ranked;         /* how often the scores were ranked anew */
    struct plan_order order; /* by which the rankings are now: of whoever was asked last */
};

static inline unsigned char *plan_flags(const struct plan *plan)
{
    return plan->history[plan->now].flags;
}

static inline size_t plan_flag_count(const struct plan *plan)
{
    return plan->row_count + 2 + (plan->model ? plan->model->parameter_count : 0);
}

/* For what does not depend on how experts are ranked: units, and rows by their names. */
static inline const struct ranking *plan_ranking(const struct plan *plan)
{
    return &plan->rankings[0];
}

/* Of all rows of a row's unit: keeps these bits, and sets those. */
static inline void plan_set_flags(const struct plan *plan, unsigned char *flags, size_t row,
                                  unsigned keep, unsigned set)
{
    const struct ranking *ranking = plan_ranking(plan);
    for (size_t i = ranking->unit[row]; i != SIZE_MAX; i = ranking->next[i])
        flags[i] = (unsigned char)((flags[i] & keep) | set);
}

/* The flag of a module that no row covers. */
static inline unsigned char *plan_module_flag(const struct plan *plan,
                                              const struct parameter *parameter)
{
    return plan_flags(plan) + plan->row_count + 2 + (parameter - plan->model->parameters);
}

/* What a flag of a row says that trains: enum plan_parts. */
static inline unsigned plan_flag_parts(unsigned char flag)
{
    return flag & HAND_TRAINS ? PLAN_MODULE : flag & HAND_FREEZES ? 0 : flag & PLAN_MODULE;
}

/* plan_choice.c: the end that a tensor's or module's name speaks of; is there a head (or an
 * embedding) that trains; and the base's bits of a snapshot, by the present ranks. */
enum plan_end plan_end_named(const struct plan *plan, const char *name);
bool plan_end_trains(const struct plan *plan, bool head);
void plan_select_rows(struct plan *plan, struct snapshot *snapshot);

/* plan_choice.c: ranks rows by the present scores in this order, unless they are. */
void plan_rank_by(struct plan *plan, const struct plan_order *order);

/* plan_history.c: opens a new step, a copy of what is, which the caller then changes; takes it back,
 * as one that was never opened; and puts a list of snapshots, which the plan then owns, in the place
 * of all steps. */
int plan_begin_step(struct plan *plan, struct error *err);
void plan_cancel_step(struct plan *plan);
void plan_take_steps(struct plan *plan, const struct snapshot *steps, size_t count, size_t now);
void plan_snapshot_free(struct snapshot *snapshot);

/* Do two bases select the same, whatever the rows are? Of names that is their source alone. */
bool plan_is_same_base(const struct plan_base *a, const struct plan_base *b);

/* Gives the present step another base; its bits are the caller's. `source` is copied; NULL: none. */
int plan_set_base(struct plan *plan, enum plan_base_kind kind, const char *source,
                  struct error *err);

/* plan_names.c: appends the name by which plan_set_name() takes these parts of a row (and of its
 * tensor); sets the base's bits of a module, a part of one, a tensor that no row covers, or a
 * switch, by a name; an error where it is none. */
void plan_put_parts(struct buffer *out, const struct plan *plan, size_t row, unsigned parts);
int plan_set_name(struct plan *plan, const char *name, struct error *err);

#endif
