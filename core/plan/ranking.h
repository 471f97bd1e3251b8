/* Rows of a scan by type, by score and by name: what plans select and find by, worked out once.
 * Internal to plan/. Types are numbered in the order in which they first appear. */
#ifndef SPECTRUM_PLAN_RANKING_H
#define SPECTRUM_PLAN_RANKING_H

#include "model/score_table.h"

struct ranking {
    size_t *ranked;  /* [rows] all rows by falling SNR; NaN and unknown last; file order on ties */
    size_t *type;    /* [rows] number of the row's type */
    size_t *rank;    /* [rows] within its type, 1 = highest */
    size_t *member;  /* [rows] rows type by type, by falling SNR in each */
    size_t *start;   /* [types + 1] type t has member[start[t]] to member[start[t + 1] - 1] */
    size_t *by_name; /* [rows] in the order of strcmp() */
    size_t types;
};

/* Free it whatever this returns. */
int ranking_init(struct ranking *ranking, const struct scan *scan, struct error *err);
void ranking_free(struct ranking *ranking);

/* Recomputes the ranks: scores became known. */
void ranking_refresh(struct ranking *ranking, const struct scan *scan);

/* The row whose module is the first `length` bytes of a name; NULL where there is none. */
const struct scan_row *ranking_find(const struct ranking *ranking, const struct scan *scan,
                                    const char *name, size_t length);

/* Is there a row, other than that of just this name, whose name begins with it? A pattern that is
 * the beginning of a name takes that one, too. */
bool ranking_begins_another(const struct ranking *ranking, const struct scan *scan,
                            const char *name);

#endif
