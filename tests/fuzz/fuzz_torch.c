/* A file of PyTorch's: its archive, its pickle, its tensors. */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    const char *path = fuzz_file("fuzz.bin", data, size);
    if (fuzz_ok(model_open(&model, path, &err), &err))
        fuzz_walk(model);
    model_close(model);
    return 0;
}
