#include "text_data.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "text/tokenizer/tokenizer.h"

#include <time.h>

static bool same_ids(const struct token_list *got, const cJSON *expected)
{
    if ((int)got->count != cJSON_GetArraySize(expected))
        return false;
    const cJSON *id = expected->child;
    for (size_t i = 0; i < got->count; i++, id = id->next)
        if (got->ids[i] != id->valueint)
            return false;
    return true;
}

static void show(const char *label, const char *text, const struct token_list *got,
                 const cJSON *expected)
{
    char *wanted = cJSON_PrintUnformatted(expected);
    printf("%s: \"%s\"\n  expected %s\n  got      [", label, text, wanted);
    for (size_t i = 0; i < got->count; i++)
        printf("%s%d", i ? "," : "", got->ids[i]);
    printf("]\n");
    free(wanted);
}

/* Every committed string gives the package's ids. */
static void compare(struct tokenizer *tokenizer, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.ids.json", name);
    cJSON *strings = text_data("strings.json"), *ids = text_data(file);
    const cJSON *expected = ids->child;
    struct token_list got = {0};
    int count = 0, wrong = 0;
    for (const cJSON *s = strings->child; s; s = s->next, expected = expected->next, count++) {
        struct error err = ERROR_INIT;
        got.count = 0;
        if (tokenizer_encode(tokenizer, s->valuestring, strlen(s->valuestring),
                             ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, &got, &err) != 0)
            fail_msg("%s", err.text);
        if (!same_ids(&got, expected)) {
            show(name, s->valuestring, &got, expected);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(count >= 500);
    token_list_free(&got);
    cJSON_Delete(strings);
    cJSON_Delete(ids);
}

static void equals_the_package(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2_hf", "llama2_hf", "llama3.2_hf", "qwen2.5_hf",
                                        "smollm_hf"};
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    (void)shared;
    for (int i = 0; i < 5; i++) {
        struct tokenizer *tokenizer = shared_tokenizer(names[i]);
        compare(tokenizer, names[i]);
        tokenizer_close(tokenizer);
    }
}

static void reads_a_model_folder(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    char path[1024];
    struct error err = ERROR_INIT;
    struct tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, "%s/models/stories15M-hf-bf16", shared);
    if (tokenizer_open(&tokenizer, path, &err) != 0)
        fail_msg("%s", err.text);
    compare(tokenizer, "llama2_hf"); /* the same tokenizer */
    assert_int_equal(tokenizer_bos(tokenizer), 1);
    assert_int_equal(tokenizer_eos(tokenizer), 2);
    assert_int_equal(tokenizer_vocabulary_size(tokenizer), 32000);
    assert_null(tokenizer_chat_template(tokenizer));
    tokenizer_close(tokenizer);
}

static struct tokenizer *open_checkpoint(const char *folder, const char *name)
{
    char path[1024];
    struct error err = ERROR_INIT;
    struct checkpoint *checkpoint = NULL;
    struct tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (checkpoint_open(&checkpoint, path, &err) != 0 ||
        tokenizer_for_checkpoint(&tokenizer, checkpoint, &err) != 0)
        fail_msg("%s", err.text);
    checkpoint_close(checkpoint);
    return tokenizer;
}

static void reads_smollm2_from_its_gguf(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(models, "SPECTRUM_MODELS");
    static const char name[] = "SmolLM2-135M-Instruct.Q4_1.gguf";
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", models, name);
    if (access(path, R_OK) != 0)
        skip();
    struct tokenizer *tokenizer = open_checkpoint(models, name);
    compare(tokenizer, "smollm2_gguf");
    assert_int_equal(tokenizer_bos(tokenizer), 1);
    assert_int_equal(tokenizer_eos(tokenizer), 2);
    assert_non_null(strstr(tokenizer_chat_template(tokenizer), "SmolLM"));
    tokenizer_close(tokenizer);
}

/* Scores instead of merges, the same ids as the tokenizer.json of the same vocabulary, but for
 * strings that hold a special token's text (there a GGUF file has no white space before it). */
static void reads_scores_from_gguf(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    struct tokenizer *tokenizer =
        open_checkpoint(shared, "models/stories15M-gguf/stories15M-Q4_K_M.gguf");
    cJSON *strings = text_data("strings.json"), *ids = text_data("llama2_hf.ids.json");
    const cJSON *expected = ids->child;
    struct token_list got = {0};
    int count = 0;
    for (const cJSON *s = strings->child; s; s = s->next, expected = expected->next) {
        const char *text = s->valuestring;
        if (strstr(text, "<s>") || strstr(text, "</s>") || strstr(text, "<unk>"))
            continue;
        got.count = 0;
        assert_int_equal(
            tokenizer_encode(tokenizer, text, strlen(text), ENCODE_ADD_SPECIAL, &got, NULL), 0);
        if (!same_ids(&got, expected)) {
            show("stories15M.gguf", text, &got, expected);
            fail();
        }
        count++;
    }
    assert_true(count >= 500);
    token_list_free(&got);
    cJSON_Delete(strings);
    cJSON_Delete(ids);
    tokenizer_close(tokenizer);
}

static char *read_text(const char *folder, const char *name)
{
    char path[1024];
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/tokenizers/vectors/ggml-vocab-%s", folder, name);
    if (file_read_all(&text, path, 1 << 20, &err) != 0)
        fail_msg("%s", err.text);
    return text.data;
}

/* llama.cpp's own vectors: strings between marks, one line of ids each. */
static void compare_vectors(const char *shared, const char *vectors, const char *tokenizer_name)
{
    static const char mark[] = "\n__ggml_vocab_test__\n";
    char file[64];
    struct error err = ERROR_INIT;
    struct tokenizer *tokenizer = shared_tokenizer(tokenizer_name);
    snprintf(file, sizeof file, "%s.gguf.inp", vectors);
    char *inputs = read_text(shared, file);
    snprintf(file, sizeof file, "%s.gguf.out", vectors);
    char *outputs = read_text(shared, file), *line_end = NULL;
    struct token_list got = {0};
    int count = 0;
    char *line = outputs;
    for (char *at = inputs, *end; (end = strstr(at, mark)); at = end + strlen(mark), count++) {
        got.count = 0;
        assert_int_equal(
            tokenizer_encode(tokenizer, at, (size_t)(end - at), ENCODE_PARSE_SPECIAL, &got, &err),
            0);
        for (size_t i = 0; i < got.count; i++)
            assert_int_equal(got.ids[i], strtol(i ? line_end : line, &line_end, 10));
        if (got.count == 0)
            line_end = line;
        line_end += strspn(line_end, " ");
        assert_int_equal(*line_end, '\n');
        line = line_end + 1;
    }
    assert_true(count >= 40);
    token_list_free(&got);
    free(inputs);
    free(outputs);
    tokenizer_close(tokenizer);
}

static void equals_llama_cpp(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    compare_vectors(shared, "gpt-2", "gpt2_hf");
    compare_vectors(shared, "llama-bpe", "llama3.2_hf");
    compare_vectors(shared, "llama-spm", "llama2_hf");
    compare_vectors(shared, "qwen2", "qwen2.5_hf");
}

/* A byte-level tokenizer without merges but "ab", a special token and a plain added one. */
static const char SMALL[] =
    "{\"added_tokens\":[{\"id\":6,\"content\":\"<|end|>\",\"special\":true,\"normalized\":false},"
    "{\"id\":7,\"content\":\"<t>\",\"special\":false,\"normalized\":false,\"lstrip\":true,"
    "\"rstrip\":true}],"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
    "\"<|end|>\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<|end|>\":{\"ids\":[6]}}},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"\\u0120\":4,"
    "\"\\u010a\":5},\"merges\":[\"a b\"]}}";

static int open_text(struct tokenizer **out, const char *text, struct error *err)
{
    char path[] = "/tmp/spectrum-tokenizer-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int status = tokenizer_open(out, path, err);
    unlink(path);
    return status;
}

static struct tokenizer *small_tokenizer(void)
{
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    if (open_text(&tokenizer, SMALL, &err) != 0)
        fail_msg("%s", err.text);
    return tokenizer;
}

static void check_small(unsigned flags, const char *text, size_t count, const int32_t *ids)
{
    struct tokenizer *tokenizer = small_tokenizer();
    struct token_list got = {0};
    assert_int_equal(tokenizer_encode(tokenizer, text, strlen(text), flags, &got, NULL), 0);
    assert_int_equal(got.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(got.ids[i], ids[i]);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void flags_decide_on_special_tokens(void **state)
{
    (void)state;
    check_small(ENCODE_PLAIN, "ab", 1, (const int32_t[]){3});
    check_small(ENCODE_ADD_SPECIAL, "ab", 2, (const int32_t[]){6, 3});
    check_small(ENCODE_PARSE_SPECIAL, "ab<|end|>c", 3, (const int32_t[]){3, 6, 2});
    check_small(ENCODE_PLAIN, "a<|end|>", 1,
                (const int32_t[]){0}); /* "<|end|>" has no bytes here */
    check_small(ENCODE_PLAIN, "a <t>\nb", 3, (const int32_t[]){0, 7, 1}); /* swallows the spaces */
}

/* SMALL in a folder, with files beside it: pairs of a name and a content, ended by NULL. */
static struct tokenizer *open_beside(const char *const *files)
{
    char folder[] = "/tmp/spectrum-tokenizer-XXXXXX";
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "tokenizer.json", NULL);
    assert_int_equal(file_save(path, SMALL, strlen(SMALL), NULL), 0);
    for (const char *const *file = files; *file; file += 2) {
        char *beside = path_join(folder, file[0], NULL);
        assert_int_equal(file_save(beside, file[1], strlen(file[1]), NULL), 0);
        free(beside);
    }
    if (tokenizer_open(&tokenizer, folder, &err) != 0)
        fail_msg("%s", err.text);
    for (const char *const *file = files; *file; file += 2) {
        char *beside = path_join(folder, file[0], NULL);
        unlink(beside);
        free(beside);
    }
    unlink(path);
    free(path);
    rmdir(folder);
    return tokenizer;
}

static void template_file_stands_above_configuration(void **state)
{
    (void)state;
    struct tokenizer *tokenizer =
        open_beside((const char *[]){"tokenizer_config.json", "{\"chat_template\":\"configured\"}",
                                     "chat_template.jinja", "a file's own", NULL});
    assert_string_equal(tokenizer_chat_template(tokenizer), "a file's own");
    tokenizer_close(tokenizer);
}

static void expect_eos(const char *tokenizer_config, const char *config, int32_t eos)
{
    struct tokenizer *tokenizer = open_beside(
        (const char *[]){"tokenizer_config.json", tokenizer_config, "config.json", config, NULL});
    assert_int_equal(tokenizer_eos(tokenizer), eos);
    tokenizer_close(tokenizer);
}

static void eos_is_the_tokenizers_or_the_first(void **state)
{
    (void)state;
    expect_eos("{}", "{\"eos_token_id\":3}", 3);
    expect_eos("{}", "{\"eos_token_id\":[6,3]}", 6);
    expect_eos("{\"eos_token\":\"c\"}", "{\"eos_token_id\":[6,3]}", 2);
    expect_eos("{}", "{\"eos_token_id\":[1e300]}", -1);
    expect_eos("{}", "{\"eos_token_id\":[]}", -1);
    expect_eos("{}", "{\"eos_token_id\":[8]}", -1); /* one more than the vocabulary has */
}

/* What is no id at all is refused, as transformers does; which ids are tokens is another matter. */
static void ids_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"eos_token_id\":\"c\"}", "\"eos_token_id\" is neither"},
        {"{\"eos_token_id\":[3,true]}", "\"eos_token_id\" is neither"},
        {"{\"eos_token_id\":2.5}", "\"eos_token_id\" is neither"},
        {"{\"bos_token_id\":[3]}", "\"bos_token_id\" is no token's id"},
        {"{\"bos_token_id\":{}}", "\"bos_token_id\" is no token's id"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char folder[] = "/tmp/spectrum-tokenizer-XXXXXX";
        struct tokenizer *tokenizer = NULL;
        struct error err = ERROR_INIT;
        assert_non_null(mkdtemp(folder));
        char *path = path_join(folder, "tokenizer.json", NULL),
             *config = path_join(folder, "config.json", NULL);
        assert_int_equal(file_save(path, SMALL, strlen(SMALL), NULL), 0);
        assert_int_equal(file_save(config, bad[i][0], strlen(bad[i][0]), NULL), 0);
        assert_int_equal(tokenizer_open(&tokenizer, folder, &err), -1);
        if (!strstr(err.text, bad[i][1]) || !strstr(err.text, config))
            fail_msg("%s", err.text);
        folder_remove(folder);
        free(config);
        free(path);
    }
}

/* A pattern that PCRE2 gives up on is an error, not another way to cut the text. */
static void says_where_a_pattern_gives_up(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = NULL;
    struct token_list got = {0};
    struct error err = ERROR_INIT;
    char text[64];
    memset(text, 'a', sizeof text);
    text[63] = 'b';
    assert_int_equal(
        open_text(&tokenizer,
                  "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1}},\"pre_tokenizer\":{"
                  "\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"behavior\":\"Isolated\","
                  "\"invert\":false}}",
                  &err),
        0);
    assert_int_equal(tokenizer_encode(tokenizer, text, sizeof text, ENCODE_PLAIN, &got, &err), -1);
    assert_non_null(strstr(err.text, "pre-tokenizer"));
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void weights_follow_spans(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_tokenizer();
    struct token_list got = {0};
    static const char text[] = "ab ab<|end|> abc";
    static const struct text_span spans[] = {{1, 2, 1}, {5, 12, 0.5f}, {15, 16, 1}};
    static const int32_t ids[] = {3, 4, 3, 6, 4, 3, 2};
    static const float weights[] = {1, 0, 0, 0.5f, 0, 0, 1};
    assert_int_equal(tokenizer_encode_spans(tokenizer, text, strlen(text), ENCODE_PARSE_SPECIAL,
                                            spans, 3, &got, NULL),
                     0);
    assert_int_equal(got.count, 7);
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.ids[i], ids[i]);
        assert_true(got.weights[i] == weights[i]);
    }
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void refuses_with_a_name(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{}", "model"},
        {"[1]", "is not a JSON object"},
        {"{\"model\":{\"type\":\"Unigram\"}}", "Unigram"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1}}}", "whole number"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1e12}}}", "whole number"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0}}}", "two tokens"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}", "vocabulary"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[3]}}", "not a pair"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"normalizer\":{\"type\":\"Nmt\"}}",
         "Nmt"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\",\"invert\":false}}",
         "pattern"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"post_processor\":{\"type\":"
         "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\"}}],"
         "\"special_tokens\":{\"s\":{\"ids\":[9]}}}}",
         "adds the token 9, which no text has"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tokenizer *tokenizer = NULL;
        struct error err = ERROR_INIT;
        assert_int_equal(open_text(&tokenizer, bad[i][0], &err), -1);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i][1]);
    }
}

static void refuses_text_that_is_not_utf8(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_tokenizer();
    struct token_list got = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(tokenizer_encode(tokenizer, "ab\xff", 3, 0, &got, &err), -1);
    assert_non_null(strstr(err.text, "byte 2"));
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

/* One word of a megabyte merges without going through it once a merge. */
static void long_words_are_fast(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    char *text = malloc(LENGTH);
    memset(text, 'a', LENGTH);
    for (int i = 1; i < LENGTH; i += 2)
        text[i] = 'b';
    struct tokenizer *tokenizer = small_tokenizer();
    struct token_list got = {0};
    clock_t start = clock();
    assert_int_equal(tokenizer_encode(tokenizer, text, LENGTH, 0, &got, NULL), 0);
    assert_int_equal(got.count, LENGTH / 2);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20); /* seconds; quadratic: hours */
    free(text);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void decodes_what_it_encoded(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2_hf", "llama2_hf", "llama3.2_hf"};
    static const char text[] = "Caf\xC3\xA9 \xF0\x9F\x98\x80 12\n  x\t\xE4\xBD\xA0";
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    (void)shared;
    for (int i = 0; i < 3; i++) {
        struct tokenizer *tokenizer = shared_tokenizer(names[i]);
        struct token_list ids = {0};
        struct buffer out = BUFFER_INIT;
        assert_int_equal(
            tokenizer_encode(tokenizer, text, strlen(text), ENCODE_ADD_SPECIAL, &ids, NULL), 0);
        assert_int_equal(tokenizer_decode(tokenizer, ids.ids, ids.count, true, &out, NULL), 0);
        assert_string_equal(buffer_string(&out), text);
        const int32_t nowhere[] = {-1, 1 << 30};
        assert_int_equal(tokenizer_decode(tokenizer, nowhere, 2, false, &out, NULL), 0);
        assert_string_equal(buffer_string(&out), text);
        buffer_free(&out);
        token_list_free(&ids);
        tokenizer_close(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_decide_on_special_tokens),
        cmocka_unit_test(weights_follow_spans),
        cmocka_unit_test(says_where_a_pattern_gives_up),
        cmocka_unit_test(template_file_stands_above_configuration),
        cmocka_unit_test(eos_is_the_tokenizers_or_the_first),
        cmocka_unit_test(ids_that_are_none_are_refused),
        cmocka_unit_test(refuses_with_a_name),
        cmocka_unit_test(refuses_text_that_is_not_utf8),
        cmocka_unit_test(long_words_are_fast),
        cmocka_unit_test(reads_a_model_folder),
        cmocka_unit_test(reads_smollm2_from_its_gguf),
        cmocka_unit_test(reads_scores_from_gguf),
        cmocka_unit_test(equals_the_package),
        cmocka_unit_test(equals_llama_cpp),
        cmocka_unit_test(decodes_what_it_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
