/* A safetensors file whose weights a quantiser stored, and the config.json beside it that says how:
 *
 *     length of config.json, u16 | config.json | the safetensors file
 */
#include "fuzz_model.h"

#include "base/number.h"

/* Ranges that begin and end anywhere, and the stored bytes. */
static void read_pieces(const struct checkpoint *checkpoint, const struct tensor_info *tensor)
{
    static float values[64];
    static char bytes[64];
    for (int64_t at = 0; at < tensor->elements && at < FUZZ_ELEMENTS; at += 61) {
        int64_t left = tensor->elements - at;
        checkpoint_read_f32(checkpoint, tensor, at, left < 61 ? left : 61, values, NULL);
    }
    for (uint64_t at = 0; at < tensor->bytes && at < FUZZ_ELEMENTS; at += 61) {
        uint64_t left = tensor->bytes - at;
        checkpoint_read_raw(checkpoint, tensor, at, left < 61 ? left : 61, bytes, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    size_t config = size >= 2 ? load_u16(data) : 0;
    if (size < 2 || config > size - 2)
        return 0;
    fuzz_file("config.json", data + 2, config);
    fuzz_file("model.safetensors", data + 2 + config, size - 2 - config);
    if (fuzz_ok(model_open(&model, fuzz_folder(), &err), &err)) {
        fuzz_walk(model);
        for (size_t i = 0; i < checkpoint_count(model->checkpoint); i++)
            if (dtype_traits(checkpoint_tensor(model->checkpoint, i)->dtype)->quantized)
                read_pieces(model->checkpoint, checkpoint_tensor(model->checkpoint, i));
    }
    model_close(model);
    return 0;
}
