/* A safetensors file: its header, its modules, some of its tensors. */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *model = NULL;
    if (model_open(&model, fuzz_file("fuzz.safetensors", data, size), NULL) == 0)
        fuzz_walk(model);
    model_close(model);
    return 0;
}
