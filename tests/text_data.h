/* What the tests of core/text share: the committed strings and ids, and the shared tokenizers,
 * unpacked into a folder of the test's own. */
#ifndef SPECTRUM_TESTS_TEXT_DATA_H
#define SPECTRUM_TESTS_TEXT_DATA_H

#include "test.h"

#include "base/json.h"
#include "text/tokenizer/tokenizer.h"

#include <string.h>

static inline cJSON *text_data(const char *name)
{
    char path[1024];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/text/%s", getenv("SPECTRUM_TEST_DATA"), name);
    cJSON *tree = json_read_file(path, 64 << 20, JSON_STRICT, &err);
    if (!tree)
        fail_msg("%s", err.text);
    return tree;
}

/* Opens tokenizers/<name>.tar.xz of the shared data; NULL where there is none. */
static inline struct tokenizer *shared_tokenizer(const char *name)
{
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    char folder[] = "/tmp/spectrum-text-XXXXXX", command[2048], path[1200];
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    if (!shared || !mkdtemp(folder))
        return NULL;
    snprintf(command, sizeof command, "tar -xJf '%s/tokenizers/%s.tar.xz' -C '%s'", shared, name,
             folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int status = tokenizer_open(&tokenizer, path, &err);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
    if (status != 0)
        fail_msg("%s", err.text);
    return tokenizer;
}

/* Letters a-z, space and newline as ids 0-27, bos 28, eos 29: ids can be read off a text. */
static inline struct tokenizer *letter_tokenizer(bool adds_bos)
{
    struct tokenizer *tokenizer;
    struct error err = ERROR_INIT;
    cJSON *metadata = cJSON_CreateObject();
    cJSON *tokens = cJSON_AddArrayToObject(metadata, "tokenizer.ggml.tokens");
    cJSON *types = cJSON_AddArrayToObject(metadata, "tokenizer.ggml.token_type");
    for (int i = 0; i < 30; i++) {
        const char letter[] = {(char)('a' + i), '\0'};
        const char *others[] = {"\xC4\xA0", "\xC4\x8A", "<s>", "</s>"};
        cJSON_AddItemToArray(tokens, cJSON_CreateString(i < 26 ? letter : others[i - 26]));
        cJSON_AddItemToArray(types, cJSON_CreateNumber(i < 28 ? 1 : 3));
    }
    cJSON_AddStringToObject(metadata, "tokenizer.ggml.model", "gpt2");
    cJSON_AddNumberToObject(metadata, "tokenizer.ggml.bos_token_id", 28);
    cJSON_AddNumberToObject(metadata, "tokenizer.ggml.eos_token_id", 29);
    cJSON_AddBoolToObject(metadata, "tokenizer.ggml.add_bos_token", adds_bos);
    if (tokenizer_from_gguf(&tokenizer, metadata, "test", &err) != 0)
        fail_msg("%s", err.text);
    cJSON_Delete(metadata);
    return tokenizer;
}

#endif
