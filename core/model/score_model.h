/* What a scan says of its model beside the rows: embeddings and heads, biases, and what looks like
 * a weight and has no row. Internal to core/model; score_rows.c chooses the rows. */
#ifndef SPECTRUM_MODEL_SCORE_MODEL_H
#define SPECTRUM_MODEL_SCORE_MODEL_H

#include "model/matrix_part.h"
#include "model/score_table.h"

/* Fills scan->of, and of each row what is said of its tensor: its bias, its own name. `of`: the
 * part that each row is. `all`: the rows are those of a scan that was asked for no pattern. */
int scan_describe(struct scan *scan, const struct matrix_part *of, const struct model *model,
                  bool all, struct error *err);

/* Is it of a type that holds a quantiser's codes, which are no weights without their scales? */
bool scan_is_coded(const struct parameter *parameter);

/* Is this what a quantiser keeps beside its codes (scales, zero points, group indices), and no
 * weight, for all that it has two dimensions? */
bool scan_is_beside_codes(const struct model *model, const struct parameter *parameter);

/* Is it called as what a quantiser keeps beside its codes? Where it stands beside none, what it
 * scales is missing, and it is no weight either. */
bool scan_is_orphan(const struct model *model, const struct parameter *parameter);

/* "experts.down_proj_bias" [experts, width]: a vector for each of several matrices. */
bool scan_is_stack_of_biases(const struct parameter *parameter);

/* What the file calls a tensor, where that is something else: newly allocated; else NULL stays. */
int scan_copy_file_name(char **out, const struct parameter *parameter, struct error *err);

#endif
