/* What stands beside a tokenizer.json and says which tokens there are: the same bytes as each of
 * those files. */
#include "fuzz_text.h"
#include "text/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char tokens[] =
        "{\"added_tokens\":[{\"id\":4,\"content\":\"<s>\",\"special\":true}],\"normalizer\":{"
        "\"type\":"
        "\"NFC\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\" \":2,\"</s>\":5},"
        "\"merges\":[]}}";
    static const char *const beside[] = {"tokenizer_config.json", "special_tokens_map.json",
                                         "added_tokens.json", "config.json"};
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        fuzz_file(beside[i], data, size);
    const char *path = fuzz_file("tokenizer.json", tokens, sizeof tokens - 1);
    if (fuzz_ok(tokenizer_open(&tokenizer, path, &err), &err))
        fuzz_tokenizer(tokenizer);
    tokenizer_close(tokenizer);
    return 0;
}
