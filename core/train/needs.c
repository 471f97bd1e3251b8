#include "train/needs.h"

bool request_trains(const struct memory_request *request, const struct parameter *parameter)
{
    return request->recipe.trained &&
           request->recipe.trained[parameter - request->model->parameters];
}

bool request_has_adapter(const struct memory_request *request, const struct parameter *parameter)
{
    return request->recipe.adapted &&
           request->recipe.adapted[parameter - request->model->parameters];
}

bool request_is_trained(const struct memory_request *request, const struct run_tensor *tensor)
{
    return tensor->part == PART_MODULE
               ? request_trains(request, tensor->parameter)
               : request->recipe.trained && request_has_adapter(request, tensor->parameter);
}

enum storage request_storage(const struct memory_request *request, const struct run_tensor *tensor)
{
    size_t module = (size_t)(tensor->parameter - request->model->parameters);
    return tensor->part == PART_MODULE ? recipe_storage(&request->recipe, module, request->storage)
                                       : request->storage;
}

bool request_needs_input(const struct memory_request *request, enum parameter_role role, int layer)
{
    const struct parameter *parameter = model_role(request->model, role, layer, false);
    return parameter && (request_trains(request, parameter) ||
                         (request->recipe.trained && request_has_adapter(request, parameter)));
}

static bool trains(const struct memory_request *request, enum parameter_role role, int layer,
                   bool bias)
{
    const struct parameter *parameter = model_role(request->model, role, layer, bias);
    return parameter && request_trains(request, parameter);
}

static bool trains_any(const struct memory_request *request, enum parameter_role role, int layer)
{
    return request_needs_input(request, role, layer) || trains(request, role, layer, true);
}

static struct block_needs block_needs(const struct memory_request *request, int layer, bool below)
{
    struct block_needs needs;
    needs.norm1 = below || trains(request, ROLE_INPUT_NORM, layer, false);
    needs.qkv = needs.norm1 || trains_any(request, ROLE_Q, layer) ||
                trains_any(request, ROLE_K, layer) || trains_any(request, ROLE_V, layer) ||
                trains(request, ROLE_Q_NORM, layer, false) ||
                trains(request, ROLE_K_NORM, layer, false);
    needs.middle = needs.qkv || trains_any(request, ROLE_O, layer);
    needs.norm2 = needs.middle || trains(request, ROLE_MLP_NORM, layer, false);
    needs.gate_up =
        needs.norm2 || trains_any(request, ROLE_GATE, layer) || trains_any(request, ROLE_UP, layer);
    needs.output = needs.gate_up || trains_any(request, ROLE_DOWN, layer);
    return needs;
}

void needs_find(struct backward_needs *needs, const struct memory_request *request)
{
    needs->embedding = trains(request, ROLE_EMBEDDING, -1, false);
    needs->head =
        request->model->config.tied ? needs->embedding : trains(request, ROLE_HEAD, -1, false);
    needs->final_norm = trains(request, ROLE_FINAL_NORM, -1, false);
    bool below = needs->embedding;
    for (int layer = 0; layer < request->model->config.layers; layer++) {
        needs->blocks[layer] = block_needs(request, layer, below);
        below = needs->blocks[layer].output;
    }
    needs->stream = below || needs->final_norm;
}
