#include "text/template.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "text/named_templates.h"
#include "text/template_parts.h"

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

int template_check(const char *name, struct error *err)
{
    struct stat info;
    if (named_template(name) || (template_is_file(name) && stat(name, &info) == 0))
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
    if (template_check(name, err) != 0)
        return -1;
    chat->chosen = true;
    chat->plain = named_template_is_plain(name);
    if (named_template(name))
        return (chat->source = string_copy(named_template(name), err)) ? 0 : -1;
    int status = file_read_all(&text, name, SOURCE_MAX, err);
    if (status == 0 && memchr(buffer_string(&text), '\0', text.length))
        status = error_set(err, "%s: a NUL byte in it: this is no template", name);
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
            return error_set(err, "\"%.40s\" is no date; expected one as in 2026-11-29", date);
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
    int status = name ? read_chosen(chat, name, err) : read_own(chat, tokenizer, err);
    if (status == 0)
        status = parse(chat, &chat->parsed, chat->source, name, err);
    if (status == 0)
        status = parse(chat, &chat->tool_use, chat->tool_source, name, err);
    if (status == 0)
        status = set_date(chat, date, err);
    if (status == 0 && !(chat->heap = jinja_heap_new(HEAP_MAX, err)))
        status = -1;
    if (status != 0) {
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

static void hash_text_or_none(struct hash *hash, const char *text)
{
    hash_update(hash, text ? "1" : "0", 1);
    if (text)
        hash_update(hash, text, strlen(text) + 1);
}

void template_hash(const struct chat_template *chat, struct hash *hash)
{
    hash_text_or_none(hash, chat->source);
    hash_text_or_none(hash, chat->tool_source);
    hash_text_or_none(hash, template_date(chat));
    hash_update(hash, chat->chosen ? "1" : "0", 1);
}

/* --- what a template sees --- */

static int set_name(struct rendering *r, const char *name, struct jinja_value value,
                    struct error *err)
{
    return jinja_set(r->chat->heap, r->variables.is.map, jinja_string(name), value, err);
}

static int set_json(struct rendering *r, const char *name, const cJSON *json, struct error *err)
{
    struct jinja_value value = jinja_none();
    if (json && jinja_from_json(r->chat->heap, json, &value, err) != 0)
        return -1;
    return set_name(r, name, value, err);
}

static int set_members(struct rendering *r, const cJSON *object, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (set_json(r, item->string, item, err) != 0)
            return -1;
    }
    return 0;
}

/* The last of a name is what counts. */
static int set_variables(struct rendering *r, struct error *err)
{
    const struct conversation *c = r->conversation;
    if (jinja_new(r->chat->heap, JINJA_DICT, &r->variables, err) != 0 ||
        set_members(r, tokenizer_special_map(r->tokenizer), err) != 0 ||
        set_members(r, c->variables, err) != 0)
        return -1;
    if (set_json(r, "tools", c->tools, err) != 0 ||
        set_json(r, "documents", c->documents, err) != 0)
        return -1;
    return 0;
}

static struct jinja_entry *entry_of(struct jinja_value map, const char *key)
{
    return map.type == JINJA_DICT ? jinja_find_text(map.is.map, key) : NULL;
}

/* The names that a turn's thinking goes by; the first that is there is what a template gets. */
static const char *const reasonings[] = {"reasoning_content", "thinking", "reasoning"};
enum { REASONINGS = sizeof reasonings / sizeof *reasonings };

/* As transformers has it: templates read "reasoning_content" or "thinking", whatever the data calls
 * it. "thinking" comes first, where the message has none of its own. */
static int name_reasoning(struct rendering *r, struct jinja_value *message, struct error *err)
{
    struct jinja_value found = jinja_none(), named;
    for (size_t k = 0; k < REASONINGS && found.type == JINJA_NONE; k++) {
        const struct jinja_entry *entry = entry_of(*message, reasonings[k]);
        found = entry ? entry->value : found;
    }
    if (found.type == JINJA_NONE)
        return 0;
    struct jinja_heap *heap = r->chat->heap;
    if (jinja_new(heap, JINJA_DICT, &named, err) != 0 ||
        jinja_set(heap, named.is.map, jinja_string("thinking"), found, err) != 0)
        return -1;
    for (size_t i = 0; i < message->is.map->count; i++) {
        const struct jinja_entry *entry = &message->is.map->entries[i];
        if (jinja_set(heap, named.is.map, entry->key, entry->value, err) != 0)
            return -1;
    }
    *message = named;
    return jinja_set(heap, named.is.map, jinja_string("reasoning_content"), found, err);
}

static int read_messages(struct rendering *r, struct error *err)
{
    if (jinja_from_json(r->chat->heap, r->conversation->messages, &r->messages, err) != 0)
        return -1;
    if (r->messages.type != JINJA_LIST || r->messages.is.list->count == 0)
        return error_set(err, "a conversation without messages");
    r->count = r->messages.is.list->count;
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_value *message = &r->messages.is.list->items[i];
        if (message->type != JINJA_DICT)
            return error_set(err, "message %zu is not an object", i + 1);
        if (name_reasoning(r, message, err) != 0)
            return -1;
        message->is.map->origin = (int)i + 1;
    }
    return 0;
}

int rendering_write(struct rendering *r, size_t count, bool prompt, struct jinja_output *out,
                    struct error *err)
{
    const struct jinja_options options = {.heap = r->chat->heap, .now = r->chat->now};
    struct jinja_list first = *r->messages.is.list;
    struct jinja_value messages = {.type = JINJA_LIST, .is.list = &first};
    first.count = first.capacity = count;
    jinja_output_clear(out);
    if (set_name(r, "messages", messages, err) != 0 ||
        set_name(r, "add_generation_prompt", jinja_bool(prompt), err) != 0)
        return -1;
    if (jinja_render(r->parsed, &options, r->variables, out, err) != 0)
        return error_prefix(err, "the chat template");
    return 0;
}

/* --- contents in parts --- */

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

static int join_parts(struct rendering *r, struct jinja_value *content, struct error *err)
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
static int join_contents(struct rendering *r, bool all, bool *joined, struct error *err)
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

/* --- what would be lost --- */

/* Of a message; what else stands there is not for the model. Thinking goes by this name, too. */
static const char *const told[] = {"content", "tool_calls", "function_call", "reasoning_content",
                                   "tool_plan"};

static bool was_read(struct jinja_value message, const char *key)
{
    const struct jinja_entry *entry = entry_of(message, key);
    bool read = !entry || entry->read || !jinja_truth(entry->value);
    for (size_t k = 0; !read && strcmp(key, reasonings[0]) == 0 && k < REASONINGS; k++) {
        entry = entry_of(message, reasonings[k]);
        read = entry && entry->read;
    }
    return read;
}

static int check_message(const struct rendering *r, size_t i, struct error *err)
{
    struct jinja_value message = r->messages.is.list->items[i];
    const struct jinja_entry *role = entry_of(message, "role");
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        if (was_read(message, told[k]))
            continue;
        return error_set(err,
                         "message %zu (%.40s) has \"%s\", which the chat template never looks at: "
                         "it would be lost; use a template that writes it (--template FILE.jinja), "
                         "or take it out of the data",
                         i + 1,
                         role && role->value.type == JINJA_STRING ? role->value.is.text.bytes : "",
                         told[k]);
    }
    return 0;
}

static bool has_origin(const struct jinja_spans *spans, int origin)
{
    for (size_t i = 0; i < spans->count; i++)
        if (spans->items[i].origin == origin)
            return true;
    return false;
}

/* A message of which nothing was written while it was at hand may stand elsewhere (a system message
 * inside a user's turn): it is lost where the text is the same without it. */
static int check_written(struct rendering *r, size_t i, bool prompt, struct error *err)
{
    const struct jinja_list all = *r->messages.is.list;
    struct jinja_value *others = array_alloc(all.count, sizeof *others, err);
    if (!others)
        return -1;
    memcpy(others, all.items, i * sizeof *others);
    memcpy(others + i, all.items + i + 1, (all.count - i - 1) * sizeof *others);
    r->messages.is.list->items = others;
    bool same =
        rendering_write(r, all.count - 1, prompt, &r->chat->prefix, NULL) == 0 &&
        r->chat->prefix.text.length == r->chat->text.text.length &&
        strcmp(buffer_string(&r->chat->prefix.text), buffer_string(&r->chat->text.text)) == 0;
    r->messages.is.list->items = all.items;
    free(others);
    const struct jinja_entry *role = entry_of(all.items[i], "role");
    if (!same)
        return 0;
    return error_set(err,
                     "message %zu (%.40s) is not written by the chat template: it would be lost; "
                     "use a template that writes it (--template FILE.jinja), or take it out of the "
                     "data",
                     i + 1,
                     role && role->value.type == JINJA_STRING ? role->value.is.text.bytes : "");
}

static int check_lost(struct rendering *r, bool prompt, struct error *err)
{
    static const char *const names[] = {"tools", "documents"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const struct jinja_entry *entry = entry_of(r->variables, names[k]);
        if (entry && !entry->read && jinja_truth(entry->value))
            return error_set(err,
                             "\"%s\" that the chat template never looks at: they would be lost; "
                             "use a template that writes them (--template FILE.jinja), or take "
                             "them out of the data",
                             names[k]);
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct jinja_entry *content = entry_of(r->messages.is.list->items[i], "content");
        if (check_message(r, i, err) != 0)
            return -1;
        if (content && jinja_truth(content->value) &&
            !has_origin(&r->chat->text.origins, (int)i + 1) && r->count > 1 &&
            check_written(r, i, prompt, err) != 0)
            return -1;
    }
    return 0;
}

/* --- the whole --- */

/* Gives every message without a content "" for one; the first such, from 1, or 0. */
static size_t fill_contents(struct rendering *r)
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
static int refuse(struct rendering *r, bool prompt, const struct error *why, struct error *err)
{
    size_t empty = fill_contents(r);
    if (empty == 0 || rendering_write(r, r->count, prompt, &r->chat->text, NULL) != 0)
        return error_set_kind(err, why->kind, "%s", why->text);
    if (check_lost(r, prompt, err) != 0)
        return -1;
    return error_set(err,
                     "message %zu has no content (null), and the chat template wants a text there: "
                     "write \"\" in its place, or use a template that takes it (--template "
                     "FILE.jinja)",
                     empty);
}

/* The conversation, with nothing of it lost. */
static int write_whole(struct rendering *r, bool prompt, struct error *err)
{
    struct error first = ERROR_INIT;
    bool joined;
    int status = rendering_write(r, r->count, prompt, &r->chat->text, &first);
    if (join_contents(r, status != 0, &joined, err) != 0)
        return -1;
    if (joined)
        status = rendering_write(r, r->count, prompt, &r->chat->text, &first);
    return status == 0 ? check_lost(r, prompt, err) : refuse(r, prompt, &first, err);
}

/* --- one conversation --- */

static int begin(struct rendering *r, struct chat_template *chat, const struct tokenizer *tokenizer,
                 const struct conversation *conversation, struct error *err)
{
    const cJSON *tools = conversation->tools;
    *r = (struct rendering){.chat = chat,
                            .parsed = tools && chat->tool_use ? chat->tool_use : chat->parsed,
                            .tokenizer = tokenizer,
                            .conversation = conversation};
    if (chat->broken.kind != ERROR_NONE)
        return error_set(err, "%s; --template takes another", chat->broken.text);
    if (!chat->parsed)
        return error_set(err, "the model has no chat template; choose one with --template "
                              "(" TEMPLATE_VALUES ")");
    return read_messages(r, err) != 0 || set_variables(r, err) != 0 ? -1 : 0;
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
    struct rendering r;
    size_t mark = jinja_heap_mark(chat->heap);
    int status = begin(&r, chat, tokenizer, conversation, err);
    if (status == 0)
        status = write_whole(&r, prompt, err);
    if (status == 0 && is_trained(conversation, r.count))
        status = rendering_find_turns(&r, err);
    if (status == 0)
        status = tokenizer_encode_spans(tokenizer, buffer_string(&chat->text.text),
                                        chat->text.text.length, ENCODE_PARSE_SPECIAL, r.spans,
                                        r.span_count, out, err);
    free(r.spans);
    jinja_heap_release(chat->heap, mark);
    return status;
}

int template_render(struct chat_template *chat, const struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct buffer *out,
                    struct error *err)
{
    struct rendering r;
    size_t mark = jinja_heap_mark(chat->heap);
    int status = begin(&r, chat, tokenizer, conversation, err);
    if (status == 0)
        status = write_whole(&r, prompt, err);
    if (status == 0) {
        buffer_append(out, buffer_string(&chat->text.text), chat->text.text.length);
        status = buffer_check(out, err);
    }
    jinja_heap_release(chat->heap, mark);
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
    struct rendering r = {0};
    size_t mark = jinja_heap_mark(chat->heap);
    int32_t end = -1;
    if (begin(&r, chat, tokenizer, &two, NULL) == 0 && write_whole(&r, false, NULL) == 0 &&
        rendering_find_turns(&r, NULL) == 0)
        end = rendering_turn_end(&r);
    free(r.spans);
    jinja_heap_release(chat->heap, mark);
    cJSON_Delete(messages);
    return end;
}

/* The length of a mark that begins at text[0], which is '<': "<|im_start|>", DeepSeek's with wide
 * bars, "<start_of_turn>"; 0: it is none. */
static size_t mark_length(const char *text)
{
    static const char *const bars[] = {"|", "\xEF\xBD\x9C"};
    size_t inside = strcspn(text + 1, "<> \t\n"), length = inside + 2;
    if (text[1 + inside] != '>' || inside > 60)
        return 0;
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        size_t bar = strlen(bars[i]);
        if (inside > 2 * bar && strncmp(text + 1, bars[i], bar) == 0 &&
            strncmp(text + 1 + inside - bar, bars[i], bar) == 0)
            return length;
    }
    return strncmp(text, "<start_of_", 10) == 0 || strncmp(text, "<end_of_", 8) == 0 ? length : 0;
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

cJSON *template_missing_marks(struct chat_template *chat, const struct tokenizer *tokenizer,
                              struct error *err)
{
    struct conversation two = {0};
    struct buffer text = BUFFER_INIT;
    cJSON *messages = json_parse(probe, sizeof probe - 1, JSON_STRICT, "probe", err);
    cJSON *missing = cJSON_CreateArray();
    int status = messages && missing ? 0 : -1;
    two.messages = messages;
    if (status == 0 && template_exists(chat) && !chat->plain &&
        template_render(chat, tokenizer, &two, true, &text, NULL) != 0)
        buffer_clear(&text); /* whoever has a conversation will hear why */
    for (const char *at = buffer_string(&text); status == 0 && (at = strchr(at, '<')); at++) {
        size_t length = mark_length(at);
        if (length > 0)
            status = add_missing(missing, at, length, tokenizer, err);
    }
    buffer_free(&text);
    cJSON_Delete(messages);
    if (status != 0) {
        cJSON_Delete(missing);
        return NULL;
    }
    return missing;
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
