#include "job/lr_factor.h"

#include "base/memory.h"
#include "train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int lr_factor_open(struct lr_factor *out, const char *text, struct error *err)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL, *pattern;
    *out = (struct lr_factor){0};
    if (equals && equals > text)
        out->value = strtod(equals + 1, &end);
    if (!end || end == equals + 1 || *end || !isfinite(out->value) || !(out->value > 0))
        return error_set_kind(
            err, ERROR_USAGE,
            "--lr-factor takes REGEX=X with X above 0, as in embed_tokens=0.1, not "
            "\"%.60s\" (what is not to train is frozen by the plan)",
            text);
    if (!(pattern = string_copy(text, err)))
        return -1;
    pattern[equals - text] = '\0';
    out->regex = regex_new(pattern, err);
    free(pattern);
    if (out->regex)
        return 0;
    err->kind = ERROR_USAGE;
    return error_prefix(err, "--lr-factor %.60s", text);
}

/* Of every tensor with such a name, so that what trains later has its factor, too. *found counts those
 * that may train. */
static int apply(double *factors, const struct lr_factor *factor, const struct model *model,
                 const struct method_choice *choice, size_t *found, struct error *err)
{
    size_t count = model->parameter_count;
    *found = 0;
    for (size_t i = 0; i < TENSOR_PARTS * count; i++) {
        struct run_tensor tensor = run_tensor(model, 1, i);
        char *name = run_tensor_name(&tensor, err);
        int hit = name ? regex_search(factor->regex, name, err) : -1;
        free(name);
        if (hit < 0)
            return -1;
        if (!hit)
            continue;
        factors[i] *= factor->value;
        size_t of = (size_t)(tensor.parameter - model->parameters); /* an adapter's: beside that */
        *found += !choice ? i < count : i < count ? choice->trained[i] : choice->adapted[of];
    }
    return 0;
}

int lr_factors_make(double **out, const struct option_list *texts, const struct model *model,
                    const struct method_choice *choice, struct error *err)
{
    size_t count = run_tensor_count(model);
    double *factors = array_alloc(count, sizeof *factors, err);
    *out = NULL;
    if (!factors)
        return -1;
    for (size_t i = 0; i < count; i++)
        factors[i] = 1;
    for (size_t i = 0; i < texts->count; i++) {
        struct lr_factor factor;
        size_t found;
        int status = lr_factor_open(&factor, texts->items[i], err);
        if (status == 0) {
            status = apply(factors, &factor, model, choice, &found, err);
            regex_free(factor.regex);
        }
        if (status == 0 && found == 0)
            status = error_set(err, "--lr-factor %.60s: nothing that trains has such a name",
                               texts->items[i]);
        if (status != 0) {
            free(factors);
            return -1;
        }
    }
    *out = factors;
    return 0;
}
