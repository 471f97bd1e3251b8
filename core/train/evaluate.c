#include "train/evaluate.h"

int evaluate(struct evaluation *out, struct transformer *transformer, struct packing *packing,
             struct batch *batch, int64_t rows, bool (*should_stop)(void *context), void *context,
             struct error *err)
{
    double sum = 0, weight = 0;
    int filled;
    *out = (struct evaluation){0};
    packing_seek(packing, (struct packing_position){0, 0});
    while ((filled = packing_next(packing, batch, rows, err)) > 0) {
        struct loss_sums sums;
        if (should_stop && should_stop(context))
            return error_set_kind(err, ERROR_INTERRUPTED, "the evaluation was interrupted");
        transformer_clear(transformer);
        transformer_run(transformer, batch, false);
        if (transformer_loss(transformer, &sums, err) != 0)
            return -1;
        sum += sums.entropy;
        weight += batch->weight;
        out->tokens += (uint64_t)batch->supervised;
    }
    out->loss = weight > 0 ? sum / weight : 0;
    return filled < 0 ? -1 : 0;
}
