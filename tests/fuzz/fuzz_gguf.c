/* A GGUF file: header, modules, tensors, and the tokenizer and chat template of its metadata. */
#include "fuzz_model.h"
#include "fuzz_text.h"
#include "text/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *model = NULL;
    struct tokenizer *tokenizer = NULL;
    struct buffer out = BUFFER_INIT;
    struct error err = ERROR_INIT;
    const char *path = fuzz_file("fuzz.gguf", data, size);
    if (fuzz_ok(model_open(&model, path, &err), &err)) {
        fuzz_walk(model);
        if (fuzz_ok(tokenizer_for_checkpoint(&tokenizer, model->checkpoint, &err), &err)) {
            fuzz_tokenizer(tokenizer);
            fuzz_ok(tokenizer_put_json(&out, tokenizer, &err), &err);
            tokenizer_put_config(&out, tokenizer, model->config.max_positions);
        }
    }
    buffer_free(&out);
    tokenizer_close(tokenizer);
    model_close(model);
    return 0;
}
