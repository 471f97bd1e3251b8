/* What a whole model costs in loss beside the run that it is of. A run whose frozen weights are in
 * 8 or 4 bits trained beside those, and its export has the base's own in their place: another model
 * than the run's.
 *
 * Both losses are measured on the same few thousand tokens, the beginning of the run's evaluation
 * data, or of its training data where that has no files, in the run's own precision. That takes
 * seconds, and where it cannot be done (the data has changed, or is gone) the export stands all the
 * same.
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_COST_H
#define SPECTRUM_JOB_EXPORT_EXPORT_COST_H

#include "train/recipe.h"

#include <stdbool.h>
#include <stdint.h>

struct export_cost {
    /* differs: from the run, by what the base has in place of its weights */
    bool differs, measured;
    enum storage frozen; /* what the run had */
    double run, merged;  /* losses */
    uint64_t tokens;
    bool evaluation;   /* of the evaluation data; else of the training data */
    char why_not[256]; /* where they could not be measured */
};

struct export;

/* Of what was exported to `out`. What cannot be measured is said in why_not, and is not an
 * error. */
void export_measure(struct export_cost *cost, const char *run, const struct export *export,
                    const char *out);

#endif
