/* Chat templates from every place that they may stand in, compared with transformers
 * (tests/oracle/make_template_places.py). */
#include "text_data.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "text/tokenizer/tokenizer.h"

#define TOKENIZER                                                                                  \
    "{\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},"                \
    "\"merges\":[]}}"
#define MORE "additional_chat_templates"

static void save(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name, NULL);
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
    free(path);
}

/* A tokenizer beside these files, opened; the folder goes again. */
static int open_beside(struct tokenizer **out, const cJSON *files, struct error *err)
{
    char folder[] = "/tmp/spectrum-places-XXXXXX";
    const cJSON *file;
    assert_non_null(mkdtemp(folder));
    char *more = path_join(folder, MORE, NULL);
    save(folder, "tokenizer.json", TOKENIZER);
    cJSON_ArrayForEach(file, files)
    {
        char *text = cJSON_IsString(file) ? strdup(file->valuestring) : cJSON_Print(file);
        if (strncmp(file->string, MORE, strlen(MORE)) == 0)
            assert_int_equal(folder_make(more, NULL), 0);
        save(folder, file->string, text);
        free(text);
    }
    int status = tokenizer_open(out, folder, err);
    folder_remove(more);
    folder_remove(folder);
    free(more);
    return status;
}

static void compare(const char *name, const struct tokenizer *tokenizer, const cJSON *templates)
{
    const cJSON *one;
    assert_int_equal(cJSON_GetArraySize(tokenizer_templates(tokenizer)),
                     cJSON_GetArraySize(templates));
    cJSON_ArrayForEach(one, templates)
    {
        const char *got = tokenizer_named_template(tokenizer, one->string);
        if (!got || strcmp(got, one->valuestring) != 0)
            fail_msg("%s: \"%s\" is %s", name, one->string, got ? got : "not there");
    }
    assert_ptr_equal(tokenizer_chat_template(tokenizer),
                     tokenizer_named_template(tokenizer, "default"));
    assert_null(tokenizer_named_template(tokenizer, "another"));
}

static void equals_transformers(void **state)
{
    (void)state;
    cJSON *cases = text_data("template_places.json");
    const cJSON *one;
    int count = 0;
    cJSON_ArrayForEach(one, cases)
    {
        struct error err = ERROR_INIT;
        struct tokenizer *tokenizer = NULL;
        const char *name = json_get(one, "name")->valuestring;
        int status = open_beside(&tokenizer, json_get(one, "files"), &err);
        if ((status != 0) != (json_get(one, "refused") != NULL))
            fail_msg("%s: %s", name, status ? err.text : "it is not refused");
        if (status != 0)
            assert_non_null(strstr(err.text, "tokenizer_config.json: \"chat_template\""));
        else
            compare(name, tokenizer, json_get(one, "templates"));
        tokenizer_close(tokenizer);
        count++;
    }
    assert_true(count >= 15);
    cJSON_Delete(cases);
}

/* What a config says, as a file that was made for it. */
static int open_config(struct tokenizer **out, const char *config, struct error *err)
{
    cJSON *files = cJSON_CreateObject();
    cJSON_AddItemToObject(files, "tokenizer_config.json", cJSON_Parse(config));
    int status = open_beside(out, files, err);
    cJSON_Delete(files);
    return status;
}

static void what_is_no_template_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"chat_template\": 5}", "neither a text nor several"},
        {"{\"chat_template\": true}", "neither a text nor several"},
        {"{\"chat_template\": {\"default\": 5}}", "what is called \"default\" is not a text"},
        {"{\"chat_template\": [{\"name\": 1, \"template\": \"x\"}]}", "two texts"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        struct tokenizer *tokenizer = NULL;
        assert_int_equal(open_config(&tokenizer, bad[i][0], &err), -1);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("%s", err.text);
    }
}

static void fingerprint(char out[HASH_TEXT_SIZE], const char *config)
{
    struct error err = ERROR_INIT;
    struct tokenizer *tokenizer = NULL;
    if (open_config(&tokenizer, config, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(tokenizer_fingerprint(tokenizer, out, NULL), 0);
    tokenizer_close(tokenizer);
}

/* A run is known by it: the same where the default alone is there, however it is written; another
 * where a template of any name is another. */
static void fingerprints_have_all_of_them(void **state)
{
    (void)state;
    char one[HASH_TEXT_SIZE], named[HASH_TEXT_SIZE], more[HASH_TEXT_SIZE], other[HASH_TEXT_SIZE];
    fingerprint(one, "{\"chat_template\": \"A\"}");
    fingerprint(named, "{\"chat_template\": {\"default\": \"A\"}}");
    fingerprint(more, "{\"chat_template\": {\"default\": \"A\", \"tool_use\": \"B\"}}");
    fingerprint(other, "{\"chat_template\": {\"default\": \"A\", \"tool_use\": \"C\"}}");
    assert_string_equal(one, named);
    assert_string_not_equal(one, more);
    assert_string_not_equal(more, other);
    /* as it was before there were names: runs of then are resumed */
    assert_string_equal(one, "d6c2c24ae2c1e03e0e54d6f9dc44cd9b");
}

static void gguf_names_are_read(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tokenizer *tokenizer = NULL;
    cJSON *metadata = cJSON_Parse(
        "{\"tokenizer.ggml.model\": \"gpt2\", \"tokenizer.ggml.tokens\": [\"a\", \"</s>\"],"
        "\"tokenizer.ggml.token_type\": [1, 3], \"tokenizer.ggml.eos_token_id\": 1,"
        "\"tokenizer.ggml.padding_token_id\": 1, \"tokenizer.ggml.bos_token_id\": 4294967295,"
        "\"tokenizer.chat_template\": \"A\", \"tokenizer.chat_template.tool_use\": \"B\","
        "\"tokenizer.chat_templates\": [\"tool_use\"]}");
    if (tokenizer_from_gguf(&tokenizer, metadata, "test", &err) != 0)
        fail_msg("%s", err.text);
    char *map = cJSON_PrintUnformatted(tokenizer_special_map(tokenizer));
    assert_string_equal(tokenizer_chat_template(tokenizer), "A");
    assert_string_equal(tokenizer_named_template(tokenizer, "tool_use"), "B");
    assert_int_equal(cJSON_GetArraySize(tokenizer_templates(tokenizer)), 2);
    assert_string_equal(map, "{\"eos_token\":\"</s>\",\"pad_token\":\"</s>\"}");
    cJSON_free(map);
    tokenizer_close(tokenizer);
    cJSON_Delete(metadata);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(what_is_no_template_is_refused),
        cmocka_unit_test(fingerprints_have_all_of_them),
        cmocka_unit_test(gguf_names_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
