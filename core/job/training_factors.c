/* --lr-factor: what each tensor's learning rate is multiplied by. */
#include "base/memory.h"
#include "job/lr_factor.h"
#include "job/training_parts.h"

#include <stdlib.h>

/* May it train: now, or behind a choice that is made again? */
static bool may_train(const struct training *training, size_t index)
{
    size_t count = training->model->parameter_count;
    if (training->request->reselect > 0)
        return index < count;
    return index < count ? training->choice.trained[index]
                         : training->choice.adapted[index % count];
}

/* To every tensor of that name, so that what trains later has its factor too. */
static int apply(struct training *training, const struct lr_factor *factor, size_t *found,
                 struct error *err)
{
    const struct model *model = training->model;
    *found = 0;
    for (size_t i = 0; i < run_tensor_count(model); i++) {
        struct run_tensor tensor = run_tensor(model, 1, i);
        char *name = run_tensor_name(&tensor, err);
        int hit = name ? regex_search(factor->regex, name, err) : -1;
        free(name);
        if (hit < 0)
            return -1;
        training->factors[i] *= hit ? factor->value : 1;
        *found += hit && may_train(training, i);
    }
    return 0;
}

static int apply_text(struct training *training, const char *text, struct error *err)
{
    struct lr_factor factor;
    size_t found = 0;
    if (lr_factor_open(&factor, text, err) != 0)
        return -1;
    int status = apply(training, &factor, &found, err);
    regex_free(factor.regex);
    if (status == 0 && found == 0)
        return error_set(err, "--lr-factor %.60s: nothing that trains has such a name", text);
    return status;
}

int training_fill_factors(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    size_t count = run_tensor_count(training->model);
    if (request->factors.count == 0)
        return 0;
    if (!(training->factors = array_alloc(count, sizeof *training->factors, err)))
        return -1;
    for (size_t i = 0; i < count; i++)
        training->factors[i] = 1;
    for (size_t i = 0; i < request->factors.count; i++)
        if (apply_text(training, request->factors.items[i], err) != 0)
            return -1;
    training->settings.optimizer.factors = training->factors;
    return 0;
}
