/* A config.json beside the weights of a small Llama; where it can be trained, its memory. */
#include "fuzz_model.h"

#include "train/memory_plan.h"

static void plan_memory(const struct model *model)
{
    struct memory_plan *plan = NULL;
    struct memory_request request = {.model = model,
                                     .tokens = 512,
                                     .max_positions = 512,
                                     .storage = STORAGE_BF16,
                                     .masters = true,
                                     .generation = true};
    struct error err = ERROR_INIT;
    if (fuzz_ok(memory_plan_make(&plan, &request, &err), &err))
        memory_plan_free(plan);
}

/* What an export writes of it can be read again. */
static void amend(struct model *model)
{
    struct error err = ERROR_INIT;
    cJSON *config = cJSON_Duplicate(checkpoint_metadata(model->checkpoint), true);
    if (model_scale_rope(model, "yarn:4", &err) == 0 && config_amend(config, model, &err) != 1)
        abort();
    struct buffer text = BUFFER_INIT;
    json_put_tree(&text, config);
    cJSON *again = json_parse(text.data, text.length, JSON_STRICT, "again", &err);
    if (!again)
        abort();
    cJSON_Delete(again);
    cJSON_Delete(config);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    if (!made)
        fuzz_model();
    made = true;
    fuzz_file("config.json", data, size);
    if (fuzz_ok(model_open(&model, fuzz_folder(), &err), &err)) {
        fuzz_walk(model);
        if (fuzz_ok(model_check_trainable(model, &err), &err))
            plan_memory(model);
        if (model->architecture) /* last: it changes the configuration */
            amend(model);
    }
    model_close(model);
    return 0;
}
