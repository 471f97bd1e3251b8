/* A GGUF file: header, modules, tensors, and the tokenizer and chat template of its metadata. */
#include "fuzz_model.h"
#include "fuzz_text.h"

#include "text/tokenizer_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *model = NULL;
    struct tokenizer *tokenizer = NULL;
    struct buffer out = BUFFER_INIT;
    if (model_open(&model, fuzz_file("fuzz.gguf", data, size), NULL) == 0) {
        fuzz_walk(model);
        if (tokenizer_for_checkpoint(&tokenizer, model->checkpoint, NULL) == 0) {
            fuzz_tokenizer(tokenizer);
            tokenizer_put_json(&out, tokenizer, NULL);
            tokenizer_put_config(&out, tokenizer, model->config.max_positions);
        }
    }
    buffer_free(&out);
    tokenizer_close(tokenizer);
    model_close(model);
    return 0;
}
