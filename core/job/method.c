#include "job/method.h"

#include "base/memory.h"

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

/* As PEFT's target modules and bitsandbytes' 4-bit layers have it: the linear layers of the blocks. A head
 * is one, too, and stays as it is in both. */
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
