/* What trains, as a list of tensors, and what follows from that for the way back. The tensors of a
 * run are numbered: parameter i is i, its adapter's A is i + n, its B is i + 2 n of a model with n
 * parameters. */
#include "train/recipe.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <math.h>
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

/* The number says the parameter and the part; A is [rank, cols], B is [rows, rank]. */
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

void run_tensor_draw(const struct run_tensor *tensor, size_t index, uint64_t seed, float *values)
{
    struct random_stream stream = {seed ^ (uint64_t)index << 32, 0};
    double bound = 1 / sqrt((double)tensor->cols);
    for (int64_t i = 0; i < tensor->numel; i++)
        values[i] = (float)(bound * (2 * random_uniform(&stream) - 1));
}

/* An adapter's name is PEFT's, so that its files are. */
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

/* --- what the backward pass of a freeze set needs --- */

bool request_is_trained(const struct memory_request *request, const struct parameter *parameter)
{
    return request->recipe.trained &&
           request->recipe.trained[parameter - request->model->parameters];
}

bool request_has_adapter(const struct memory_request *request, const struct parameter *parameter)
{
    return request->recipe.adapted &&
           request->recipe.adapted[parameter - request->model->parameters];
}

bool request_tensor_is_trained(const struct memory_request *request,
                               const struct run_tensor *tensor)
{
    return tensor->part == PART_PARAMETER
               ? request_is_trained(request, tensor->parameter)
               : request->recipe.trained && request_has_adapter(request, tensor->parameter);
}

enum storage request_storage(const struct memory_request *request, const struct run_tensor *tensor)
{
    size_t parameter = (size_t)(tensor->parameter - request->model->parameters);
    return tensor->part == PART_PARAMETER
               ? recipe_storage(&request->recipe, parameter, request->storage)
               : request->storage;
}

bool request_needs_input(const struct memory_request *request, enum parameter_role role, int layer)
{
    const struct parameter *parameter = model_role(request->model, role, layer, false);
    return parameter && (request_is_trained(request, parameter) ||
                         (request->recipe.trained && request_has_adapter(request, parameter)));
}

static bool is_trained(const struct memory_request *request, enum parameter_role role, int layer,
                       bool bias)
{
    const struct parameter *parameter = model_role(request->model, role, layer, bias);
    return parameter && request_is_trained(request, parameter);
}

static bool any_is_trained(const struct memory_request *request, enum parameter_role role,
                           int layer)
{
    return request_needs_input(request, role, layer) || is_trained(request, role, layer, true);
}

/* From below upwards: `below` says that something beneath the block trains, for which its gradient
 * must go all the way through it. Each step needs what those before it need. */
static struct block_needs block_needs(const struct memory_request *request, int layer, bool below)
{
    struct block_needs needs;
    needs.norm1 = below || is_trained(request, ROLE_INPUT_NORM, layer, false);
    needs.qkv = needs.norm1 || any_is_trained(request, ROLE_Q, layer) ||
                any_is_trained(request, ROLE_K, layer) || any_is_trained(request, ROLE_V, layer) ||
                is_trained(request, ROLE_Q_NORM, layer, false) ||
                is_trained(request, ROLE_K_NORM, layer, false);
    needs.middle = needs.qkv || any_is_trained(request, ROLE_O, layer);
    needs.norm2 = needs.middle || is_trained(request, ROLE_MLP_NORM, layer, false);
    needs.gate_up = needs.norm2 || any_is_trained(request, ROLE_GATE, layer) ||
                    any_is_trained(request, ROLE_UP, layer);
    needs.output = needs.gate_up || any_is_trained(request, ROLE_DOWN, layer);
    return needs;
}

/* From the embedding up to the head: the backward pass then ends at the lowest block that needs
 * it. */
void needs_find(struct backward_needs *needs, const struct memory_request *request)
{
    needs->embedding = is_trained(request, ROLE_EMBEDDING, -1, false);
    needs->head =
        request->model->config.tied ? needs->embedding : is_trained(request, ROLE_HEAD, -1, false);
    needs->final_norm = is_trained(request, ROLE_FINAL_NORM, -1, false);
    bool below = needs->embedding;
    for (int layer = 0; layer < request->model->config.layers; layer++) {
        needs->blocks[layer] = block_needs(request, layer, below);
        below = needs->blocks[layer].output;
    }
    needs->stream = below || needs->final_norm;
}
