/* What ends a text: of a folder as transformers' generate() has it
 * (tests/oracle/make_generation.py), of a GGUF file as llama.cpp's is_eog(), and of a run. */
#include "text_data.h"

#include "base/memory.h"
#include "gguf_data.h"
#include "text/generation.h"
#include "text/tokenizer/tokenizer.h"

/* Sixteen tokens: "a" to "n", "<|im_end|>" 14, "</s>" 15. */
static const char tokenizer_json[] = "{\"added_tokens\":[{\"id\":14,\"content\":\"<|im_end|>\","
                                     "\"special\":true},{\"id\":15,\"content\":"
                                     "\"</"
                                     "s>\",\"special\":true}],\"model\":{\"type\":\"BPE\","
                                     "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3,"
                                     "\"e\":4,\"f\":5,\"g\":6,\"h\":7,\"i\":8,\"j\":9,\"k\":10,"
                                     "\"l\":11,\"m\":12,\"n\":13},\"merges\":[]}}";

static int read_ends(struct end_tokens *out, const char *config, const char *generation,
                     const char *tokenizer_config, const char *template_name, struct error *err)
{
    char *folder = data_folder();
    struct tokenizer *tokenizer = NULL;
    data_safetensors(folder, "model.safetensors", "x.weight");
    data_text(folder, "config.json", config);
    data_text(folder, "tokenizer.json", tokenizer_json);
    data_text(folder, "tokenizer_config.json", tokenizer_config);
    if (generation)
        data_text(folder, "generation_config.json", generation);
    struct checkpoint *checkpoint = data_open(folder, NULL);
    if (tokenizer_for_checkpoint(&tokenizer, checkpoint, err) != 0)
        fail_msg("%s", err->text);
    int status = template_name ? end_tokens_of_run(out, checkpoint, tokenizer, template_name, err)
                               : end_tokens_read(out, checkpoint, tokenizer, err);
    tokenizer_close(tokenizer);
    checkpoint_close(checkpoint);
    data_folder_remove(folder);
    return status;
}

static char *object_of(const cJSON *eos)
{
    bool absent = cJSON_IsString(eos);
    char *value = cJSON_PrintUnformatted(eos), *text = malloc(128);
    snprintf(text, 128, absent ? "{}" : "{\"eos_token_id\": %s}", value);
    cJSON_free(value);
    return text;
}

static void equals_transformers(void **state)
{
    (void)state;
    cJSON *cases = text_data("ends.json");
    const cJSON *one, *id;
    cJSON_ArrayForEach(one, cases)
    {
        struct error err = ERROR_INIT;
        struct end_tokens ends;
        const cJSON *generation = json_get(one, "generation"), *want = json_get(one, "ends");
        char *config = object_of(json_get(one, "config"));
        char *other = cJSON_IsNull(generation) ? NULL : object_of(generation);
        size_t different = 0;
        if (read_ends(&ends, config, other, "{}", NULL, &err) != 0)
            fail_msg("%s", err.text);
        cJSON_ArrayForEach(id, want)
        {
            assert_true(end_tokens_have(&ends, id->valueint));
            different += !id->prev->next || id->prev->valueint != id->valueint;
        }
        assert_int_equal(ends.count, different);
        free(config);
        free(other);
    }
    cJSON_Delete(cases);
}

static void expect(const char *config, const char *generation, const char *tokenizer_config,
                   const char *template_name, size_t count, const int64_t *ids)
{
    struct error err = ERROR_INIT;
    struct end_tokens ends;
    if (read_ends(&ends, config, generation, tokenizer_config, template_name, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(ends.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(ends.ids[i] == ids[i]);
}

/* The tokenizer's eos counts where no configuration names an end, and for a run always. */
static void a_run_ends_where_its_data_does(void **state)
{
    (void)state;
    static const char eos[] = "{\"eos_token\": \"</s>\"}";
    expect("{}", NULL, eos, NULL, 1, (const int64_t[]){15});
    expect("{}", "{\"eos_token_id\": null}", eos, NULL, 1, (const int64_t[]){15});
    expect("{\"eos_token_id\": 3}", NULL, eos, NULL, 1, (const int64_t[]){3});
    expect("{\"eos_token_id\": 3}", NULL, eos, "chatml", 3, (const int64_t[]){3, 15, 14});
    expect("{\"eos_token_id\": 3}", NULL, eos, "zephyr", 2, (const int64_t[]){3, 15});
    /* its turns end with a text that is no single token here */
    expect("{\"eos_token_id\": 3}", NULL, eos, "llama3", 2, (const int64_t[]){3, 15});
    expect("{\"eos_token_id\": -1}", NULL, "{}", NULL, 0, NULL);
}

static void what_is_no_id_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"</s>\"", "[1e300]", "1.5",   "true",
                                      "{}",       "[[2]]",   "[null]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        struct error err = ERROR_INIT;
        struct end_tokens ends;
        snprintf(text, sizeof text, "{\"eos_token_id\": %s}", bad[i]);
        assert_int_equal(read_ends(&ends, "{}", text, "{}", NULL, &err), -1);
        assert_non_null(strstr(err.text, "generation_config.json: \"eos_token_id\" is neither"));
    }
}

/* Keys and values are pairs; those that begin with "add_" are flags. */
static struct checkpoint *gguf_with(const char *const *tokens, size_t token_count,
                                    const char *const *keys, const int64_t *values)
{
    enum { GGUF_U32 = 4, GGUF_BOOL = 7 };
    struct buffer file = BUFFER_INIT;
    size_t key_count = 0;
    while (keys[key_count])
        key_count++;
    gguf_begin(&file, 1, 2 + key_count);
    gguf_key(&file, "tokenizer.ggml.model", GGUF_STRING);
    gguf_string(&file, "gpt2", 4);
    gguf_key(&file, "tokenizer.ggml.tokens", GGUF_ARRAY);
    gguf_number(&file, GGUF_STRING, 4);
    gguf_number(&file, token_count, 8);
    for (size_t i = 0; i < token_count; i++)
        gguf_string(&file, tokens[i], strlen(tokens[i]));
    for (size_t i = 0; i < key_count; i++) {
        char key[64];
        bool flag = strncmp(keys[i], "add_", 4) == 0;
        snprintf(key, sizeof key, "%s%s", strchr(keys[i], '.') ? "" : "tokenizer.ggml.", keys[i]);
        gguf_key(&file, key, flag ? GGUF_BOOL : GGUF_U32);
        gguf_number(&file, (uint64_t)values[i], flag ? 1 : 4);
    }
    gguf_tensor(&file, "x", 1, 0, 1, 32);
    return gguf_open(&file, NULL);
}

/* `want` ends by -1. */
static void expect_gguf(const char *const *tokens, size_t token_count, const char *const *keys,
                        const int64_t *values, const int64_t *want)
{
    struct error err = ERROR_INIT;
    struct end_tokens ends;
    struct tokenizer *tokenizer = NULL;
    size_t count = 0;
    struct checkpoint *checkpoint = gguf_with(tokens, token_count, keys, values);
    if (tokenizer_for_checkpoint(&tokenizer, checkpoint, &err) != 0 ||
        end_tokens_read(&ends, checkpoint, tokenizer, &err) != 0)
        fail_msg("%s", err.text);
    for (; want[count] >= 0; count++)
        assert_true(end_tokens_have(&ends, want[count]));
    assert_int_equal(ends.count, count);
    tokenizer_close(tokenizer);
    checkpoint_close(checkpoint);
}

/* What every text is to begin or end with must be a token of the file. */
static void a_frame_of_no_token_is_refused(void **state)
{
    (void)state;
    static const char *const plain[] = {"a", "b", "c", "d"};
    static const struct {
        const char *id, *add;
        int64_t value;
        bool adds, refused;
    } cases[] = {
        {"bos_token_id", "add_bos_token", 4, true, true},
        {"bos_token_id", "add_bos_token", 4, false, false},
        {"bos_token_id", "add_bos_token", 3, true, false},
        {"bos_token_id", "add_bos_token", 0xFFFFFFFF, true, false}, /* there is none */
        {"eos_token_id", "add_eos_token", 70000, true, true},
        {"eos_token_id", "add_eos_token", 70000, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *tokenizer = NULL;
        struct error err = ERROR_INIT;
        struct checkpoint *checkpoint =
            gguf_with(plain, 4, (const char *const[]){cases[i].id, cases[i].add, NULL},
                      (const int64_t[]){cases[i].value, cases[i].adds});
        assert_int_equal(tokenizer_for_checkpoint(&tokenizer, checkpoint, &err),
                         cases[i].refused ? -1 : 0);
        if (cases[i].refused && (!strstr(err.text, cases[i].id) || !strstr(err.text, cases[i].add)))
            fail_msg("%s", err.text);
        tokenizer_close(tokenizer);
        checkpoint_close(checkpoint);
    }
}

/* Keys that would change what is generated are said, those that change nothing are not. */
static void keys_that_are_not_obeyed_are_said(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", NULL},
        {"{\"do_sample\": false, \"temperature\": 0.6, \"top_p\": 0.9, \"eos_token_id\": 2}", NULL},
        {"{\"repetition_penalty\": 1.0, \"num_beams\": 1, \"stop_strings\": null, "
         "\"bad_words_ids\": [], \"min_length\": 0, \"no_repeat_ngram_size\": 0}",
         NULL},
        {"{\"repetition_penalty\": 1.05}", ": repetition_penalty is ignored; the options decide"},
        {"{\"do_sample\": true, \"temperature\": 0.6, \"top_p\": 0.9, \"top_k\": 0}",
         ": do_sample, temperature and top_p are ignored; the options decide"},
        {"{\"stop_strings\": \"END\", \"forced_bos_token_id\": 0}",
         ": stop_strings and forced_bos_token_id are ignored"},
        {"{\"suppress_tokens\": [0], \"bad_words_ids\": [[1]]}",
         ": suppress_tokens and bad_words_ids"},
        {"{\"penalty_alpha\": 0.6, \"num_beams\": 4, \"sequence_bias\": {\"1\": 2}}",
         ": sequence_bias, penalty_alpha and num_beams are"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = data_folder();
        struct buffer line = BUFFER_INIT;
        data_safetensors(folder, "model.safetensors", "x.weight");
        data_text(folder, "generation_config.json", cases[i][0]);
        struct checkpoint *checkpoint = data_open(folder, NULL);
        assert_int_equal(generation_put_ignored(&line, checkpoint, NULL), 0);
        if (cases[i][1] ? !strstr(buffer_string(&line), cases[i][1]) : line.length > 0)
            fail_msg("%s: \"%s\"", cases[i][0], buffer_string(&line));
        buffer_free(&line);
        checkpoint_close(checkpoint);
        data_folder_remove(folder);
    }
    struct buffer line = BUFFER_INIT;
    struct checkpoint *checkpoint =
        gguf_with((const char *const[]){"a"}, 1,
                  (const char *const[]){"general.sampling.top_k", NULL}, (const int64_t[]){20});
    assert_int_equal(generation_put_ignored(&line, checkpoint, NULL), 0);
    assert_non_null(strstr(buffer_string(&line), "general.sampling.top_k is ignored"));
    buffer_free(&line);
    checkpoint_close(checkpoint);
}

/* The tokenizer refuses the other forms in config.json before that. */
static void what_is_no_id_in_config_is_refused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct end_tokens ends;
    assert_int_equal(read_ends(&ends, "{\"eos_token_id\": [1e300]}", NULL, "{}", NULL, &err), -1);
    assert_non_null(strstr(err.text, "/config.json: \"eos_token_id\" is neither"));
}

static void equals_llama_cpp(void **state)
{
    (void)state;
    static const char *const plain[] = {"a", "b", "c", "d"}, *const none[] = {NULL};
    expect_gguf(plain, 4, none, NULL, (const int64_t[]){-1});
    expect_gguf(plain, 4,
                (const char *const[]){"eos_token_id", "eot_token_id", "eom_token_id", NULL},
                (const int64_t[]){1, 2, 3}, (const int64_t[]){1, 2, 3, -1});
    expect_gguf(plain, 4, (const char *const[]){"eos_token_id", "eot_token_id", NULL},
                (const int64_t[]){4, 0xFFFFFFFF}, (const int64_t[]){-1}); /* none of its tokens */
    expect_gguf(plain, 4, (const char *const[]){"fim_pad_token_id", "fim_sep_token_id", NULL},
                (const int64_t[]){0, 2}, (const int64_t[]){0, 2, -1});
    expect_gguf((const char *const[]){"a", "<|im_end|>", "<|eom_id|>", "[PAD]"}, 4,
                (const char *const[]){"eos_token_id", NULL}, (const int64_t[]){0},
                (const int64_t[]){0, 1, 2, 3, -1});
    expect_gguf(
        (const char *const[]){"\xE2\x96\x81",
                              "<\xEF\xBD\x9C\x65nd\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"},
        2, none, NULL, (const int64_t[]){1, -1});
    expect_gguf((const char *const[]){"<|end|>", "<|return|>", "<|call|>", "a"}, 4,
                (const char *const[]){"eot_token_id", NULL}, (const int64_t[]){0},
                (const int64_t[]){1, 2, -1});
    expect_gguf((const char *const[]){"<|end|>", "<|call|>", "</s>", "<|tool_response>"}, 4, none,
                NULL, (const int64_t[]){0, 1, 3, -1});
}

static void too_many_are_refused(void **state)
{
    (void)state;
    struct end_tokens ends = {0};
    struct error err = ERROR_INIT;
    for (int64_t id = 0; id < END_TOKENS_MAX; id++)
        assert_int_equal(end_tokens_add(&ends, id, NULL), 0);
    assert_int_equal(end_tokens_add(&ends, 5, NULL), 0); /* it is there */
    assert_int_equal(end_tokens_add(&ends, END_TOKENS_MAX, &err), -1);
    assert_non_null(strstr(err.text, "more than 64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(a_run_ends_where_its_data_does),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(what_is_no_id_in_config_is_refused),
        cmocka_unit_test(equals_llama_cpp),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(a_frame_of_no_token_is_refused),
        cmocka_unit_test(keys_that_are_not_obeyed_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
