/* A table of scores for a model: which of its modules have a row. */
#ifndef SPECTRUM_MODEL_SCORE_ROWS_H
#define SPECTRUM_MODEL_SCORE_ROWS_H

#include "model/matrix_part.h"
#include "model/score_table.h"

/* Which rows a scan is to have. */
struct scan_choice {
    const char *modules; /* regular expression on module names; NULL: the default */
    bool split_fused;    /* projections that lie in one matrix have a row each (fused.h) */
};

/* The rows that a scan of this model has, none of them known yet: modules whose short name the
 * pattern finds, or with NULL (for the pattern, or for the choice) the weights of the blocks (of the whole model where it has none in
 * blocks) that are matrices, or stacks of them: of a stack, each matrix has a row, and a pattern
 * finds those by their own name, too. What a quantiser keeps beside its codes (scales, zero points)
 * is never a row, and tensors with three dimensions or more that are no stack are none that can be
 * scored (scan_row_refusal()). *parts, unless NULL, becomes what each row is of; free() it. */
int scan_for_model(struct scan **out, struct matrix_part **parts, const struct model *model,
                   const struct scan_choice *choice, struct error *err);

/* Why a row's tensor is not scored, whatever its values are (into out, cut at size); false: it is.
 */
bool scan_row_refusal(const struct matrix_part *part, char *out, size_t size);

/* What a scan of the default modules would have: its rows, of which those that are not scored,
 * whatever their values, have a NaN and the reason. Nothing is read. */
int scan_outlook(struct scan **out, const struct model *model, struct error *err);

#endif
