/* A table of scores for a model: which of its modules have a row. */
#ifndef SPECTRUM_MODEL_SCORE_ROWS_H
#define SPECTRUM_MODEL_SCORE_ROWS_H

#include "model/parameters.h"
#include "model/score_table.h"

/* The rows that a scan of this model has, none of them known yet: modules whose short name the
 * pattern finds, or with NULL the 2-D weights of the blocks (of the whole model where it has none
 * in blocks). What a quantiser keeps beside its codes (scales, zero points) is never a row, and
 * tensors with three dimensions or more are none that can be scored (scan_row_refusal()).
 * *modules, unless NULL, becomes the module of each row; free() it. */
int scan_for_model(struct scan **out, const struct parameter ***parameters,
                   const struct model *model, const char *pattern, struct error *err);

/* Why a module's tensor is not scored, whatever its values are (into out, cut at size); false: it
 * is. */
bool scan_row_refusal(const struct parameter *parameter, char *out, size_t size);

#endif
