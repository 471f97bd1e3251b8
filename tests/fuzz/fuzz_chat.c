/* A conversation through a chat template, both of any bytes: a template that a model brings, or one
 * of the named ones where nothing stands before the first NUL byte, and behind that byte a record
 * of chat data as JSON. Rendered, encoded, and its turns found. */
#include "fuzz.h"

#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"

enum { MESSAGES_MAX = 16 };

/* A tokenizer of a few letters with the marks of ChatML and Llama 3, and the template; NULL: no
 * template of its own. */
static struct tokenizer *with_template(const char *source)
{
    const char *const letters[] = {"a",          "b",    "\xC4\x8A", "<|im_start|>",
                                   "<|im_end|>", "<s>",  "</s>",     "<|eot_id|>",
                                   "[INST]",     "user", "\xC4\xA0"};
    const int types[] = {1, 1, 1, 3, 3, 3, 3, 3, 3, 1, 1};
    enum { LETTERS = sizeof letters / sizeof *letters };
    struct tokenizer *tokenizer = NULL;
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "tokenizer.ggml.model", "gpt2");
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.tokens",
                          cJSON_CreateStringArray(letters, LETTERS));
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.token_type",
                          cJSON_CreateIntArray(types, LETTERS));
    cJSON_AddNumberToObject(metadata, "tokenizer.ggml.bos_token_id", 5);
    cJSON_AddNumberToObject(metadata, "tokenizer.ggml.eos_token_id", 6);
    if (source)
        cJSON_AddStringToObject(metadata, "tokenizer.chat_template", source);
    if (tokenizer_from_gguf(&tokenizer, metadata, "fuzz", NULL) != 0)
        tokenizer = NULL;
    cJSON_Delete(metadata);
    return tokenizer;
}

/* What a record's reader makes sure of: a list of objects, each with a role. */
static bool is_conversation(const cJSON *messages)
{
    const cJSON *message;
    int count = 0;
    cJSON_ArrayForEach(message, messages)
    {
        if (!cJSON_IsObject(message) || !cJSON_IsString(json_get(message, "role")) ||
            ++count > MESSAGES_MAX)
            return false;
    }
    return cJSON_IsArray(messages) && count > 0;
}

static const cJSON *of_kind(const cJSON *record, const char *key, cJSON_bool (*is)(const cJSON *))
{
    const cJSON *item = json_get(record, key);
    return is(item) ? item : NULL;
}

/* A token counts as one of the turns does, or not at all; and without weights, none does. */
static void encode(struct chat_template *chat, struct tokenizer *tokenizer, const cJSON *record)
{
    static const double weights[MESSAGES_MAX] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0};
    struct conversation conversation = {.messages = json_get(record, "messages"),
                                        .tools = of_kind(record, "tools", cJSON_IsArray),
                                        .documents = of_kind(record, "documents", cJSON_IsArray),
                                        .variables = of_kind(record, "variables", cJSON_IsObject),
                                        .weights = weights};
    struct token_list tokens = {0};
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    for (int prompt = 0; prompt < 2; prompt++) {
        tokens.count = 0;
        if (!fuzz_ok(template_encode(chat, tokenizer, &conversation, prompt, &tokens, &err), &err))
            continue;
        for (size_t i = 0; i < tokens.count; i++)
            if (tokens.weights[i] != 0 && tokens.weights[i] != 1 && tokens.weights[i] != 2)
                abort();
    }
    conversation.weights = NULL;
    tokens.count = 0;
    if (fuzz_ok(template_encode(chat, tokenizer, &conversation, false, &tokens, &err), &err))
        for (size_t i = 0; i < tokens.count; i++)
            if (tokens.weights[i] != 0)
                abort();
    fuzz_ok(template_render(chat, tokenizer, &conversation, true, &text, &err), &err);
    buffer_free(&text);
    token_list_free(&tokens);
}

static void use(const char *source, const char *name, const cJSON *record)
{
    struct tokenizer *tokenizer = with_template(source);
    struct chat_template *chat = NULL;
    struct error err = ERROR_INIT;
    if (tokenizer && fuzz_ok(template_open(&chat, tokenizer, name, "2026-11-29", &err), &err)) {
        encode(chat, tokenizer, record);
        template_turn_end(chat, tokenizer);
        template_close(chat);
    }
    tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    if (!end)
        return 0;
    struct error err = ERROR_INIT;
    char *source = fuzz_text(data, (size_t)(end - data));
    size_t length = size - (size_t)(end + 1 - data);
    char *text = fuzz_text(end + 1, length);
    cJSON *record = json_parse(text, length, JSON_KEEP_NUMBERS, "fuzz", &err);
    if (fuzz_ok(record ? 0 : -1, &err) && is_conversation(json_get(record, "messages"))) {
        if (source[0])
            use(source, NULL, record);
        else
            for (size_t i = 0; template_names[i]; i++)
                use(NULL, template_names[i], record);
    }
    cJSON_Delete(record);
    free(source);
    free(text);
    return 0;
}
