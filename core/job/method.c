#include "job/method.h"

#include <string.h>

static const struct method_info methods[METHOD_COUNT] = {
    [METHOD_FULL] = {"full", false, false, false},
    [METHOD_SPECTRUM] = {"spectrum", true, false, false},
    [METHOD_LORA] = {"lora", false, true, false},
    [METHOD_QLORA] = {"qlora", false, true, true},
    [METHOD_SPECTRUM_LORA] = {"spectrum+lora", true, true, false},
    [METHOD_SPECTRUM_QLORA] = {"spectrum+qlora", true, true, true},
};

const struct method_info *method_info(enum training_method method)
{
    return &methods[method];
}

enum training_method method_by_name(const char *name)
{
    int method = 0;
    while (method < METHOD_COUNT && strcmp(methods[method].name, name) != 0)
        method++;
    return (enum training_method)method;
}

bool module_is_linear(const struct module *module)
{
    switch (module->role) {
    case ROLE_Q:
    case ROLE_K:
    case ROLE_V:
    case ROLE_O:
    case ROLE_GATE:
    case ROLE_UP:
    case ROLE_DOWN:
        return !module->bias;
    default:
        return false;
    }
}

void method_choose(enum training_method method, const struct model *model, const struct plan *plan,
                   bool *trained, bool *adapted)
{
    const struct method_info *info = method_info(method);
    for (size_t i = 0; i < model->module_count; i++) {
        const struct module *module = &model->modules[i];
        bool linear = info->adapters && module_is_linear(module);
        bool beside = info->adapters && module->bias; /* stays as it is, as in PEFT */
        bool chosen = module_is_used(model, module) &&
                      (info->plan ? plan_trains(plan, module->name) : linear || !info->adapters);
        adapted[i] = chosen && linear;
        trained[i] = chosen && !linear && !beside;
    }
}
