/* A data file, packed or not: as lines of JSON, as a JSON text and as a text, through a tokenizer
 * of bytes. */
#include "base/json_writer.h"
#include "fuzz.h"

#include "base/text.h"
#include "text/dataset/dataset.h"
#include "text/dataset/record_look.h"
#include "text/tokenizer/parts.h"
#include "text/tokenizer/tokenizer.h"

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

/* Looked at one by one, records have the tokens that the data set has; `data` NULL: it was refused.
 */
static void look(const char *path, const struct dataset_options *options,
                 struct tokenizer *tokenizer, const struct dataset *data)
{
    const struct look_style style = {"[", "]", "\\n", 40, 100};
    struct record_walk *walk = NULL;
    struct record_look record;
    struct error err = ERROR_INIT;
    uint64_t tokens = 0;
    int status;
    if (!fuzz_ok(record_walk_open(&walk, &path, 1, options, tokenizer, &err), &err))
        return;
    while ((status = record_walk_next(walk, &record, &err)) > 0) {
        struct buffer shown = BUFFER_INIT;
        record_look_put_text(&shown, &record.tokens, tokenizer, &style);
        if (shown.data && !utf8_printable(shown.data))
            abort();
        tokens += record.tokens.count < 2 ? 0 : record.tokens.count;
        buffer_free(&shown);
        record_look_free(&record);
    }
    if (data && (status < 0 || tokens != data->tokens))
        abort();
    record_walk_close(walk);
}

static void load(const char *name, const uint8_t *data, size_t size, const char *columns,
                 struct tokenizer *tokenizer)
{
    const char *path = fuzz_file(name, data, size);
    struct dataset_options options = {.columns = columns,
                                      .template_name = "chatml",
                                      .template_may_rest = true,
                                      .names_may_rest = true};
    struct dataset dataset = {0};
    struct error err = ERROR_INIT;
    bool loaded = fuzz_ok(dataset_load(&dataset, &path, 1, &options, tokenizer, &err), &err);
    look(path, &options, tokenizer, loaded ? &dataset : NULL);
    if (loaded) {
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
    load("fuzz.txt", data, size, NULL, tokenizer);
    load("fuzz.jsonl", data, size, "prompt=conversations,completion=chosen,label=l", tokenizer);
    return 0;
}
