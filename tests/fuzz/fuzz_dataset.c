/* A data file, once as lines of JSON and once as a JSON text, through a tokenizer of bytes. */
#include "fuzz.h"

#include "base/utf8.h"
#include "text/dataset.h"
#include "text/parts.h"

/* tokenizer.json: the 256 bytes and ChatML's marks. */
static struct tokenizer *byte_tokenizer(void)
{
    struct buffer text = BUFFER_INIT;
    struct tokenizer *tokenizer = NULL;
    char letter[8];
    buffer_text(&text, "{\"added_tokens\": [{\"id\": 256, \"content\": \"<|im_start|>\", "
                       "\"special\": true}, {\"id\": 257, \"content\": \"<|im_end|>\", "
                       "\"special\": true}], \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
                       "\"add_prefix_space\": false, \"use_regex\": true}, \"decoder\": {\"type\": "
                       "\"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"merges\": [], "
                       "\"vocab\": {");
    for (int byte = 0; byte < 256; byte++) {
        letter[utf8_encode(byte_letter((uint8_t)byte), letter)] = '\0';
        buffer_text(&text, byte ? ", " : "");
        json_put_string(&text, letter);
        buffer_format(&text, ": %d", byte);
    }
    buffer_text(&text, "}}}");
    fuzz_file("tokenizer_config.json", "{\"eos_token\": \"<|im_end|>\"}", 27);
    const char *path = fuzz_file("tokenizer.json", text.data, text.length);
    struct error err = ERROR_INIT;
    if (tokenizer_open(&tokenizer, path, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    buffer_free(&text);
    return tokenizer;
}

static void load(const char *name, const uint8_t *data, size_t size, const char *columns,
                 struct tokenizer *tokenizer)
{
    const char *path = fuzz_file(name, data, size);
    struct dataset_options options = {
        .columns = columns, .template_name = "chatml", .template_may_rest = true};
    struct dataset dataset = {0};
    struct error err = ERROR_INIT;
    if (fuzz_ok(dataset_load(&dataset, &path, 1, &options, tokenizer, &err), &err)) {
        if (dataset.offsets[dataset.documents] != dataset.tokens)
            abort();
        dataset_all_supervised(&dataset);
        dataset_free(&dataset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tokenizer *tokenizer;
    if (!tokenizer)
        tokenizer = byte_tokenizer();
    load("fuzz.jsonl", data, size, NULL, tokenizer);
    load("fuzz.json", data, size, NULL, tokenizer);
    load("fuzz.jsonl", data, size, "prompt=conversations,completion=chosen,label=l", tokenizer);
    return 0;
}
