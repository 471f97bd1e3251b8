#include "text/template.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/template_source.h"

#include <stdlib.h>
#include <string.h>

/* Llama 3.1's and 3.2's own fixed date: a date of today would make training data change by day. */
#define LLAMA3_PREAMBLE "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"

/* What --template calls a kind, and what it writes around a message. */
struct layout {
    const char *name, *before_role, *behind_role, *end, *behind_end;
};

static const struct layout layouts[] = {
    [TEMPLATE_CHATML] = {"chatml", "<|im_start|>", "\n", "<|im_end|>", "\n"},
    [TEMPLATE_LLAMA3] = {"llama3", "<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>",
                         ""},
    [TEMPLATE_UNKNOWN] = {0},
};

int template_check(const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].name && strcmp(name, layouts[i].name) == 0)
            return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "\"%s\" is not a chat template; --template takes chatml or llama3", name);
}

int template_find(struct chat_template *out, const struct tokenizer *tokenizer, const char *name,
                  struct error *err)
{
    if (name && template_check(name, err) != 0)
        return -1;
    if (template_recognise(out, tokenizer_chat_template(tokenizer), err) != 0)
        return -1;
    if (!name || (layouts[out->kind].name && strcmp(name, layouts[out->kind].name) == 0))
        return 0;
    template_free(out);
    if (strcmp(name, layouts[TEMPLATE_CHATML].name) == 0)
        *out = (struct chat_template){.kind = TEMPLATE_CHATML};
    else
        *out =
            (struct chat_template){.kind = TEMPLATE_LLAMA3, .trims = true, .begins_with_bos = true};
    return 0;
}

void template_free(struct chat_template *chat)
{
    free(chat->default_system);
    *chat = (struct chat_template){0};
}

/* The white space of Python's str.strip(), which Jinja's trim is. */
static bool is_python_space(int32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static struct text_span trimmed(const char *text, bool trims)
{
    struct text_span all = {0, strlen(text)}, kept = {0, 0};
    bool begun = false;
    if (!trims)
        return all;
    for (size_t at = 0; at < all.end;) {
        int32_t c;
        size_t used = utf8_decode(text + at, all.end - at, &c);
        if (!is_python_space(c)) {
            kept.begin = begun ? kept.begin : at;
            kept.end = at + used;
            begun = true;
        }
        at += used;
    }
    return kept;
}

struct rendering {
    const struct chat_template *chat;
    struct buffer text;
    struct text_span *spans;
    size_t span_count, span_capacity;
};

static void put_header(struct rendering *r, const char *role)
{
    const struct layout *layout = &layouts[r->chat->kind];
    buffer_text(&r->text, layout->before_role);
    buffer_text(&r->text, role);
    buffer_text(&r->text, layout->behind_role);
}

/* `preamble` stands in front of the content, inside the message. */
static int put_message(struct rendering *r, const struct chat_message *message,
                       const char *preamble, struct error *err)
{
    const struct layout *layout = &layouts[r->chat->kind];
    struct text_span content = trimmed(message->content, r->chat->trims);
    put_header(r, message->role);
    buffer_text(&r->text, preamble);
    struct text_span span = {r->text.length, 0};
    buffer_append(&r->text, message->content + content.begin, content.end - content.begin);
    buffer_text(&r->text, layout->end);
    span.end = r->text.length;
    buffer_text(&r->text, layout->behind_end);
    if (!message->trained || strcmp(message->role, "assistant") != 0)
        return 0;
    if (array_reserve((void **)&r->spans, &r->span_capacity, r->span_count + 1, sizeof *r->spans,
                      err) != 0)
        return -1;
    r->spans[r->span_count++] = span;
    return 0;
}

/* Writes the system message where the template has one of its own; *first is the message after. */
static int put_system(struct rendering *r, const struct chat_message *messages, size_t *first,
                      struct error *err)
{
    const struct chat_template *chat = r->chat;
    bool given = strcmp(messages[0].role, "system") == 0;
    struct chat_message system = {"system", chat->default_system, false};
    *first = 0;
    if (chat->always_system) {
        system.content = given ? messages[0].content : "";
        *first = given;
        return put_message(r, &system, LLAMA3_PREAMBLE, err);
    }
    return !given && chat->default_system ? put_message(r, &system, "", err) : 0;
}

static int check_messages(const struct chat_template *chat, const struct chat_message *messages,
                          size_t count, struct error *err)
{
    if (chat->kind == TEMPLATE_NONE || chat->kind == TEMPLATE_UNKNOWN)
        return error_set(err, "%s; choose one with --template chatml or --template llama3",
                         chat->kind == TEMPLATE_NONE
                             ? "the model has no chat template"
                             : "the model's chat template is not one that is known here");
    if (count == 0)
        return error_set(err, "a conversation without messages");
    for (size_t i = 0; i < count; i++)
        if (strcmp(messages[i].role, "system") != 0 && strcmp(messages[i].role, "user") != 0 &&
            strcmp(messages[i].role, "assistant") != 0)
            return error_set(err,
                             "a message with the role \"%.40s\"; expected system, user or "
                             "assistant",
                             messages[i].role);
    return 0;
}

static int render(struct rendering *r, const struct tokenizer *tokenizer,
                  const struct chat_message *messages, size_t count, bool prompt, struct error *err)
{
    size_t first;
    if (check_messages(r->chat, messages, count, err) != 0)
        return -1;
    if (r->chat->begins_with_bos && tokenizer_bos(tokenizer) >= 0)
        buffer_text(&r->text, tokenizer_token_text(tokenizer, tokenizer_bos(tokenizer)));
    if (put_system(r, messages, &first, err) != 0)
        return -1;
    for (size_t i = first; i < count; i++)
        if (put_message(r, &messages[i], "", err) != 0)
            return -1;
    if (prompt)
        put_header(r, "assistant");
    return buffer_check(&r->text, err);
}

int template_encode(const struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct chat_message *messages, size_t count, bool prompt,
                    struct token_list *out, struct error *err)
{
    struct rendering r = {.chat = chat};
    int status = render(&r, tokenizer, messages, count, prompt, err);
    if (status == 0)
        status = tokenizer_encode_spans(tokenizer, buffer_string(&r.text), r.text.length,
                                        ENCODE_PARSE_SPECIAL, r.spans, r.span_count, out, err);
    buffer_free(&r.text);
    free(r.spans);
    return status;
}
