#include "text_data.h"

#include "checkpoint/checkpoint.h"
#include "text/parts.h" /* puts another template into a tokenizer */
#include "text/template.h"

static size_t read_chat(const cJSON *chat, struct chat_message *messages)
{
    size_t count = 0;
    const cJSON *pair;
    cJSON_ArrayForEach(pair, chat) messages[count++] =
        (struct chat_message){pair->child->valuestring, pair->child->next->valuestring,
                              strcmp(pair->child->valuestring, "assistant") == 0};
    return count;
}

static void check_list(const struct token_list *got, const cJSON *expected)
{
    const cJSON *id = json_get(expected, "ids")->child, *mask = json_get(expected, "mask")->child;
    assert_int_equal(got->count, cJSON_GetArraySize(json_get(expected, "ids")));
    for (size_t i = 0; i < got->count; i++, id = id->next, mask = mask->next) {
        assert_int_equal(got->ids[i], id->valueint);
        assert_true(got->weights[i] == (float)mask->valueint);
    }
}

/* The generation prompt's ids are those of the text that transformers makes. */
static void check_prompt(const struct chat_template *chat, struct tokenizer *tokenizer,
                         const struct chat_message *messages, size_t count, const char *text)
{
    struct token_list got = {0}, expected = {0};
    assert_int_equal(template_encode(chat, tokenizer, messages, count, true, &got, NULL), 0);
    assert_int_equal(
        tokenizer_encode(tokenizer, text, strlen(text), ENCODE_PARSE_SPECIAL, &expected, NULL), 0);
    assert_int_equal(got.count, expected.count);
    assert_memory_equal(got.ids, expected.ids, got.count * sizeof *got.ids);
    token_list_free(&got);
    token_list_free(&expected);
}

/* Generation prompt, ids and mask as transformers' apply_chat_template() gives them. */
static void compare_chosen(struct tokenizer *tokenizer, const char *name, const char *chosen,
                           enum template_kind kind)
{
    cJSON *data = text_data("chats.json");
    struct chat_template chat;
    assert_int_equal(template_find(&chat, tokenizer, chosen, NULL), 0);
    assert_int_equal(chat.kind, kind);
    const cJSON *conversation = json_get(data, "chats")->child;
    for (const cJSON *e = json_get(data, name)->child; e; e = e->next) {
        struct chat_message messages[8];
        size_t count = read_chat(conversation, messages);
        struct token_list got = {0};
        bool refused = json_get(e, "refused") != NULL;
        assert_int_equal(template_encode(&chat, tokenizer, messages, count, false, &got, NULL),
                         refused ? -1 : 0);
        if (!refused) {
            check_list(&got, e);
            check_prompt(&chat, tokenizer, messages, count, json_get(e, "prompt")->valuestring);
        }
        token_list_free(&got);
        conversation = conversation->next;
    }
    assert_null(conversation);
    template_free(&chat);
    cJSON_Delete(data);
}

static void compare_chats(struct tokenizer *tokenizer, const char *name, enum template_kind kind)
{
    compare_chosen(tokenizer, name, NULL, kind);
}

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *hit = strstr(text, from);
    assert_non_null(hit);
    struct buffer out = BUFFER_INIT;
    buffer_append(&out, text, (size_t)(hit - text));
    buffer_text(&out, to);
    buffer_text(&out, hit + strlen(from));
    return out.data;
}

/* The templates of Llama 3 and 3.1 on 3.2's tokenizer; 3.1's is made from 3.2's. */
static void compare_sources(struct tokenizer *llama)
{
    cJSON *data = text_data("chats.json");
    const cJSON *edit, *sources = json_get(data, "sources");
    cJSON_ArrayForEach(edit, json_get(sources, "llama3.1"))
    {
        char *edited = replaced(llama->chat_template, edit->child->valuestring,
                                edit->child->next->valuestring);
        free(llama->chat_template);
        llama->chat_template = edited;
    }
    compare_chats(llama, "llama3.1", TEMPLATE_LLAMA31);
    free(llama->chat_template);
    llama->chat_template = strdup(json_get(sources, "llama3")->valuestring);
    compare_chats(llama, "llama3", TEMPLATE_LLAMA3);
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
    compare_chats(llama, "llama3.2_hf", TEMPLATE_LLAMA31);
    compare_sources(llama);
    tokenizer_close(llama);
}

/* Templates on Llama 2's tokenizer: by their source, and those that have a name by that. */
static void equals_transformers_with_eos(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    (void)shared;
    static const struct {
        const char *source, *name;
        enum template_kind kind;
    } templates[] = {
        {"mistral_v1", NULL, TEMPLATE_MISTRAL_V1},
        {"mistral_v2", NULL, TEMPLATE_MISTRAL_V2},
        {"mistral", "mistral", TEMPLATE_MISTRAL},
        {"zephyr", "zephyr", TEMPLATE_ZEPHYR},
        {"zephyr_line", NULL, TEMPLATE_ZEPHYR},
        {"alpaca", "alpaca", TEMPLATE_ALPACA},
        {"alpaca_sum", NULL, TEMPLATE_ALPACA},
        {"alpaca_trimmed", NULL, TEMPLATE_ALPACA_TRIMMED},
    };
    cJSON *data = text_data("chats.json");
    struct tokenizer *tokenizer = shared_tokenizer("llama2_hf");
    compare_chosen(tokenizer, "mistral_v3", "mistral-v3", TEMPLATE_MISTRAL_V3);
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        const char *source = templates[i].source;
        if (templates[i].name)
            compare_chosen(tokenizer, source, templates[i].name, templates[i].kind);
        free(tokenizer->chat_template);
        tokenizer->chat_template = strdup(json_get(json_get(data, "sources"), source)->valuestring);
        compare_chats(tokenizer, source, templates[i].kind);
    }
    tokenizer_close(tokenizer);
    cJSON_Delete(data);
}

static void equals_transformers_on_the_demo(void **state)
{
    (void)state;
    char path[1024];
    struct tokenizer *tokenizer;
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/../../demo/model", getenv("SPECTRUM_TEST_DATA"));
    if (tokenizer_open(&tokenizer, path, &err) != 0)
        fail_msg("%s", err.text);
    compare_chats(tokenizer, "demo", TEMPLATE_CHATML);
    tokenizer_close(tokenizer);
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

#define CHATML_LOOP                                                                                \
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "                    \
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
#define CHATML_PROMPT "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

static void expect_kind(const char *source, const char *name, enum template_kind kind)
{
    struct tokenizer *tokenizer = with_template(source);
    struct chat_template chat;
    assert_int_equal(template_find(&chat, tokenizer, name, NULL), 0);
    if (chat.kind != kind)
        fail_msg("kind %d, not %d: %s", chat.kind, kind, source ? source : "no template");
    template_free(&chat);
    tokenizer_close(tokenizer);
}

static void recognises_or_says_so(void **state)
{
    (void)state;
    expect_kind(NULL, NULL, TEMPLATE_NONE);
    expect_kind("{{ '[INST]' }}", NULL, TEMPLATE_UNKNOWN);
    expect_kind("<|im_start|> <|im_end|>", NULL, TEMPLATE_UNKNOWN);
    expect_kind(CHATML_LOOP CHATML_PROMPT, NULL, TEMPLATE_CHATML);
    expect_kind("{{ '[INST]' }}", "llama3", TEMPLATE_LLAMA3);
    expect_kind(NULL, "chatml", TEMPLATE_CHATML);
}

/* Templates that only look like ChatML: each writes another text than it. */
static void likeness_is_not_enough(void **state)
{
    (void)state;
    static const char *const others[] = {
        /* phi-4: a token behind the role, no newlines */
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '<|im_sep|>' + "
        "message['content'] + '<|im_end|>'}}{% endfor %}" CHATML_PROMPT,
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>'}}{% endfor %}" CHATML_PROMPT,
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + eos_token + '\n'}}{% endfor %}" CHATML_PROMPT,
        "{% for message in messages %}{% if message['role'] != 'system' %}{{'<|im_start|>' + "
        "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endif %}{% endfor "
        "%}" CHATML_PROMPT,
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] | trim + '<|im_end|>' + '\n'}}{% endfor %}" CHATML_PROMPT,
        CHATML_LOOP,                         /* no header of an assistant's message */
        CHATML_LOOP CHATML_PROMPT "<think>", /* and more behind it */
        "\n\n" CHATML_LOOP CHATML_PROMPT,    /* text in front */
        CHATML_LOOP CHATML_PROMPT "\n\n\n",  /* trimmed is one behind a tag, and one at the end */
        CHATML_LOOP "{{ eos_token }}" CHATML_PROMPT,
        "{{'<|im_start|>system\nMine<|im_end|>\n'}}" CHATML_LOOP CHATML_PROMPT,
        CHATML_LOOP "{% if",
        "{{ '",
        "{{ {} }}",
        "{#",
        "{{ '\\x41' }}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_kind(others[i], NULL, TEMPLATE_UNKNOWN);
}

/* The same template in other spellings, and with what may stand in front of it. */
static void spelling_does_not_matter(void **state)
{
    (void)state;
    static const char *const same[] = {
        CHATML_LOOP CHATML_PROMPT "\n",
        "{#- a word -#}\n{% for message in messages %}\n    {{- \"<|im_start|>\" + "
        "message[\"role\"] + "
        "'\\n' + message['content'] + \"<|im_end|>\" + '\\n' -}}\n{% endfor %}\n"
        "{%- if add_generation_prompt -%}\n  {{ '<|im_start|>assistant\\n' }}\n{%- endif %}\n",
        "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}"
        "{% endif %}" CHATML_LOOP CHATML_PROMPT,
        "{{ bos_token }}" CHATML_LOOP CHATML_PROMPT,
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        expect_kind(same[i], NULL, TEMPLATE_CHATML);
}

static void refuses_with_what_to_do(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = with_template(NULL);
    struct chat_template chat;
    struct error err = ERROR_INIT;
    struct token_list got = {0};
    struct chat_message message = {"user", "a", 0};
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
    const struct chat_message messages[] = {
        {"user", "a", 0}, {"assistant", "b", 0}, {"user", "a", 0}, {"assistant", "b", 1}};
    assert_int_equal(template_find(&chat, tokenizer, "chatml", NULL), 0);
    assert_int_equal(template_encode(&chat, tokenizer, messages, 4, false, &got, NULL), 0);
    size_t trained = 0;
    for (size_t i = 0; i < got.count; i++)
        trained += got.weights[i] == 1;
    assert_int_equal(trained, 2); /* the last "b" and its end of turn */
    assert_true(got.weights[got.count - 1] == 0);
    assert_true(got.weights[got.count - 2] == 1);
    template_free(&chat);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_or_says_so),
        cmocka_unit_test(refuses_with_what_to_do),
        cmocka_unit_test(untrained_messages_stay_so),
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(equals_transformers_with_eos),
        cmocka_unit_test(equals_transformers_on_smollm2),
        cmocka_unit_test(equals_transformers_on_the_demo),
        cmocka_unit_test(likeness_is_not_enough),
        cmocka_unit_test(spelling_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
