#include "train/recipe.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>

const char *const weight_type_names[] = {"auto", "bf16", "fp32", NULL};

static const char *const names[] = {"fp32", "bf16", "int8", "nf4"};

const char *storage_name(enum storage storage)
{
    return names[storage];
}

bool storage_by_name(enum storage *out, const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum storage)i;
            return true;
        }
    return false;
}

enum storage recipe_storage(const struct recipe *recipe, size_t module, enum storage plain)
{
    return recipe->quantized && recipe->quantized[module] ? recipe->frozen : plain;
}

/* --- the tensors of a run --- */

/* Around a module's name less ".weight". */
static const char prefix[] = "base_model.model.";
static const char *const suffixes[TENSOR_PARTS] = {"", ".lora_A.weight", ".lora_B.weight"};
static const char weight[] = ".weight";

size_t run_tensor_count(const struct model *model)
{
    return TENSOR_PARTS * model->parameter_count;
}

size_t run_tensor_index(const struct model *model, const struct parameter *parameter,
                        enum tensor_part part)
{
    return (size_t)part * model->parameter_count + (size_t)(parameter - model->parameters);
}

struct run_tensor run_tensor(const struct model *model, int64_t rank, size_t index)
{
    const struct parameter *parameter = &model->parameters[index % model->parameter_count];
    struct run_tensor tensor = {.parameter = parameter,
                                .part = (enum tensor_part)(index / model->parameter_count),
                                .rows = parameter->rows,
                                .cols = parameter->cols};
    if (tensor.part == PART_A)
        tensor.rows = rank;
    if (tensor.part == PART_B)
        tensor.cols = rank;
    tensor.numel = tensor.rows * tensor.cols;
    return tensor;
}

char *run_tensor_name(const struct run_tensor *tensor, struct error *err)
{
    const char *name = tensor->parameter->name;
    struct buffer out = BUFFER_INIT;
    if (tensor->part == PART_PARAMETER)
        return string_copy(name, err);
    buffer_text(&out, prefix);
    buffer_append(&out, name, strlen(name) - (text_ends_with(name, weight) ? strlen(weight) : 0));
    buffer_text(&out, suffixes[tensor->part]);
    if (buffer_check(&out, err) == 0)
        return out.data;
    buffer_free(&out);
    return NULL;
}

/* "base_model.model.X.lora_A.weight": the module X.weight. */
static const struct parameter *find_adapted(const struct model *model, const char *name,
                                            enum tensor_part part)
{
    size_t length = strlen(name);
    size_t around = strlen(prefix) + strlen(suffixes[part]);
    if (length <= around || strncmp(name, prefix, strlen(prefix)) != 0 ||
        !text_ends_with(name, suffixes[part]))
        return NULL;
    struct buffer own = BUFFER_INIT;
    buffer_append(&own, name + strlen(prefix), length - strlen(prefix) - strlen(suffixes[part]));
    buffer_text(&own, weight);
    const struct parameter *parameter = model_find(model, buffer_string(&own));
    buffer_free(&own);
    return parameter;
}

size_t run_tensor_find(const struct model *model, const char *name)
{
    const struct parameter *parameter = model_find(model, name);
    int part = PART_PARAMETER;
    while (!parameter && ++part < TENSOR_PARTS)
        parameter = find_adapted(model, name, (enum tensor_part)part);
    return parameter ? run_tensor_index(model, parameter, (enum tensor_part)part)
                     : run_tensor_count(model);
}
