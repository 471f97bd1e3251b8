/* --lr-factor "REGEX=X": the learning rate of the tensors whose names the pattern finds, times X.
 *
 * A factor is opened by lr_factor_open(), which says what is wrong with its text, and its regex is
 * freed by regex_free(). Several factors of one tensor are multiplied. The pattern is searched in the
 * names of a run's tensors (train/recipe.h), those of adapters among them.
 */
#ifndef SPECTRUM_JOB_LR_FACTOR_H
#define SPECTRUM_JOB_LR_FACTOR_H

#include "base/option.h"
#include "base/regex.h"
#include "job/method.h"

struct lr_factor {
    struct regex *regex; /* regex_free() it */
    double value;        /* above 0 */
};

/* ERROR_USAGE says what it takes. The number stands after the last '=': patterns may have others. */
int lr_factor_open(struct lr_factor *out, const char *text, struct error *err);

/* *out: [run_tensor_count(model)] factors of all `texts`, newly allocated. A text that finds nothing
 * that trains is an error; `choice` says what trains, and NULL that any of the model's own tensors may
 * at some time, but no adapter. */
int lr_factors_make(double **out, const struct option_list *texts, const struct model *model,
                    const struct method_choice *choice, struct error *err);

#endif
