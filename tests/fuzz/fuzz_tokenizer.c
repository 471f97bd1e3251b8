/* A tokenizer.json, and a fixed text and conversation through it. */
#include "fuzz_text.h"
#include "text/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    const char *path = fuzz_file("tokenizer.json", data, size);
    if (fuzz_ok(tokenizer_open(&tokenizer, path, &err), &err))
        fuzz_tokenizer(tokenizer);
    tokenizer_close(tokenizer);
    return 0;
}
