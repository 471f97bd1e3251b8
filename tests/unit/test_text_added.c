/* Added and named special tokens from every place that they may stand in, compared with
 * transformers (tests/oracle/make_added.py). */
#include "text_data.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "text/tokenizer/tokenizer.h"

/* A case's files in a folder, opened; the folder goes again. */
static int open_case(struct tokenizer **out, const cJSON *files, struct error *err)
{
    char folder[] = "/tmp/spectrum-added-XXXXXX";
    const cJSON *file;
    assert_non_null(mkdtemp(folder));
    cJSON_ArrayForEach(file, files)
    {
        char *path = path_join(folder, file->string, NULL), *text = cJSON_PrintUnformatted(file);
        assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
        cJSON_free(text);
        free(path);
    }
    int status = tokenizer_open(out, folder, err);
    folder_remove(folder);
    return status;
}

static void compare(const char *name, struct tokenizer *tokenizer, const char *text,
                    const cJSON *ids, const char *left)
{
    struct token_list got = {0};
    struct buffer decoded = BUFFER_INIT;
    assert_int_equal(tokenizer_encode(tokenizer, text, strlen(text),
                                      ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, &got, NULL),
                     0);
    bool same = (int)got.count == cJSON_GetArraySize(ids);
    for (size_t i = 0; same && i < got.count; i++)
        same = got.ids[i] == cJSON_GetArrayItem(ids, (int)i)->valueint;
    for (size_t i = 0; !same && i < got.count; i++)
        printf("%s%d", i ? ", " : "got ", got.ids[i]);
    if (!same)
        fail_msg("%s: the ids of \"%s\" are others", name, text);
    tokenizer_decode(tokenizer, got.ids, got.count, true, &decoded, NULL);
    if (left && strcmp(buffer_string(&decoded), left) != 0)
        fail_msg("%s: \"%s\" is left, not \"%s\"", name, buffer_string(&decoded), left);
    buffer_free(&decoded);
    token_list_free(&got);
}

/* Variables of a template: the same texts in the same order. */
static void compare_map(const char *name, const struct tokenizer *tokenizer, const cJSON *map)
{
    char *want = cJSON_PrintUnformatted(map),
         *got = cJSON_PrintUnformatted(tokenizer_special_map(tokenizer));
    if (strcmp(want, got) != 0)
        fail_msg("%s: the named tokens are %s, not %s", name, got, want);
    cJSON_free(want);
    cJSON_free(got);
}

/* Two more get the ids that the package gives them, and are cut out of a text. */
static void add_more(const char *name, struct tokenizer *tokenizer, const cJSON *ids)
{
    static const char *const texts[] = {"<new>", "<newer>"};
    struct token_list got = {0};
    struct error err = ERROR_INIT;
    char before[HASH_TEXT_SIZE], after[HASH_TEXT_SIZE];
    assert_int_equal(tokenizer_fingerprint(tokenizer, before, NULL), 0);
    for (int i = 0; i < 2; i++) {
        int32_t id, want = cJSON_GetArrayItem(ids, i)->valueint;
        bool taken = tokenizer_token_text(tokenizer, want) != NULL;
        int status = tokenizer_add_special(tokenizer, texts[i], &id, &err);
        if ((status != 0) != taken || (!taken && id != want))
            fail_msg("%s: %s is %d, not %d%s: %s", name, texts[i], id, want, taken ? ", taken" : "",
                     err.text);
        if (taken)
            return;
        assert_true(tokenizer_is_special(tokenizer, id));
    }
    tokenizer_encode(tokenizer, "a<newer>b<new>", 14, ENCODE_PARSE_SPECIAL, &got, NULL);
    assert_true(got.count >= 2 && got.ids[got.count - 1] == cJSON_GetArrayItem(ids, 0)->valueint);
    assert_int_equal(tokenizer_fingerprint(tokenizer, after, NULL), 0);
    assert_string_not_equal(before, after);
    assert_int_equal(tokenizer_add_special(tokenizer, "<new>", &got.ids[0], &err), -1);
    assert_non_null(strstr(err.text, "a token already"));
    assert_int_equal(tokenizer_add_special(tokenizer, "", &got.ids[0], &err), -1);
    token_list_free(&got);
}

static void equals_transformers(void **state)
{
    (void)state;
    cJSON *cases = text_data("added.json");
    const cJSON *one;
    int count = 0;
    cJSON_ArrayForEach(one, cases)
    {
        struct error err = ERROR_INIT;
        struct tokenizer *tokenizer = NULL;
        const char *name = json_get(one, "name")->valuestring;
        int status = open_case(&tokenizer, json_get(one, "files"), &err);
        if ((status != 0) != (json_get(one, "refused") != NULL))
            fail_msg("%s: %s", name, status ? err.text : "it is not refused");
        if (status != 0)
            assert_non_null(strstr(err.text, "tokenizer_config.json"));
        const cJSON *eos = json_get(one, "eos");
        if (status == 0) {
            compare(name, tokenizer, json_get(one, "text")->valuestring, json_get(one, "ids"),
                    json_get(one, "left")->valuestring); /* NULL: not compared */
            assert_int_equal(tokenizer_eos(tokenizer), cJSON_IsNumber(eos) ? eos->valueint : -1);
            compare_map(name, tokenizer, json_get(one, "map"));
            add_more(name, tokenizer, json_get(one, "new"));
            count++;
        }
        tokenizer_close(tokenizer);
    }
    assert_true(count >= 30);
    cJSON_Delete(cases);
}

#define MODEL "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":3},\"merges\":[]}"

/* Opens a tokenizer of MODEL with these added tokens, configuration and map ("" : no file). */
static int open_small(struct tokenizer **out, const char *added, const char *config,
                      const char *map, struct error *err)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"tokenizer.json\":{\"added_tokens\":[%s]," MODEL "}%s%s%s%s}",
             added, *config ? ",\"tokenizer_config.json\":" : "", config,
             *map ? ",\"special_tokens_map.json\":" : "", map);
    cJSON *files = cJSON_Parse(text);
    assert_non_null(files);
    int status = open_case(out, files, err);
    cJSON_Delete(files);
    return status;
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        {"{\"id\":7,\"content\":\"b\"}", "", "", "has the id 7, but 1 in the vocabulary"},
        /* three tokens, so the next id is 3: which "c" has */
        {"{\"id\":4,\"content\":\"<t>\"}", "", "", "two tokens have the id 3"},
        {"{\"id\":4,\"content\":\"a\",\"special\":1}", "", "", "\"special\" is not true or false"},
        {"", "{\"pad_token\":[]}", "", "pad_token is neither a text nor an object"},
        {"", "{\"additional_special_tokens\":{\"x\":1}}", "", "additional_special_tokens"},
        {"", "{\"added_tokens_decoder\":{\"-1\":{\"content\":\"x\"}}}", "", "\"-1\" for an id"},
        {"", "{\"added_tokens_decoder\":{\"99999999999\":{\"content\":\"x\"}}}", "", "for an id"},
        {"", "{}", "{\"extra_special_tokens\":4}", "extra_special_tokens"},
        {"", "{}", "{\"eos_token\":{\"text\":\"b\"}}", "eos_token is neither a text nor an object"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        struct tokenizer *tokenizer = NULL;
        assert_int_equal(open_small(&tokenizer, bad[i][0], bad[i][1], bad[i][2], &err), -1);
        if (!strstr(err.text, bad[i][3]))
            fail_msg("%s", err.text);
    }
}

/* Objects as transformers before 5 wrote them, without "__type": tokens like any other. */
static void older_objects_are_read(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    if (open_small(&tokenizer, "",
                   "{\"eos_token\":{\"content\":\"b\"},\"additional_special_tokens\":[{\"content\":"
                   "\"c\",\"lstrip\":true}]}",
                   "", &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(tokenizer_eos(tokenizer), 1);
    assert_true(tokenizer_is_special(tokenizer, 1));
    assert_true(tokenizer_is_special(tokenizer, 3));
    assert_false(tokenizer_is_special(tokenizer, 0));
    tokenizer_close(tokenizer);
}

static void fingerprint(char out[HASH_TEXT_SIZE], const char *config, const char *map)
{
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    if (open_small(&tokenizer, "{\"id\":3,\"content\":\"c\"}", config, map, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(tokenizer_fingerprint(tokenizer, out, NULL), 0);
    tokenizer_close(tokenizer);
}

/* Data is tokenised again when what its ids come from changes, and only then. */
static void fingerprints_tell_what_is_added(void **state)
{
    (void)state;
    char plain[HASH_TEXT_SIZE], same[HASH_TEXT_SIZE], more[HASH_TEXT_SIZE], flags[HASH_TEXT_SIZE],
        map[HASH_TEXT_SIZE];
    fingerprint(plain, "", "");
    fingerprint(same, "{\"model_max_length\":7}", "{}");
    fingerprint(more, "{\"extra_special_tokens\":[\"a\"]}", "");
    fingerprint(flags, "{\"added_tokens_decoder\":{\"3\":{\"content\":\"c\",\"rstrip\":true}}}",
                "");
    fingerprint(map, "", "{\"sep_token\":\"b\"}");
    assert_string_equal(plain, same);
    assert_string_not_equal(plain, more);
    assert_string_not_equal(plain, flags);
    assert_string_not_equal(plain, map);
    assert_string_not_equal(more, map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(older_objects_are_read),
        cmocka_unit_test(fingerprints_tell_what_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
