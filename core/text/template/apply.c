/* A template put to a conversation, as transformers' apply_chat_template() does: the whole text,
 * with nothing of it lost, then which bytes of it are trained, then ids with weights. And what can
 * be told of a template by putting it to conversations of our own: what it ends turns with, and
 * which marks it writes. */
#include "text/template/rendering.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- one conversation --- */

/* Most templates take contents that are texts, some go through a content's parts: those that the
 * template did not go into (it printed them as a list; with `all`: any) are given to it as one
 * text. *joined: there were such. */
static int join_contents(struct chat_rendering *r, bool all, bool *joined, struct error *err)
{
    *joined = false;
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_entry *content = entry_of(r->messages.is.list->items[i], "content");
        if (!content || content->value.type != JINJA_LIST)
            continue;
        const struct jinja_list *parts = content->value.is.list;
        bool printed = parts->count == 0;
        for (size_t k = 0; k < parts->count && !printed; k++) {
            const struct jinja_entry *text = entry_of(parts->items[k], "text");
            printed = text && !text->read;
        }
        if (!all && !printed)
            continue;
        *joined = true;
        struct buffer text = BUFFER_INIT;
        for (size_t k = 0; k < parts->count; k++) {
            const struct jinja_entry *part = entry_of(parts->items[k], "text");
            if (!part || part->value.type != JINJA_STRING) {
                buffer_free(&text);
                return error_set(err, "message %zu: a part of a message without a \"text\"", i + 1);
            }
            buffer_append(&text, part->value.is.text.bytes, part->value.is.text.length);
        }
        if (jinja_take_text(r->chat->heap, &text, &content->value, err) != 0)
            return error_prefix(err, "message %zu", i + 1);
    }
    return 0;
}

/* Why the template fails, in better words than its own: a turn of calls alone has null for a
 * content, which templates without tools put together with texts. Tried with "" for each of
 * them. */
static int refuse(struct chat_rendering *r, bool prompt, const struct error *why, struct error *err)
{
    size_t empty = 0; /* the first, from 1 */
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_value message = r->messages.is.list->items[i];
        const struct jinja_entry *content = entry_of(message, "content");
        if (content && content->value.type != JINJA_NONE)
            continue;
        if (jinja_set(r->chat->heap, message.is.map, jinja_string("content"), jinja_string(""),
                      NULL) == 0 &&
            empty == 0)
            empty = i + 1;
    }
    if (empty == 0 || rendering_write(r, r->count, prompt, &r->chat->text, NULL) != 0)
        return error_set_kind(err, why->kind, "%s", why->text);
    if (rendering_check_lost(r, prompt, err) != 0)
        return -1;
    return error_set(err,
                     "message %zu has no content (null), and the chat template wants a text there: "
                     "write \"\" in its place, or use a template that takes it (--template "
                     "FILE.jinja)",
                     empty);
}

/* Renders the conversation into chat->text, with nothing of it lost; close it in any case. */
static int rendering_open(struct chat_rendering *r, struct chat_template *chat,
                          const struct tokenizer *tokenizer,
                          const struct conversation *conversation, bool prompt, struct error *err)
{
    struct error first = ERROR_INIT;
    bool joined;
    if (rendering_begin(r, chat, tokenizer, conversation, err) != 0)
        return -1;
    int status = rendering_write(r, r->count, prompt, &chat->text, &first);
    if (join_contents(r, status != 0, &joined, err) != 0)
        return -1;
    if (joined)
        status = rendering_write(r, r->count, prompt, &chat->text, &first);
    return status == 0 ? rendering_check_lost(r, prompt, err) : refuse(r, prompt, &first, err);
}

/* Only where something trains must it be found out what: a prompt for generating needs none of
 * it. */
int template_encode(struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct token_list *out,
                    struct error *err)
{
    struct chat_rendering r;
    int status = -1;
    bool trained = false;
    if (rendering_open(&r, chat, tokenizer, conversation, prompt, err) != 0)
        goto out;
    for (size_t i = 0; conversation->weights && i < r.count; i++)
        trained |= conversation->weights[i] > 0;
    if (trained && rendering_find_turns(&r, err) != 0)
        goto out;
    status =
        tokenizer_encode_spans(tokenizer, buffer_string(&chat->text.text), chat->text.text.length,
                               ENCODE_PARSE_SPECIAL, r.spans, r.span_count, out, err);
out:
    rendering_close(&r);
    return status;
}

/* The text alone, for whoever looks. */
int template_render(struct chat_template *chat, const struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct buffer *out,
                    struct error *err)
{
    struct chat_rendering r;
    int status = rendering_open(&r, chat, tokenizer, conversation, prompt, err);
    if (status == 0) {
        buffer_append(out, buffer_string(&chat->text.text), chat->text.text.length);
        status = buffer_check(out, err);
    }
    rendering_close(&r);
    return status;
}

/* --- what a template itself is like --- */

static const char probe[] = "[{\"role\": \"user\", \"content\": \"x\"}, "
                            "{\"role\": \"assistant\", \"content\": \"y\"}]";

/* By putting the template to a conversation of two turns: the token after the assistant's text; -1
 * where there is none. */
int32_t template_turn_end(struct chat_template *chat, const struct tokenizer *tokenizer)
{
    static const double weights[] = {0, 1};
    cJSON *messages = json_parse(probe, sizeof probe - 1, JSON_STRICT, "probe", NULL);
    const struct conversation two = {.messages = messages, .weights = weights};
    struct chat_rendering r;
    int32_t end = -1;
    if (rendering_open(&r, chat, tokenizer, &two, false, NULL) == 0 &&
        rendering_find_turns(&r, NULL) == 0)
        end = rendering_turn_end(&r);
    rendering_close(&r);
    cJSON_Delete(messages);
    return end;
}

/* --- marks that a vocabulary may not have --- */

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

/* The length of a mark that begins at text[0]: "<|im_start|>", "<|turn>", "<turn|>", "[|user|]",
 * "<start_of_turn>"; 0: there is none. DeepSeek's bars are wide. */
static size_t mark_length(const char *text)
{
    static const char wide[] = "\xEF\xBD\x9C";
    char close = *text == '<' ? '>' : ']';
    size_t inside = strcspn(text + 1, "<>[] \t\n");
    const char *end = text + 1 + inside;
    if ((*text != '<' && *text != '[') || *end != close || inside < 3 || inside > 60)
        return 0;
    bool opened = text[1] == '|' || strncmp(text + 1, wide, 3) == 0;
    bool closed = end[-1] == '|' || (inside > 3 && (end[-3] == '|' || !strncmp(end - 3, wide, 3)));
    bool named = strncmp(text, "<start_of_", 10) == 0 || strncmp(text, "<end_of_", 8) == 0;
    return named || (*text == '<' ? opened || closed : opened && closed) ? inside + 2 : 0;
}

/* Adds the marks in what the template writes of a conversation that are neither tokens nor
 * there. */
static int add_written(cJSON *array, struct chat_template *chat, const struct tokenizer *tokenizer,
                       const struct conversation *conversation, bool prompt, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    const cJSON *item;
    int status = 0;
    if (template_render(chat, tokenizer, conversation, prompt, &text, NULL) != 0)
        buffer_clear(&text); /* whoever has such a conversation will hear why */
    for (const char *at = buffer_string(&text); status == 0 && (at = strpbrk(at, "<[")); at++) {
        size_t length = mark_length(at);
        if (length == 0)
            continue;
        char *mark = strndup(at, length);
        bool listed = mark && tokenizer_token_id(tokenizer, mark) >= 0;
        cJSON_ArrayForEach(item, array)
        {
            listed |= mark && strcmp(item->valuestring, mark) == 0;
        }
        if (!mark || (!listed && !cJSON_AddItemToArray(array, cJSON_CreateString(mark))))
            status = error_set(err, "not enough memory");
        free(mark);
    }
    buffer_free(&text);
    return status;
}

/* With and without the beginning of an answer, which templates mark differently. */
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

/* Marks such as <|im_start|> that the template writes and the tokenizer would cut into pieces. */
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

/* "a, b and c". */
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
