/* The marks of a chat template that this vocabulary has no tokens for: found in what the template
 * writes of conversations whose words are none. */
#include "text/template_marks.h"

#include "base/utf8.h"
#include "text/template_rendering.h"

#include <stdlib.h>
#include <string.h>

#define USER "{\"role\": \"user\", \"content\": \"x\"}"
#define ASSISTANT "{\"role\": \"assistant\", \"content\": \"y\"}"

/* What is tried; a template that refuses one writes others. */
static const char *const turns[] = {
    "[" USER ", " ASSISTANT "]",
    "[{\"role\": \"system\", \"content\": \"z\"}, " USER ", " ASSISTANT ", " USER ", " ASSISTANT
    "]",
    NULL,
};
static const char *const calls[] = {
    "[" USER
    ", {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"id\": \"call00001\", "
    "\"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": {\"a\": 1}}}]}, "
    "{\"role\": \"tool\", \"name\": \"f\", \"tool_call_id\": \"call00001\", \"content\": "
    "\"z\"}, " ASSISTANT "]",
    NULL,
};
static const char tools[] =
    "[{\"type\": \"function\", \"function\": {\"name\": \"f\", \"description\": \"z\", "
    "\"parameters\": {\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\", "
    "\"description\": \"z\"}}, \"required\": [\"a\"]}}}]";

static bool is_bar(const char *at)
{
    return *at == '|' || strncmp(at, "\xEF\xBD\x9C", 3) == 0; /* DeepSeek's are wide */
}

/* The length of a mark that begins at text[0]: "<|im_start|>", "<|turn>", "<turn|>", "[|user|]",
 * "<start_of_turn>"; 0: it is none. */
static size_t mark_length(const char *text)
{
    char close = *text == '<' ? '>' : ']';
    size_t inside = strcspn(text + 1, "<>[] \t\n");
    const char *end = text + 1 + inside;
    if ((*text != '<' && *text != '[') || *end != close || inside < 3 || inside > 60)
        return 0;
    bool opened = is_bar(text + 1), closed = is_bar(end - 1) || (inside > 3 && is_bar(end - 3));
    bool named = strncmp(text, "<start_of_", 10) == 0 || strncmp(text, "<end_of_", 8) == 0;
    return named || (*text == '<' ? opened || closed : opened && closed) ? inside + 2 : 0;
}

static bool lists(const cJSON *array, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strcmp(item->valuestring, text) == 0)
            return true;
    }
    return false;
}

static int add_missing(cJSON *array, const char *text, size_t length,
                       const struct tokenizer *tokenizer, struct error *err)
{
    char *mark = strndup(text, length);
    int status = mark ? 0 : error_set(err, "not enough memory");
    if (mark && tokenizer_token_id(tokenizer, mark) < 0 && !lists(array, mark) &&
        !cJSON_AddItemToArray(array, cJSON_CreateString(mark)))
        status = error_set(err, "not enough memory");
    free(mark);
    return status;
}

static int add_written(cJSON *array, struct chat_template *chat, const struct tokenizer *tokenizer,
                       const struct conversation *conversation, bool prompt, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    int status = 0;
    if (template_render(chat, tokenizer, conversation, prompt, &text, NULL) != 0)
        buffer_clear(&text); /* whoever has such a conversation will hear why */
    for (const char *at = buffer_string(&text); status == 0 && (at = strpbrk(at, "<[")); at++) {
        size_t length = mark_length(at);
        if (length > 0)
            status = add_missing(array, at, length, tokenizer, err);
    }
    buffer_free(&text);
    return status;
}

static int try_all(cJSON *array, struct chat_template *chat, const struct tokenizer *tokenizer,
                   const char *const *probes, const cJSON *with_tools, struct error *err)
{
    int status = 0;
    for (; *probes && status == 0; probes++) {
        cJSON *messages = json_parse(*probes, strlen(*probes), JSON_STRICT, "probe", err);
        const struct conversation conversation = {.messages = messages, .tools = with_tools};
        status = messages ? 0 : -1;
        for (int prompt = 1; prompt >= 0 && status == 0; prompt--)
            status = add_written(array, chat, tokenizer, &conversation, prompt, err);
        cJSON_Delete(messages);
    }
    return status;
}

cJSON *template_missing_marks(struct chat_template *chat, const struct tokenizer *tokenizer,
                              bool of_tools, struct error *err)
{
    cJSON *missing = cJSON_CreateArray();
    cJSON *functions = json_parse(tools, sizeof tools - 1, JSON_STRICT, "probe", err);
    int status = missing && functions ? 0 : -1;
    if (status == 0 && template_exists(chat) && !chat->plain) {
        status = try_all(missing, chat, tokenizer, turns, NULL, err);
        if (status == 0 && of_tools)
            status = try_all(missing, chat, tokenizer, calls, functions, err);
    }
    cJSON_Delete(functions);
    if (status == 0)
        return missing;
    cJSON_Delete(missing);
    return NULL;
}

void template_put_marks(char *out, size_t size, const cJSON *marks)
{
    struct buffer text = BUFFER_INIT;
    const cJSON *item;
    cJSON_ArrayForEach(item, marks)
    {
        buffer_text(&text, item == marks->child ? "" : item->next ? ", " : " and ");
        buffer_text(&text, item->valuestring);
    }
    utf8_copy(out, size, buffer_string(&text));
    buffer_free(&text);
}
