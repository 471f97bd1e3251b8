#include "text_data.h"

#include "checkpoint/checkpoint.h"
#include "text/template/template.h"
#include "text/tokenizer/parts.h"
#include "text/tokenizer/tokenizer.h"

enum { TURNS_MAX = 8 };

/* A conversation of [role, content] pairs whose assistant's turns are trained. */
struct chat {
    cJSON *messages, *variables;
    double weights[TURNS_MAX];
    struct conversation is;
};

static void chat_read(struct chat *chat, const cJSON *pairs)
{
    const cJSON *pair;
    size_t count = 0;
    *chat = (struct chat){.messages = cJSON_CreateArray(), .variables = cJSON_CreateObject()};
    cJSON_AddStringToObject(chat->variables, "date_string", "26 Jul 2024");
    cJSON_ArrayForEach(pair, pairs)
    {
        const char *role = pair->child->valuestring;
        cJSON *message = cJSON_CreateObject();
        cJSON_AddStringToObject(message, "role", role);
        cJSON_AddStringToObject(message, "content", pair->child->next->valuestring);
        cJSON_AddItemToArray(chat->messages, message);
        chat->weights[count++] = strcmp(role, "assistant") == 0;
    }
    chat->is = (struct conversation){
        .messages = chat->messages, .variables = chat->variables, .weights = chat->weights};
}

static void chat_free(struct chat *chat)
{
    cJSON_Delete(chat->messages);
    cJSON_Delete(chat->variables);
}

static void check_list(const struct token_list *got, const cJSON *expected)
{
    const cJSON *id = json_get(expected, "ids")->child, *mask = json_get(expected, "mask")->child;
    assert_int_equal(got->count, cJSON_GetArraySize(json_get(expected, "ids")));
    for (size_t i = 0; i < got->count; i++, id = id->next, mask = mask->next) {
        assert_int_equal(got->ids[i], id->valueint);
        if (got->weights[i] != (float)mask->valueint)
            fail_msg("token %zu of %zu is %strained", i, got->count, mask->valueint ? "not " : "");
    }
}

/* The generation prompt's ids are those of the text that transformers makes. */
static void check_prompt(struct chat_template *chat, struct tokenizer *tokenizer,
                         const struct conversation *conversation, const char *text)
{
    struct token_list got = {0}, expected = {0};
    assert_int_equal(template_encode(chat, tokenizer, conversation, true, &got, NULL), 0);
    assert_int_equal(
        tokenizer_encode(tokenizer, text, strlen(text), ENCODE_PARSE_SPECIAL, &expected, NULL), 0);
    assert_int_equal(got.count, expected.count);
    assert_memory_equal(got.ids, expected.ids, got.count * sizeof *got.ids);
    token_list_free(&got);
    token_list_free(&expected);
}

/* Generation prompt, ids and mask as transformers' apply_chat_template() gives them. */
static void compare_chosen(struct tokenizer *tokenizer, const char *name, const char *chosen)
{
    cJSON *data = text_data("chats.json");
    struct chat_template *template;
    struct error err = ERROR_INIT;
    if (template_open(&template, tokenizer, chosen, NULL, &err) != 0)
        fail_msg("%s", err.text);
    const cJSON *conversation = json_get(data, "chats")->child;
    for (const cJSON *e = json_get(data, name)->child; e; e = e->next) {
        struct chat chat;
        chat_read(&chat, conversation);
        struct token_list got = {0};
        bool refused = json_get(e, "refused") != NULL;
        int status = template_encode(template, tokenizer, &chat.is, false, &got, &err);
        if (status != (refused ? -1 : 0))
            fail_msg("%s: %s: %s", name, refused ? "not refused" : "refused", err.text);
        if (!refused) {
            check_list(&got, e);
            check_prompt(template, tokenizer, &chat.is, json_get(e, "prompt")->valuestring);
        }
        token_list_free(&got);
        chat_free(&chat);
        conversation = conversation->next;
    }
    assert_null(conversation);
    template_close(template);
    cJSON_Delete(data);
}

static void compare_chats(struct tokenizer *tokenizer, const char *name)
{
    compare_chosen(tokenizer, name, NULL);
}

/* Puts another template into a tokenizer. */
static void set_template(struct tokenizer *tokenizer, const char *source)
{
    cJSON_DeleteItemFromObjectCaseSensitive(tokenizer->templates, TEMPLATE_DEFAULT);
    cJSON_AddStringToObject(tokenizer->templates, TEMPLATE_DEFAULT, source);
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
        char *edited = replaced(tokenizer_chat_template(llama), edit->child->valuestring,
                                edit->child->next->valuestring);
        set_template(llama, edited);
        free(edited);
    }
    compare_chats(llama, "llama3.1");
    set_template(llama, json_get(sources, "llama3")->valuestring);
    compare_chats(llama, "llama3");
    cJSON_Delete(data);
}

static void equals_transformers(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    (void)shared;
    struct tokenizer *qwen = shared_tokenizer("qwen2.5_hf");
    compare_chats(qwen, "qwen2.5_hf");
    tokenizer_close(qwen);
    struct tokenizer *llama = shared_tokenizer("llama3.2_hf");
    compare_chats(llama, "llama3.2_hf");
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
    } templates[] = {
        {"mistral_v1", NULL}, {"mistral_v2", NULL},     {"mistral", "mistral"},
        {"zephyr", "zephyr"}, {"zephyr_line", NULL},    {"alpaca", "alpaca"},
        {"alpaca_sum", NULL}, {"alpaca_trimmed", NULL},
    };
    cJSON *data = text_data("chats.json");
    struct tokenizer *tokenizer = shared_tokenizer("llama2_hf");
    compare_chosen(tokenizer, "mistral_v3", "mistral-v3");
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        const char *source = templates[i].source;
        if (templates[i].name)
            compare_chosen(tokenizer, source, templates[i].name);
        set_template(tokenizer, json_get(json_get(data, "sources"), source)->valuestring);
        compare_chats(tokenizer, source);
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
    compare_chats(tokenizer, "demo");
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
    compare_chats(tokenizer, "smollm2_gguf");
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

/* Encodes a user's "a" and an assistant's "b", whose tokens count `weight`. */
static int encode_two(struct chat_template *template, struct tokenizer *tokenizer,
                      const char *messages, struct token_list *out, struct error *err)
{
    static const double weights[] = {0, 1, 0, 1};
    cJSON *json = json_parse(messages, strlen(messages), JSON_KEEP_NUMBERS, "test", NULL);
    const struct conversation conversation = {.messages = json, .weights = weights};
    assert_non_null(json);
    int status = template_encode(template, tokenizer, &conversation, false, out, err);
    cJSON_Delete(json);
    return status;
}

#define TWO                                                                                        \
    "{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}"

/* The message of what `messages` are refused with under a template, by source or by name. */
static void expect_refused(const char *source, const char *name, const char *messages,
                           const char *word)
{
    struct tokenizer *tokenizer = with_template(source);
    struct chat_template *template;
    struct error err = ERROR_INIT;
    struct token_list got = {0};
    assert_int_equal(template_open(&template, tokenizer, name, NULL, &err), 0);
    assert_int_equal(encode_two(template, tokenizer, messages, &got, &err), -1);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" is not in: %s", word, err.text);
    template_close(template);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

static void refuses_with_what_to_do(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = with_template(NULL);
    struct chat_template *template;
    struct error err = ERROR_INIT;
    assert_int_equal(template_open(&template, tokenizer, "vicuna", NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "chatml"));
    assert_int_equal(template_open(&template, tokenizer, "none.jinja", NULL, &err), -1);
    assert_non_null(strstr(err.text, "no such file"));
    tokenizer_close(tokenizer);
    expect_refused(NULL, NULL, "[" TWO "]", "--template");
    expect_refused(NULL, "chatml", "[]", "without messages");
    expect_refused(NULL, "chatml", "[\"a\"]", "not an object");
    expect_refused("{{ x", NULL, "[" TWO "]", "line 1");
    expect_refused("{{ raise_exception('never') }}", NULL, "[" TWO "]", "never");
}

/* Nothing of a conversation is lost without a word. */
static void names_what_would_be_lost(void **state)
{
    (void)state;
    static const char loop[] = "{% for m in messages %}{{ m.role + m.content }}{% endfor %}";
    expect_refused(NULL, "chatml",
                   "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
                   "\"content\": \"b\", \"tool_calls\": [{\"name\": \"f\"}]}]",
                   "message 2 (assistant) has \"tool_calls\"");
    expect_refused(loop, NULL,
                   "[" TWO ", {\"role\": \"user\", \"content\": \"a\", \"reasoning_content\": "
                   "\"x\"}]",
                   "\"reasoning_content\"");
    expect_refused(NULL, "chatml",
                   "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
                   "\"content\": null, \"tool_calls\": [{\"name\": \"f\"}]}]",
                   "message 2 (assistant) has \"tool_calls\"");
    expect_refused(NULL, "chatml", "[{\"role\": \"user\", \"content\": null}]",
                   "message 1 has no content (null)");
    expect_refused("{% for m in messages %}{% if m.content and m.role == 'assistant' %}"
                   "{{ m.content }}{% endif %}{% endfor %}",
                   NULL, "[" TWO "]", "message 1 (user) has a \"content\"");
    /* written in one case, and not where there are calls; the first message is looked at outside */
    expect_refused("{{ messages[0].content }}{% for m in messages[1:] %}{% if m.tool_calls %}"
                   "{{ m.tool_calls[0] | tojson }}{% else %}{{ m.content }}{% endif %}{% endfor %}",
                   NULL,
                   "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
                   "\"content\": \"b\", \"tool_calls\": [{\"name\": \"f\"}]}]",
                   "message 2 (assistant) has \"content\"");
    expect_refused(
        "{% for m in messages %}{{ m.content }}{% if m.tool_calls %}"
        "{{ m.tool_calls[0] | tojson }}{% endif %}{% endfor %}",
        NULL,
        "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": "
        "\"b\", \"tool_calls\": [{\"name\": \"f\"}, {\"name\": \"g\"}]}]",
        "call 2 of its");
    expect_refused("{% for m in messages %}{{ m.role }}{% for p in m.content %}"
                   "{% if p['type'] == 'text' %}{{ p['text'] }}{% endif %}{% endfor %}{% endfor %}",
                   NULL, "[" TWO "]", "write contents as parts");
    /* an assistant's turn with a result inside, and behind it */
    expect_refused("{% for m in messages if m.role != 'tool' %}{{ m.role }}"
                   "{% if m.role == 'assistant' and loop.index0 == 1 %}{{ messages[2].content }}"
                   "{% endif %}{{ m.content }}{% endfor %}",
                   NULL,
                   "[" TWO ", {\"role\": \"tool\", \"content\": \"b\"}, "
                   "{\"role\": \"assistant\", \"content\": \"a\"}]",
                   "which part of the text");
}

/* Ids of a turn, with its mask as 'x' and '.'. */
static void expect_mask(const char *source, const char *messages, const char *text,
                        const char *mask)
{
    struct tokenizer *tokenizer = with_template(source);
    struct chat_template *template;
    struct token_list got = {0};
    struct buffer shown = BUFFER_INIT, marks = BUFFER_INIT;
    struct error err = ERROR_INIT;
    assert_int_equal(template_open(&template, tokenizer, NULL, NULL, &err), 0);
    if (encode_two(template, tokenizer, messages, &got, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < got.count; i++) {
        tokenizer_piece(tokenizer, got.ids[i], &shown);
        buffer_byte(&marks, got.weights[i] > 0 ? 'x' : '.');
    }
    assert_string_equal(buffer_string(&shown), text);
    assert_string_equal(buffer_string(&marks), mask);
    buffer_free(&shown);
    buffer_free(&marks);
    template_close(template);
    token_list_free(&got);
    tokenizer_close(tokenizer);
}

/* What is trained: by marks, by what comes before, and where the template writes its last turn
 * otherwise than the others. The tokenizer drops what it has no letters for. */
static void finds_the_turns(void **state)
{
    (void)state;
    static const char four[] = "[" TWO ", " TWO "]";
    expect_mask("{% for m in messages %}{{ m.content }}<|im_end|>\n{% endfor %}", four,
                "a<|im_end|>\nb<|im_end|>\na<|im_end|>\nb<|im_end|>\n", "...xx....xx.");
    expect_mask("{% for m in messages %}a{% generation %}{{ m.content if m.role == 'assistant' }}"
                "{% endgeneration %}b{% if m.role == 'user' %}{{ m.content }}{% endif %}"
                "{% endfor %}",
                "[" TWO "]", "abaabb", "....x.");
    expect_mask("{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' and loop.last %}"
                "b{% endif %}<|im_end|>{% endfor %}",
                four, "a<|im_end|>b<|im_end|>a<|im_end|>bb<|im_end|>", "..xx..xxx");
    expect_mask("{% for m in messages %}{% if m.role == 'assistant' %}aa{% endif %}{{ m.content }}"
                "<|im_end|>{% endfor %}{% if add_generation_prompt %}aa{% endif %}",
                four, "a<|im_end|>aab<|im_end|>a<|im_end|>aab<|im_end|>", "....xx....xx");
}

/* Of two thousand turns as of two; the last is written in another way than those before. */
static void finds_many_turns(void **state)
{
    (void)state;
    enum { TURNS = 2000 };
    struct tokenizer *tokenizer =
        with_template("{% for m in messages %}{{ 'aa' if m.role == 'assistant' }}{{ m.content }}"
                      "{{ 'b' if loop.last }}<|im_end|>\n{% endfor %}"
                      "{{ 'aa' if add_generation_prompt }}");
    struct chat_template *template;
    struct token_list got = {0};
    struct error err = ERROR_INIT;
    double *weights = calloc(TURNS, sizeof *weights);
    cJSON *messages = cJSON_CreateArray();
    for (size_t i = 0; i < TURNS; i++) {
        cJSON *message = cJSON_CreateObject();
        cJSON_AddStringToObject(message, "role", i % 2 ? "assistant" : "user");
        cJSON_AddStringToObject(message, "content", i % 2 ? "ab" : "b");
        cJSON_AddItemToArray(messages, message);
        weights[i] = i % 2;
    }
    const struct conversation conversation = {.messages = messages, .weights = weights};
    assert_int_equal(template_open(&template, tokenizer, NULL, NULL, &err), 0);
    if (template_encode(template, tokenizer, &conversation, false, &got, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(got.count, TURNS / 2 * (3 + 6) + 1);
    for (size_t i = 0; i < got.count; i++) { /* b E n a a a b E n, at the end a a a b b E n */
        size_t at = i % 9, left = got.count - i;
        bool said = left > 7 ? at >= 5 && at <= 7 : left <= 5 && left >= 2;
        assert_true((got.weights[i] > 0) == said);
    }
    template_close(template);
    token_list_free(&got);
    cJSON_Delete(messages);
    free(weights);
    tokenizer_close(tokenizer);
}

/* Contents in parts reach a template that goes into them, and are one text to any other. */
static void parts_are_text(void **state)
{
    (void)state;
    static const char parts[] =
        "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}, {\"type\": "
        "\"text\", \"text\": \"b\"}]}, {\"role\": \"assistant\", \"content\": \"b\"}]";
    expect_mask("{% for m in messages %}{{ m.content }}{% endfor %}", parts, "abb", "..x");
    expect_mask("{% for m in messages %}{{ m.content + '\n' }}{% endfor %}", parts, "ab\nb\n",
                "...xx");
    expect_mask("{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}"
                "{% for p in m.content %}{{ p.text }}\n{% endfor %}{% endif %}{% endfor %}",
                parts, "a\nb\nb", "....x");
}

/* A template that writes today's date writes the one that it is given. */
static void the_date_can_be_kept(void **state)
{
    (void)state;
    struct tokenizer *tokenizer =
        with_template("{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m.content }}"
                      "{% endfor %}");
    struct chat_template *template;
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    cJSON *messages = json_parse("[" TWO "]", strlen("[" TWO "]"), JSON_STRICT, "test", NULL);
    const struct conversation conversation = {.messages = messages};
    assert_int_equal(template_open(&template, tokenizer, NULL, "2025-02-28", &err), 0);
    assert_string_equal(template_date(template), "2025-02-28");
    assert_int_equal(template_render(template, tokenizer, &conversation, false, &text, &err), 0);
    assert_string_equal(buffer_string(&text), "28 Feb 2025ab");
    template_close(template);
    assert_int_equal(template_open(&template, tokenizer, "chatml", "2025-02-28", &err), 0);
    assert_null(template_date(template));
    template_close(template);
    assert_int_equal(template_open(&template, tokenizer, NULL, "yesterday", &err), -1);
    buffer_free(&text);
    cJSON_Delete(messages);
    tokenizer_close(tokenizer);
}

static void names_marks_that_are_no_tokens(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = with_template(NULL);
    static const struct {
        const char *name, *marks;
    } expected[] = {{"chatml", "[\"<|im_start|>\"]"},
                    {"zephyr", "[]"},
                    {"mistral", "[]"},
                    {"llama3", "[\"<|start_header_id|>\",\"<|end_header_id|>\",\"<|eot_id|>\"]"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct chat_template *template;
        struct error err = ERROR_INIT;
        assert_int_equal(template_open(&template, tokenizer, expected[i].name, NULL, &err), 0);
        cJSON *missing = template_missing_marks(template, tokenizer, false, &err);
        if (!missing)
            fail_msg("%s: %s", expected[i].name, err.text);
        char *text = cJSON_PrintUnformatted(missing);
        assert_string_equal(text, expected[i].marks);
        free(text);
        cJSON_Delete(missing);
        template_close(template);
    }
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(equals_transformers_with_eos),
        cmocka_unit_test(equals_transformers_on_the_demo),
        cmocka_unit_test(equals_transformers_on_smollm2),
        cmocka_unit_test(refuses_with_what_to_do),
        cmocka_unit_test(names_what_would_be_lost),
        cmocka_unit_test(finds_the_turns),
        cmocka_unit_test(finds_many_turns),
        cmocka_unit_test(parts_are_text),
        cmocka_unit_test(the_date_can_be_kept),
        cmocka_unit_test(names_marks_that_are_no_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
