#include "train/needs.h"

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
