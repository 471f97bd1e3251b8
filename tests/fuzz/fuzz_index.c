/* The index of a model in shards, of which two are there. */
#include "fuzz_model.h"

static void put_shard(const char *name, const char *tensor)
{
    const struct safetensors_entry entry = {tensor, DTYPE_F32, 2, {2, 2}};
    struct safetensors_writer writer;
    if (safetensors_writer_open(&writer, fuzz_path(name), &entry, 1, NULL, NULL) != 0 ||
        safetensors_writer_put(&writer, (float[4]){1, 2, 3, 4}, 16, NULL) != 0 ||
        safetensors_writer_commit(&writer, NULL) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    if (!made) {
        put_shard("a.safetensors", "one.weight");
        put_shard("b.safetensors", "two.weight");
    }
    made = true;
    fuzz_file("model.safetensors.index.json", data, size);
    if (fuzz_ok(model_open(&model, fuzz_folder(), &err), &err))
        fuzz_walk(model);
    model_close(model);
    return 0;
}
