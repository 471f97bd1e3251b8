#include "text/template.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/template_forms.h"
#include "text/template_source.h"

#include <stdlib.h>
#include <string.h>

int template_check(const char *name, struct error *err)
{
    if (chat_form_by_name(name) != TEMPLATE_UNKNOWN)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "\"%.40s\" is not a chat template; --template takes " TEMPLATE_NAMES,
                          name);
}

static bool goes_by(enum template_kind kind, const char *name)
{
    const struct chat_form *form = chat_form(kind);
    return form && form->name && strcmp(form->name, name) == 0;
}

int template_find(struct chat_template *out, const struct tokenizer *tokenizer, const char *name,
                  struct error *err)
{
    if (name && template_check(name, err) != 0)
        return -1;
    if (template_recognise(out, tokenizer_chat_template(tokenizer), err) != 0)
        return -1;
    if (!name || goes_by(out->kind, name))
        return 0;
    template_free(out);
    out->kind = chat_form_by_name(name);
    out->begins_with_bos = chat_form(out->kind)->begins_with_bos;
    const char *system = chat_form(out->kind)->default_system;
    return system && !(out->default_system = string_copy(system, err)) ? -1 : 0;
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
    struct text_span all = {.end = strlen(text)}, kept = {0};
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
    const struct chat_form *form;
    const char *eos;    /* the end-of-text token's spelling, or NULL */
    const char *within; /* a system message's content that goes into a user message, or NULL */
    struct buffer text;
    struct text_span *spans;
    size_t span_count, span_capacity;
};

static int add_span(struct rendering *r, struct text_span span, struct error *err)
{
    if (array_reserve((void **)&r->spans, &r->span_capacity, r->span_count + 1, sizeof *r->spans,
                      err) != 0)
        return -1;
    r->spans[r->span_count++] = span;
    return 0;
}

static void put_content(struct rendering *r, enum chat_role role, const char *content)
{
    struct text_span kept = trimmed(content, r->form->turns[role].trims);
    buffer_append(&r->text, content + kept.begin, kept.end - kept.begin);
}

/* `within` is a system message's content that stands in front of the message's own, or NULL. */
static int put_message(struct rendering *r, const struct chat_message *message, const char *within,
                       struct error *err)
{
    enum chat_role role = chat_role_by_name(message->role);
    const struct turn_form *turn = &r->form->turns[role], *system = &r->form->turns[CHAT_SYSTEM];
    buffer_text(&r->text, turn->before);
    if (role == CHAT_SYSTEM && r->form->preamble)
        buffer_text(&r->text, r->form->preamble);
    if (within) {
        put_content(r, CHAT_SYSTEM, within);
        buffer_text(&r->text, system->end);
    }
    struct text_span span = {.begin = r->text.length, .weight = (float)message->weight};
    put_content(r, role, message->content);
    buffer_text(&r->text, turn->end);
    if (turn->eos)
        buffer_text(&r->text, r->eos);
    span.end = r->text.length;
    buffer_text(&r->text, turn->behind);
    return message->weight > 0 && span.end > span.begin ? add_span(r, span, err) : 0;
}

static bool is_system(const struct chat_message *message)
{
    return strcmp(message->role, "system") == 0;
}

/* Does this message take the system message's content? Mistral v0.3 compares with the last user
 * message by value, so an equal one takes it too. */
static bool takes_system(const struct rendering *r, const struct chat_message *messages,
                         size_t count, size_t first, size_t i)
{
    if (!r->within || strcmp(messages[i].role, "user") != 0)
        return false;
    if (r->form->system == SYSTEM_IN_FIRST_USER)
        return i == first;
    size_t last = count - 1;
    while (strcmp(messages[last].role, "user") != 0)
        last--;
    return strcmp(messages[i].content, messages[last].content) == 0;
}

/* Writes the system message, or keeps it for a user message; *first is the message after it. */
static int put_system(struct rendering *r, const struct chat_message *messages, size_t *first,
                      struct error *err)
{
    struct chat_message own = {"system", r->chat->default_system, 0};
    *first = is_system(&messages[0]);
    if (*first &&
        (r->form->system == SYSTEM_IN_FIRST_USER || r->form->system == SYSTEM_IN_LAST_USER)) {
        r->within = messages[0].content;
        return 0;
    }
    if (!*first && !own.content && r->form->preamble)
        own.content = "";
    if (*first)
        return put_message(r, &messages[0], NULL, err);
    return own.content ? put_message(r, &own, NULL, err) : 0;
}

static int check_role(const struct chat_form *form, const struct chat_message *messages, size_t i,
                      struct error *err)
{
    const char *role = messages[i].role;
    if (chat_role_by_name(role) == CHAT_ROLES)
        return error_set(
            err, "a message with the role \"%.40s\"; expected system, user or assistant", role);
    if (is_system(&messages[i])) {
        if (form->system == SYSTEM_NEVER)
            return error_set(err, "a system message, and the model's chat template has none");
        if (form->system != SYSTEM_ANYWHERE && i > 0)
            return error_set(err, "a system message that is not the first: the chat template "
                                  "takes it there only");
        return 0;
    }
    bool user_is_due = (i - is_system(&messages[0])) % 2 == 0;
    if (form->alternates && user_is_due != (strcmp(role, "user") == 0))
        return error_set(err,
                         "message %zu is the %s's where the %s's is due: this chat template takes "
                         "user and assistant in turn, the user first",
                         i + 1, role, user_is_due ? "user" : "assistant");
    return 0;
}

static int check_messages(const struct rendering *r, const struct chat_message *messages,
                          size_t count, struct error *err)
{
    if (!r->form)
        return error_set(err, "%s; choose one with --template (" TEMPLATE_NAMES ")",
                         r->chat->kind == TEMPLATE_NONE
                             ? "the model has no chat template"
                             : "the model's chat template is not one that is known here");
    if (count == 0)
        return error_set(err, "a conversation without messages");
    if (r->form->turns[CHAT_ASSISTANT].eos && !r->eos)
        return error_set(err, "the chat template ends turns with an end-of-text token, and the "
                              "tokenizer names none (eos_token)");
    for (size_t i = 0; i < count; i++)
        if (check_role(r->form, messages, i, err) != 0)
            return -1;
    return 0;
}

static int render(struct rendering *r, const struct tokenizer *tokenizer,
                  const struct chat_message *messages, size_t count, bool prompt, struct error *err)
{
    size_t first;
    if (check_messages(r, messages, count, err) != 0)
        return -1;
    if (r->chat->begins_with_bos && tokenizer_bos(tokenizer) >= 0)
        buffer_text(&r->text, tokenizer_token_text(tokenizer, tokenizer_bos(tokenizer)));
    if (put_system(r, messages, &first, err) != 0)
        return -1;
    for (size_t i = first; i < count; i++) {
        const char *within = takes_system(r, messages, count, first, i) ? r->within : NULL;
        if (put_message(r, &messages[i], within, err) != 0)
            return -1;
    }
    if (prompt)
        buffer_text(&r->text, r->form->prompt);
    return buffer_check(&r->text, err);
}

int template_encode(const struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct chat_message *messages, size_t count, bool prompt,
                    struct token_list *out, struct error *err)
{
    struct rendering r = {.chat = chat,
                          .form = chat_form(chat->kind),
                          .eos = tokenizer_token_text(tokenizer, tokenizer_eos(tokenizer))};
    int status = render(&r, tokenizer, messages, count, prompt, err);
    if (status == 0)
        status = tokenizer_encode_spans(tokenizer, buffer_string(&r.text), r.text.length,
                                        ENCODE_PARSE_SPECIAL, r.spans, r.span_count, out, err);
    buffer_free(&r.text);
    free(r.spans);
    return status;
}
