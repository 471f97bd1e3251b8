/* Rows of a scan by type, by score and by name: what plans select and find by, worked out once.
 * Internal to plan/. Types are numbered in the order in which they first appear.
 *
 * What is ranked is what can be trained or frozen: a row that is a module of its own, and a tensor
 * of several rows (struct scan_row, `tensor`) as one, for which its first row stands. It is a `unit`
 * here. With `loaded`, one of the loaded model: of rows that are tensors of their own in the file, and
 * parts of one there (Mixtral's experts), the first stands for all, too. A unit of one row has that row's value (order.h:
 * its SNR, unless another is asked for). One of several rows has no score where a row has
 * none, and else
 *
 *     together    the median of its rows' values
 *     each        the mean of its rows' ranks, each row ranked among those of its own type, as the
 *                 reference ranks an expert by its number: the lower, the better
 *
 * The types are those of the rows, or of the tensors; together, experts of all numbers that are
 * modules of their own are of one type.
 */
#ifndef SPECTRUM_PLAN_RANKING_H
#define SPECTRUM_PLAN_RANKING_H

#include "plan/order.h"

/* A text that is not terminated, borrowed from the scan. */
struct type_name {
    const char *text;
    size_t length;
};

struct ranking {
    bool together;
    bool loaded;    /* tensors of the file that are one once the model is loaded are one unit */
    size_t *unit;   /* [rows] the row that stands for the row's unit */
    size_t *next;   /* [rows] the next row of the same unit; SIZE_MAX: there is none */
    size_t count;   /* of units */
    double *value;  /* [rows] of a row: the higher, the better; NaN: it has none */
    double *score;  /* [rows] of a unit: likewise */
    double *values; /* [rows] what a median is found in */
    bool *pending;  /* [rows] of a unit: it may yet get one */
    size_t *ranked; /* [units] by falling score, none last; file order on ties; where units of
                             * several rows are scored together, as those of one row are */
    size_t *type;   /* [rows] number of its unit's type */
    size_t *rank;   /* [rows] of its unit within the type, 1 = highest */
    size_t *member; /* [units] type by type, by falling score in each */
    size_t *start;  /* [types + 1] type t has member[start[t]] to member[start[t + 1] - 1] */
    struct type_name *name; /* [types] */
    size_t *by_name;        /* [rows] in the order of strcmp() */
    size_t *by_tensor; /* [tensors] units of several rows, in the order of their tensors' names */
    size_t types, tensors;
    /* [rows] each row's own type, rows by that and by falling score, and each by itself: its rank
     * within that type, and how many are of it */
    size_t *own_type, *own_order, *own_rank, *own_count;
};

/* Free it whatever this returns. */
int ranking_init(struct ranking *ranking, const struct scan *scan, bool together, bool loaded,
                 struct error *err);
void ranking_free(struct ranking *ranking);

/* Recomputes the ranks: scores became known, or another order is wanted. */
void ranking_refresh(struct ranking *ranking, const struct scan *scan,
                     const struct plan_order *order);

/* The row whose module is the first `length` bytes of a name; NULL where there is none. */
const struct scan_row *ranking_find(const struct ranking *ranking, const struct scan *scan,
                                    const char *name, size_t length);

/* The row that stands for the tensor of several rows of which this is the name, or the module's;
 * NULL where there is none. */
const struct scan_row *ranking_find_tensor(const struct ranking *ranking, const struct scan *scan,
                                           const char *name, size_t length);

/* Is there a row, other than that of just this name, whose name begins with it? A pattern that is
 * the beginning of a name takes that one, too. */
bool ranking_begins_another(const struct ranking *ranking, const struct scan *scan,
                            const char *name);

#endif
