#include "text/template.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/utf8.h"
#include "text/named_templates.h"
#include "text/template_lost.h"
#include "text/template_rendering.h"
#include "text/template_turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SOURCE_MAX = 1 << 20 };

/* Of what one conversation's rendering may take. */
static const size_t HEAP_MAX = (size_t)256 << 20;

/* --- choosing one --- */

bool template_is_file(const char *name)
{
    return text_ends_with(name, ".jinja") || text_ends_with(name, ".jinja2") ||
           text_ends_with(name, ".j2");
}

/* What is no template, but would be one that writes no message. */
static int check_source(const struct buffer *text, const char *name, struct error *err)
{
    const char *source = buffer_string(text);
    bool wide = text->length >= 2 &&
                (memcmp(source, "\xFF\xFE", 2) == 0 || memcmp(source, "\xFE\xFF", 2) == 0);
    if (wide || memchr(source, '\0', text->length))
        return error_set(err, "%s: %s, and a template is UTF-8%s", name,
                         wide ? "this is UTF-16" : "a NUL byte is in it",
                         wide ? ": iconv -f UTF-16 -t UTF-8 writes it as that" : "");
    if (strncmp(source, "version https://git-lfs", 23) == 0)
        return error_set(err, "%s: a pointer of Git LFS, not the template: git lfs pull fetches it",
                         name);
    return 0;
}

static int is_known(const char *name, struct error *err)
{
    struct stat info;
    if (named_template(name) || (template_is_file(name) && sys.stat(name, &info) == 0))
        return 0;
    return error_set_kind(
        err, ERROR_USAGE,
        template_is_file(name)
            ? "%.200s: no such file; --template takes " TEMPLATE_VALUES
            : "\"%.40s\" is not a chat template; --template takes " TEMPLATE_VALUES,
        name);
}

static int read_chosen(struct chat_template *chat, const char *name, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    if (is_known(name, err) != 0)
        return -1;
    chat->chosen = true;
    chat->plain = named_template_is_plain(name);
    if (named_template(name))
        return (chat->source = string_copy(named_template(name), err)) ? 0 : -1;
    int status = file_read_all(&text, name, SOURCE_MAX, err);
    if (status == 0)
        status = check_source(&text, name, err);
    if (status == 0 && !(chat->source = string_copy(buffer_string(&text), err)))
        status = -1;
    buffer_free(&text);
    return status;
}

static int copy_source(char **out, const char *source, struct error *err)
{
    return source && !(*out = string_copy(source, err)) ? -1 : 0;
}

/* The model's own, and the one that it may have for conversations with tools. */
static int read_own(struct chat_template *chat, const struct tokenizer *tokenizer,
                    struct error *err)
{
    if (copy_source(&chat->source, tokenizer_chat_template(tokenizer), err) != 0)
        return -1;
    return copy_source(&chat->tool_source, tokenizer_named_template(tokenizer, "tool_use"), err);
}

/* A model's own template that cannot be parsed is nothing to whoever has plain text. */
static int parse(struct chat_template *chat, struct jinja_template **out, const char *source,
                 const char *name, struct error *err)
{
    struct error *why = name ? err : &chat->broken;
    if (!source || jinja_parse(out, source, strlen(source), why) == 0)
        return 0;
    error_prefix(why, "%s", name ? name : "the model's chat template");
    return name ? -1 : 0;
}

int template_check(const char *name, struct error *err)
{
    struct chat_template chat = {0};
    int status = read_chosen(&chat, name, err);
    if (status == 0)
        status = parse(&chat, &chat.parsed, chat.source, name, err);
    jinja_template_free(chat.parsed);
    free(chat.source);
    return status;
}

/* Noon of a day is that day wherever clocks are set forward or back. */
static int set_date(struct chat_template *chat, const char *date, struct error *err)
{
    struct tm day = {0};
    char behind;
    chat->now = time(NULL);
    chat->dated = (chat->parsed && jinja_names(chat->parsed, "strftime_now")) ||
                  (chat->tool_use && jinja_names(chat->tool_use, "strftime_now"));
    if (date) {
        if (sscanf(date, "%4d-%2d-%2d%c", &day.tm_year, &day.tm_mon, &day.tm_mday, &behind) != 3)
            return error_set(err, "\"%.40s\" is not a date; expected one as in 2026-11-29", date);
        day.tm_year -= 1900;
        day.tm_mon--;
        day.tm_hour = 12;
        day.tm_isdst = -1;
        chat->now = mktime(&day);
    }
    localtime_r(&chat->now, &day);
    strftime(chat->date, sizeof chat->date, "%Y-%m-%d", &day);
    return 0;
}

int template_open(struct chat_template **out, const struct tokenizer *tokenizer, const char *name,
                  const char *date, struct error *err)
{
    struct chat_template *chat = array_alloc(1, sizeof *chat, err);
    if (!chat)
        return -1;
    if ((name ? read_chosen(chat, name, err) : read_own(chat, tokenizer, err)) != 0 ||
        parse(chat, &chat->parsed, chat->source, name, err) != 0 ||
        parse(chat, &chat->tool_use, chat->tool_source, name, err) != 0 ||
        set_date(chat, date, err) != 0 || !(chat->heap = jinja_heap_new(HEAP_MAX, err))) {
        template_close(chat);
        return -1;
    }
    *out = chat;
    return 0;
}

void template_close(struct chat_template *chat)
{
    if (!chat)
        return;
    jinja_template_free(chat->parsed);
    jinja_template_free(chat->tool_use);
    jinja_output_free(&chat->text);
    jinja_output_free(&chat->prefix);
    jinja_heap_free(chat->heap);
    free(chat->source);
    free(chat->tool_source);
    free(chat);
}

bool template_exists(const struct chat_template *chat)
{
    return chat->source;
}

bool template_is_chosen(const struct chat_template *chat)
{
    return chat->chosen;
}

const char *template_source(const struct chat_template *chat)
{
    return chat->source;
}

const char *template_date(const struct chat_template *chat)
{
    return chat->dated ? chat->date : NULL;
}

void template_hash(const struct chat_template *chat, struct hash *hash)
{
    hash_optional(hash, chat->source);
    hash_optional(hash, chat->tool_source);
    hash_optional(hash, template_date(chat));
    hash_update(hash, chat->chosen ? "1" : "0", 1);
}

/* --- one conversation --- */

/* Parts of text that the template did not go into, but printed as a list. */
static bool was_printed(struct jinja_value content)
{
    if (content.type != JINJA_LIST)
        return false;
    for (size_t i = 0; i < content.is.list->count; i++) {
        const struct jinja_entry *text = entry_of(content.is.list->items[i], "text");
        if (text && !text->read)
            return true;
    }
    return content.is.list->count == 0;
}

static int join_parts(struct chat_rendering *r, struct jinja_value *content, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < content->is.list->count; i++) {
        const struct jinja_entry *part = entry_of(content->is.list->items[i], "text");
        if (!part || part->value.type != JINJA_STRING) {
            buffer_free(&text);
            return error_set(err, "a part of a message without a \"text\"");
        }
        buffer_append(&text, part->value.is.text.bytes, part->value.is.text.length);
    }
    return jinja_take_text(r->chat->heap, &text, content, err);
}

/* Most templates take contents that are texts, some go through a content's parts: those that the
 * template did not go into are given to it as one text. *joined: there were such. */
static int join_contents(struct chat_rendering *r, bool all, bool *joined, struct error *err)
{
    *joined = false;
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_entry *content = entry_of(r->messages.is.list->items[i], "content");
        if (!content || content->value.type != JINJA_LIST || !(all || was_printed(content->value)))
            continue;
        *joined = true;
        if (join_parts(r, &content->value, err) != 0)
            return error_prefix(err, "message %zu", i + 1);
    }
    return 0;
}

/* Gives every message without a content "" for one; the first such, from 1, or 0. */
static size_t fill_contents(struct chat_rendering *r)
{
    size_t first = 0;
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_value message = r->messages.is.list->items[i];
        const struct jinja_entry *content = entry_of(message, "content");
        if (content && content->value.type != JINJA_NONE)
            continue;
        if (jinja_set(r->chat->heap, message.is.map, jinja_string("content"), jinja_string(""),
                      NULL) == 0 &&
            first == 0)
            first = i + 1;
    }
    return first;
}

/* Why the template fails, in better words than its own: a turn of calls alone has null for a
 * content, which templates without tools put together with texts. */
static int refuse(struct chat_rendering *r, bool prompt, const struct error *why, struct error *err)
{
    size_t empty = fill_contents(r);
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

/* The conversation, with nothing of it lost. */
static int write_whole(struct chat_rendering *r, bool prompt, struct error *err)
{
    struct error first = ERROR_INIT;
    bool joined;
    int status = rendering_write(r, r->count, prompt, &r->chat->text, &first);
    if (join_contents(r, status != 0, &joined, err) != 0)
        return -1;
    if (joined)
        status = rendering_write(r, r->count, prompt, &r->chat->text, &first);
    return status == 0 ? rendering_check_lost(r, prompt, err) : refuse(r, prompt, &first, err);
}

/* Renders the conversation into chat->text, with nothing of it lost; close it in any case. */
static int rendering_open(struct chat_rendering *r, struct chat_template *chat,
                          const struct tokenizer *tokenizer,
                          const struct conversation *conversation, bool prompt, struct error *err)
{
    return rendering_begin(r, chat, tokenizer, conversation, err) == 0 ? write_whole(r, prompt, err)
                                                                       : -1;
}

static bool is_trained(const struct conversation *conversation, size_t count)
{
    for (size_t i = 0; conversation->weights && i < count; i++)
        if (conversation->weights[i] > 0)
            return true;
    return false;
}

int template_encode(struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct token_list *out,
                    struct error *err)
{
    struct chat_rendering r;
    int status = rendering_open(&r, chat, tokenizer, conversation, prompt, err);
    if (status == 0 && is_trained(conversation, r.count))
        status = rendering_find_turns(&r, err);
    if (status == 0)
        status = tokenizer_encode_spans(tokenizer, buffer_string(&chat->text.text),
                                        chat->text.text.length, ENCODE_PARSE_SPECIAL, r.spans,
                                        r.span_count, out, err);
    rendering_close(&r);
    return status;
}

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
