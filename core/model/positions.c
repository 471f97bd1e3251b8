/* How far a model's positions go. */
#include "model/model.h"

#include <stdio.h>

bool model_note_positions(const struct model *model, int64_t longest, char *out, size_t size)
{
    int64_t known = model->config.max_positions;
    out[0] = '\0';
    if (known <= 0 || longest <= known)
        return false;
    snprintf(
        out, size,
        "documents of up to %lld tokens go beyond the model's %lld positions, where it was never "
        "trained; a --seq-len up to that keeps within, --rope-scaling TYPE:FACTOR (of train) "
        "stretches them",
        (long long)longest, (long long)known);
    return true;
}
