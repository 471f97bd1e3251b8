#include "job/method.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const method_names[METHOD_COUNT + 1] = {
    [METHOD_SPECTRUM] = "spectrum",
    [METHOD_FULL] = "full",
    [METHOD_LORA] = "lora",
    [METHOD_QLORA] = "qlora",
    [METHOD_SPECTRUM_LORA] = "spectrum+lora",
    [METHOD_SPECTRUM_QLORA] = "spectrum+qlora",
};

static const struct method_info methods[METHOD_COUNT] = {
    [METHOD_SPECTRUM] = {.plan = true},
    [METHOD_FULL] = {.plan = false},
    [METHOD_LORA] = {.adapters = true},
    [METHOD_QLORA] = {.adapters = true, .quantized = true},
    [METHOD_SPECTRUM_LORA] = {.plan = true, .adapters = true},
    [METHOD_SPECTRUM_QLORA] = {.plan = true, .adapters = true, .quantized = true},
};

const struct method_info *method_info(enum training_method method)
{
    return &methods[method];
}

enum training_method method_by_name(const char *name)
{
    int method = 0;
    while (method < METHOD_COUNT && strcmp(method_names[method], name) != 0)
        method++;
    return (enum training_method)method;
}

/* As PEFT's target modules and bitsandbytes' 4-bit layers have it: the linear layers of the blocks.
 * A head is one, too, and stays as it is in both. */
bool parameter_is_linear(const struct parameter *parameter)
{
    switch (parameter->role) {
    case ROLE_Q:
    case ROLE_K:
    case ROLE_V:
    case ROLE_O:
    case ROLE_GATE:
    case ROLE_UP:
    case ROLE_DOWN:
        return !parameter->bias;
    default:
        return false;
    }
}

int method_choose(struct method_choice *out, enum training_method method, const struct model *model,
                  const struct plan *plan, struct error *err)
{
    const struct method_info *info = method_info(method);
    size_t count = model->parameter_count;
    *out = (struct method_choice){.trained = array_alloc(3 * count, sizeof(bool), err)};
    if (!out->trained)
        return -1;
    out->adapted = out->trained + count;
    out->frozen = out->adapted + count;
    for (size_t i = 0; i < count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool linear = parameter_is_linear(parameter), adapter = info->adapters && linear;
        bool beside = info->adapters && parameter->bias; /* stays as it is, as in PEFT */
        bool chosen =
            parameter_is_used(model, parameter) &&
            (info->plan ? plan_trains(plan, parameter->name) : adapter || !info->adapters);
        out->adapted[i] = chosen && adapter;
        out->trained[i] = chosen && !adapter && !beside;
        out->frozen[i] = linear && !out->trained[i];
    }
    return 0;
}

void method_choice_free(struct method_choice *choice)
{
    free(choice->trained);
    *choice = (struct method_choice){0};
}

/* --- learning-rate factors --- */

/* The last "=" divides: a pattern may have one. */
int lr_factor_open(struct lr_factor *out, const char *text, struct error *err)
{
    const char *equals = strrchr(text, '=');
    char *pattern;
    *out = (struct lr_factor){0};
    if (!equals || equals == text || !decimal_read(&out->value, equals + 1) || !(out->value > 0))
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

/* Of every tensor with such a name, so that what trains later has its factor, too. *found counts
 * those that may train. */
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

/* One factor a tensor of the run; those of several options that name it are multiplied. A pattern
 * that finds nothing that trains is a mistake. */
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
