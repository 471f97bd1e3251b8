/* The Jinja source of a chat template, as a model brings one: conversations through all that
 * core/text makes of it. */
#include "fuzz.h"
#include "text/tokenizer/tokenizer.h"

#include "text/template/template.h"

static const char *const conversations[] = {
    "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]",
    "[{\"role\": \"assistant\", \"content\": \"b\"}, {\"role\": \"user\", \"content\": [{\"type\": "
    "\"text\", \"text\": \"a\"}]}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": "
    "[{\"function\": {\"name\": \"f\", \"arguments\": {}}}], \"reasoning_content\": \"b\"}, "
    "{\"role\": \"tool\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"\"}]",
};
enum { CONVERSATIONS = sizeof conversations / sizeof *conversations, TURNS_MAX = 8 };

/* A tokenizer of a few letters with the template. */
static struct tokenizer *with_template(const char *source)
{
    const char *const letters[] = {"a", "b", "\xC4\x8A", "<|im_end|>", "<s>"};
    const int types[] = {1, 1, 1, 3, 3};
    struct tokenizer *tokenizer = NULL;
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "tokenizer.ggml.model", "gpt2");
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.tokens", cJSON_CreateStringArray(letters, 5));
    cJSON_AddItemToObject(metadata, "tokenizer.ggml.token_type", cJSON_CreateIntArray(types, 5));
    cJSON_AddNumberToObject(metadata, "tokenizer.ggml.bos_token_id", 4);
    cJSON_AddStringToObject(metadata, "tokenizer.chat_template", source);
    if (tokenizer_from_gguf(&tokenizer, metadata, "fuzz", NULL) != 0)
        tokenizer = NULL;
    cJSON_Delete(metadata);
    return tokenizer;
}

/* Weights are those of a turn, and nothing is trained where there is none. */
static void encode(struct chat_template *chat, struct tokenizer *tokenizer, const char *text)
{
    double weights[TURNS_MAX] = {0, 1, 2, 0, 1};
    struct error err = ERROR_INIT;
    struct token_list tokens = {0};
    cJSON *messages = json_parse(text, strlen(text), JSON_KEEP_NUMBERS, "fuzz", NULL);
    struct conversation conversation = {.messages = messages, .weights = weights};
    if (fuzz_ok(template_encode(chat, tokenizer, &conversation, false, &tokens, &err), &err))
        for (size_t i = 0; i < tokens.count; i++)
            if (tokens.weights[i] != 0 && tokens.weights[i] != 1 && tokens.weights[i] != 2)
                abort();
    tokens.count = 0;
    conversation.weights = NULL;
    template_encode(chat, tokenizer, &conversation, true, &tokens, NULL);
    for (size_t i = 0; i < tokens.count; i++)
        if (tokens.weights[i] != 0)
            abort();
    token_list_free(&tokens);
    cJSON_Delete(messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *source = fuzz_text(data, size);
    struct tokenizer *tokenizer = with_template(source);
    struct chat_template *chat = NULL;
    struct error err = ERROR_INIT;
    if (tokenizer && fuzz_ok(template_open(&chat, tokenizer, NULL, "2026-11-29", &err), &err)) {
        for (size_t i = 0; i < CONVERSATIONS; i++)
            encode(chat, tokenizer, conversations[i]);
        template_turn_end(chat, tokenizer);
        cJSON_Delete(template_missing_marks(chat, tokenizer, true, NULL));
        template_close(chat);
    }
    tokenizer_close(tokenizer);
    free(source);
    return 0;
}
