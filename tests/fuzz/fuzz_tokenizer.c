/* A tokenizer.json, and a fixed text and conversation through it. */
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_open(&tokenizer, fuzz_file("tokenizer.json", data, size), NULL) == 0)
        fuzz_tokenizer(tokenizer);
    tokenizer_close(tokenizer);
    return 0;
}
