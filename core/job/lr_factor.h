/* One --lr-factor: "REGEX=X", times the learning rate of the tensors whose names the pattern finds.
 */
#ifndef SPECTRUM_JOB_LR_FACTOR_H
#define SPECTRUM_JOB_LR_FACTOR_H

#include "base/regex.h"

struct lr_factor {
    struct regex *regex; /* regex_free() it */
    double value;        /* above 0 */
};

/* ERROR_USAGE says what it takes. The number stands after the last '=': patterns may have others.
 */
int lr_factor_open(struct lr_factor *out, const char *text, struct error *err);

#endif
