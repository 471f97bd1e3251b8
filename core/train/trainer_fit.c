/* How many blocks the backward pass computes anew, so that a run fits into some memory. */
#include "train/trainer.h"

static int plan_with(struct memory_plan **out, const struct train_inputs *inputs,
                     struct train_settings *settings, int64_t recomputed, struct error *err)
{
    memory_plan_free(*out);
    *out = NULL;
    settings->recomputed = recomputed;
    return trainer_plan(out, inputs, settings, err);
}

/* Asked first is the run as it is: most fit, and one block anew may take more than none. From one
 * on it is less with every block, so that the answer is halved down to. */
int trainer_fit(struct memory_plan **out, const struct train_inputs *inputs,
                struct train_settings *settings, uint64_t limit, struct error *err)
{
    int64_t least = 0, most = inputs->model->config.layers, tried = 0;
    *out = NULL;
    while (least < most) {
        if (plan_with(out, inputs, settings, tried, err) != 0)
            return -1;
        if ((*out)->total <= limit)
            most = tried;
        else
            least = tried + 1;
        tried = (least + most) / 2;
    }
    return *out && settings->recomputed == least ? 0 : plan_with(out, inputs, settings, least, err);
}
