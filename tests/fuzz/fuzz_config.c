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
    if (memory_plan_make(&plan, &request, NULL) == 0)
        memory_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct model *model = NULL;
    if (!made)
        fuzz_model();
    made = true;
    fuzz_file("config.json", data, size);
    if (model_open(&model, fuzz_folder(), NULL) == 0) {
        fuzz_walk(model);
        if (model_check_trainable(model, NULL) == 0)
            plan_memory(model);
    }
    model_close(model);
    return 0;
}
