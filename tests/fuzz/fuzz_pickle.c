/* The pickle of a file of PyTorch's, in an archive with two storages of 64 bytes. */
#include "fuzz_model.h"

#include "../zip_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char storage[64] = "0123456789abcdef";
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    struct zip_data zip = {.entries = 0};
    zip_add(&zip, "a/data.pkl", data, size);
    zip_add(&zip, "a/data/0", storage, sizeof storage);
    zip_add(&zip, "a/data/1", storage, sizeof storage);
    zip_end(&zip);
    const char *path = fuzz_file("fuzz.bin", zip.file.data, zip.file.length);
    if (fuzz_ok(model_open(&model, path, &err), &err))
        fuzz_walk(model);
    model_close(model);
    buffer_free(&zip.file);
    return 0;
}
