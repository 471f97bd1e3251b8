#include "text_data.h"

#include "checkpoint/checkpoint.h"
#include "text/template.h"

static size_t read_chat(const cJSON *chat, struct chat_message *messages)
{
    size_t count = 0;
    const cJSON *pair;
    cJSON_ArrayForEach(pair, chat) messages[count++] =
        (struct chat_message){pair->child->valuestring, pair->child->next->valuestring, true};
    return count;
}

static void check_list(const struct token_list *got, const cJSON *expected)
{
    const cJSON *id = json_get(expected, "ids")->child, *mask = json_get(expected, "mask")->child;
    assert_int_equal(got->count, cJSON_GetArraySize(json_get(expected, "ids")));
    for (size_t i = 0; i < got->count; i++, id = id->next, mask = mask->next) {
        assert_int_equal(got->ids[i], id->valueint);
        assert_int_equal(got->mask[i], mask->valueint);
    }
}

/* Text, generation prompt, ids and mask as transformers' apply_chat_template() gives them. */
static void compare_chats(struct tokenizer *tokenizer, const char *name, enum template_kind kind)
{
    cJSON *data = text_data("chats.json");
    struct chat_template chat;
    assert_int_equal(template_find(&chat, tokenizer, NULL, NULL), 0);
    assert_int_equal(chat.kind, kind);
    const cJSON *conversation = json_get(data, "chats")->child;
    for (const cJSON *e = json_get(data, name)->child; e; e = e->next) {
        struct chat_message messages[8];
        size_t count = read_chat(conversation, messages);
        struct buffer text = BUFFER_INIT, prompt = BUFFER_INIT;
        struct token_list got = {0};
        assert_int_equal(template_render(&chat, tokenizer, messages, count, false, &text, NULL), 0);
        assert_string_equal(buffer_string(&text), json_get(e, "text")->valuestring);
        assert_int_equal(template_render(&chat, tokenizer, messages, count, true, &prompt, NULL),
                         0);
        assert_string_equal(buffer_string(&prompt), json_get(e, "prompt")->valuestring);
        assert_int_equal(template_encode(&chat, tokenizer, messages, count, false, &got, NULL), 0);
        check_list(&got, e);
        token_list_free(&got);
        buffer_free(&text);
        buffer_free(&prompt);
        conversation = conversation->next;
    }
    template_free(&chat);
    cJSON_Delete(data);
}

static void equals_transformers(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    (void)shared;
    struct tokenizer *qwen = shared_tokenizer("qwen2.5_hf");
    compare_chats(qwen, "qwen2.5_hf", TEMPLATE_CHATML);
    tokenizer_close(qwen);
    struct tokenizer *llama = shared_tokenizer("llama3.2_hf");
    compare_chats(llama, "llama3.2_hf", TEMPLATE_LLAMA3);
    tokenizer_close(llama);
}

static void equals_transformers_on_smollm2(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(models, "SPECTRUM_MODELS");
    char path[1024];
    struct checkpoint *checkpoint;
    struct tokenizer *tokenizer;
    snprintf(path, sizeof path, "%s/SmolLM2-135M-Instruct.Q4_1.gguf", models);
    if (access(path, R_OK) != 0)
        skip();
    assert_int_equal(checkpoint_open(&checkpoint, path, NULL), 0);
    assert_int_equal(tokenizer_for_checkpoint(&tokenizer, checkpoint, NULL), 0);
    compare_chats(tokenizer, "smollm2_gguf", TEMPLATE_CHATML);
    tokenizer_close(tokenizer);
    checkpoint_close(checkpoint);
}

/* A tokenizer of single letters with the chat template `source`. */
static struct tokenizer *with_template(const char *source)
{
    struct tokenizer *tokenizer;
    struct error err = ERROR_INIT;
    cJSON *metadata = cJSON_CreateObject();
    const char *letters[] = {"a", "b", "\xC4\x8A", "<|im_end|>"};
    const int types[] = {1, 1, 1, 3};
    cJSON_AddStringToObject(metadata, "tokenizer.ggml.model", "gpt2");
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.tokens", cJSON_CreateStringArray(letters, 4));
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.token_type", cJSON_CreateIntArray(types, 4));
    if (source)
        cJSON_AddStringToObject(metadata, "tokenizer.chat_template", source);
    if (tokenizer_from_gguf(&tokenizer, metadata, "test", &err) != 0)
        fail_msg("%s", err.text);
    cJSON_Delete(metadata);
    return tokenizer;
}

static void recognises_or_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *source, *name;
        enum template_kind kind;
    } cases[] = {
        {NULL, NULL, TEMPLATE_NONE},
        {"{{ '[INST]' }}", NULL, TEMPLATE_UNKNOWN},
        {"<|im_start|> <|im_end|> <think>", NULL, TEMPLATE_UNKNOWN},
        {"<|im_start|> <|im_end|>", NULL, TEMPLATE_CHATML},
        {"{{ '[INST]' }}", "llama3", TEMPLATE_LLAMA3},
        {NULL, "chatml", TEMPLATE_CHATML},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *tokenizer = with_template(cases[i].source);
        struct chat_template chat;
        assert_int_equal(template_find(&chat, tokenizer, cases[i].name, NULL), 0);
        assert_int_equal(chat.kind, cases[i].kind);
        template_free(&chat);
        tokenizer_close(tokenizer);
    }
}

static void refuses_with_what_to_do(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = with_template(NULL);
    struct chat_template chat;
    struct error err = ERROR_INIT;
    struct token_list got = {0};
    struct chat_message message = {"user", "a", true};
    assert_int_equal(template_find(&chat, tokenizer, "vicuna", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "chatml"));
    assert_int_equal(template_find(&chat, tokenizer, NULL, &err), 0);
    assert_int_equal(template_encode(&chat, tokenizer, &message, 1, false, &got, &err), -1);
    assert_non_null(strstr(err.text, "--template"));
    assert_int_equal(template_find(&chat, tokenizer, "chatml", &err), 0);
    assert_int_equal(template_encode(&chat, tokenizer, &message, 0, false, &got, &err), -1);
    message.role = "tool";
    assert_int_equal(template_encode(&chat, tokenizer, &message, 1, false, &got, &err), -1);
    assert_non_null(strstr(err.text, "tool"));
    template_free(&chat);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void untrained_messages_stay_so(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = with_template(NULL);
    struct chat_template chat;
    struct token_list got = {0};
    const struct chat_message messages[] = {{"user", "a", true},
                                            {"assistant", "b", false},
                                            {"user", "a", true},
                                            {"assistant", "b", true}};
    assert_int_equal(template_find(&chat, tokenizer, "chatml", NULL), 0);
    assert_int_equal(template_encode(&chat, tokenizer, messages, 4, false, &got, NULL), 0);
    size_t trained = 0;
    for (size_t i = 0; i < got.count; i++)
        trained += got.mask[i];
    assert_int_equal(trained, 2); /* the last "b" and its end of turn */
    assert_int_equal(got.mask[got.count - 1], 0);
    assert_int_equal(got.mask[got.count - 2], 1);
    template_free(&chat);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_or_says_so),          cmocka_unit_test(refuses_with_what_to_do),
        cmocka_unit_test(untrained_messages_stay_so),     cmocka_unit_test(equals_transformers),
        cmocka_unit_test(equals_transformers_on_smollm2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
