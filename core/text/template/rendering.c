/* A conversation being rendered: what the template sees of it, and what it then does not write.
 *
 * A template reads "messages", "tools", "documents", "add_generation_prompt", the names of special
 * tokens, and the variables of the record; jinja's values of them are made once, and each rendering
 * has as many of the first messages as it is asked for. Every message is numbered, so that the
 * rendering can say for which one each stretch was written (jinja_span), and a dictionary's entries
 * know whether the template looked at them: from these two is told what it would drop.
 */
#include "text/template/rendering.h"

#include <stdlib.h>
#include <string.h>

/* --- what a template sees --- */

static int set_name(struct chat_rendering *r, const char *name, struct jinja_value value,
                    struct error *err)
{
    return jinja_set(r->chat->heap, r->variables.is.map, jinja_string(name), value, err);
}

static int set_json(struct chat_rendering *r, const char *name, const cJSON *json,
                    struct error *err)
{
    struct jinja_value value = jinja_none();
    if (json && jinja_from_json(r->chat->heap, json, &value, err) != 0)
        return -1;
    return set_name(r, name, value, err);
}

/* The last of a name is what counts. */
static int set_variables(struct chat_rendering *r, struct error *err)
{
    const struct conversation *c = r->conversation;
    const cJSON *objects[] = {tokenizer_special_map(r->tokenizer), c->variables}, *item;
    if (jinja_new(r->chat->heap, JINJA_DICT, &r->variables, err) != 0)
        return -1;
    for (size_t i = 0; i < 2; i++)
        cJSON_ArrayForEach(item, objects[i])
        {
            if (set_json(r, item->string, item, err) != 0)
                return -1;
        }
    if (set_json(r, "tools", c->tools, err) != 0 ||
        set_json(r, "documents", c->documents, err) != 0 ||
        set_name(r, "add_generation_prompt", jinja_none(), err) != 0)
        return -1;
    return set_name(r, "messages", jinja_none(), err); /* rendering_write() fills the two */
}

struct jinja_entry *entry_of(struct jinja_value map, const char *key)
{
    return map.type == JINJA_DICT ? jinja_find_text(map.is.map, key) : NULL;
}

bool rendering_is_space(char c)
{
    return c != '\0' && strchr(" \t\r\n\v\f", c);
}

struct jinja_text rendering_trimmed(struct jinja_text text)
{
    while (text.length > 0 && rendering_is_space(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && rendering_is_space(text.bytes[text.length - 1]))
        text.length--;
    return text;
}

const char *const reasoning_names[REASONING_NAMES] = {"reasoning_content", "thinking", "reasoning"};

/* Messages, numbered. As transformers has it, templates read a turn's thinking as
 * "reasoning_content" or "thinking", whatever the data calls it: such a message becomes another,
 * with "thinking" first where it has none of its own. */
static int read_messages(struct chat_rendering *r, struct error *err)
{
    struct jinja_heap *heap = r->chat->heap;
    if (jinja_from_json(heap, r->conversation->messages, &r->messages, err) != 0)
        return -1;
    if (r->messages.type != JINJA_LIST || r->messages.is.list->count == 0)
        return error_set(err, "a conversation without messages");
    r->count = r->messages.is.list->count;
    for (size_t i = 0; i < r->count; i++) {
        struct jinja_value *message = &r->messages.is.list->items[i];
        struct jinja_value thinking = jinja_none(), named;
        if (message->type != JINJA_DICT)
            return error_set(err, "message %zu is not an object", i + 1);
        for (size_t k = 0; k < REASONING_NAMES && thinking.type == JINJA_NONE; k++) {
            const struct jinja_entry *entry = entry_of(*message, reasoning_names[k]);
            thinking = entry ? entry->value : thinking;
        }
        if (thinking.type != JINJA_NONE) {
            if (jinja_new(heap, JINJA_DICT, &named, err) != 0 ||
                jinja_set(heap, named.is.map, jinja_string("thinking"), thinking, err) != 0)
                return -1;
            for (size_t k = 0; k < message->is.map->count; k++) {
                const struct jinja_entry *entry = &message->is.map->entries[k];
                if (jinja_set(heap, named.is.map, entry->key, entry->value, err) != 0)
                    return -1;
            }
            *message = named;
            if (jinja_set(heap, named.is.map, jinja_string("reasoning_content"), thinking, err) !=
                0)
                return -1;
        }
        message->is.map->origin = (int)i + 1;
    }
    return 0;
}

/* The first `count` messages: by rendering with one more and comparing, a message's part is found.
 * The heap is given back after each, as one conversation is rendered many times. */
int rendering_write(struct chat_rendering *r, size_t count, bool prompt, struct jinja_output *out,
                    struct error *err)
{
    const struct jinja_options options = {.heap = r->chat->heap, .now = r->chat->now};
    const struct jinja_value messages = {.type = JINJA_LIST, .is.list = &r->first};
    struct error why = ERROR_INIT;
    r->first = *r->messages.is.list;
    r->first.count = r->first.capacity = count;
    entry_of(r->variables, "messages")->value = messages;
    entry_of(r->variables, "add_generation_prompt")->value = jinja_bool(prompt);
    size_t mark = jinja_heap_mark(r->chat->heap);
    int status = jinja_render(r->parsed, &options, r->variables, out, &why);
    jinja_heap_release(r->chat->heap, mark);
    if (status == 0)
        return 0;
    if (why.kind == ERROR_BOUND)
        r->over = why;
    return error_set_kind(err, why.kind, "the chat template: %s", why.text);
}

/* The template for tools, where the model has one and the conversation has tools. */
int rendering_begin(struct chat_rendering *r, struct chat_template *chat,
                    const struct tokenizer *tokenizer, const struct conversation *conversation,
                    struct error *err)
{
    const cJSON *tools = conversation->tools;
    *r = (struct chat_rendering){.chat = chat,
                                 .parsed = tools && chat->tool_use ? chat->tool_use : chat->parsed,
                                 .tokenizer = tokenizer,
                                 .conversation = conversation,
                                 .mark = jinja_heap_mark(chat->heap)};
    if (chat->broken.kind != ERROR_NONE)
        return error_set(err, "%s; --template takes another", chat->broken.text);
    if (!chat->parsed)
        return error_set(err, "the model has no chat template; choose one with --template "
                              "(" TEMPLATE_VALUES ")");
    if (read_messages(r, err) != 0)
        return -1;
    return set_variables(r, err);
}

void rendering_close(struct chat_rendering *r)
{
    buffer_free(&r->prompt);
    free(r->spans);
    jinja_heap_release(r->chat->heap, r->mark);
}

/* --- what a template does not write --- */

/* Of a message; what else stands there is not for the model. Thinking goes by this name, too. */
static const char *const told[] = {"content", "tool_calls", "function_call", "reasoning_content",
                                   "tool_plan"};

#define REMEDY                                                                                     \
    "it would be lost; use a template that writes it (--template FILE.jinja), or take it "         \
    "out of the data"

static const char *role_of(struct jinja_value message)
{
    const struct jinja_entry *role = entry_of(message, "role");
    return role && role->value.type == JINJA_STRING ? role->value.is.text.bytes : "";
}

/* The first object of a list of which the template looked at nothing, from 1; 0: there is none. */
static size_t unread_element(const struct jinja_entry *list)
{
    if (!list || list->value.type != JINJA_LIST)
        return 0;
    for (size_t i = 0; i < list->value.is.list->count; i++) {
        struct jinja_value element = list->value.is.list->items[i];
        bool read = element.type != JINJA_DICT || element.is.map->count == 0;
        for (size_t k = 0; !read && k < element.is.map->count; k++)
            read = element.is.map->entries[k].read;
        if (!read)
            return i + 1;
    }
    return 0;
}

/* Of a message: members that the model is to see, and calls of which nothing was looked at. */
static int check_members(const struct chat_rendering *r, size_t i, struct error *err)
{
    struct jinja_value message = r->messages.is.list->items[i];
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        const struct jinja_entry *entry = entry_of(message, told[k]);
        bool thinking = strcmp(told[k], reasoning_names[0]) == 0; /* which has several names */
        bool read = !entry || entry->read || !jinja_truth(entry->value);
        for (size_t n = 0; !read && thinking && n < REASONING_NAMES; n++) {
            entry = entry_of(message, reasoning_names[n]);
            read = entry && entry->read;
        }
        if (!read)
            return error_set(err,
                             "message %zu (%.40s) has \"%s\", which the chat template never looks "
                             "at: " REMEDY,
                             i + 1, role_of(message), told[k]);
    }
    size_t call = unread_element(entry_of(message, "tool_calls"));
    if (call == 0)
        return 0;
    return error_set(err,
                     "message %zu (%.40s): call %zu of its \"tool_calls\" is one that the chat "
                     "template never looks at: " REMEDY,
                     i + 1, role_of(message), call);
}

/* Tools and documents: looked at as a whole, then each of them. */
static int check_variables(const struct chat_rendering *r, struct error *err)
{
    static const char *const names[] = {"tools", "documents"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const struct jinja_entry *entry = entry_of(r->variables, names[k]);
        if (!entry || !jinja_truth(entry->value))
            continue;
        if (!entry->read)
            return error_set(err,
                             "\"%s\" that the chat template never looks at: they would be lost; "
                             "use a template that writes them (--template FILE.jinja), or leave "
                             "them out (--columns %s=)",
                             names[k], names[k]);
        size_t element = unread_element(entry);
        if (element > 0)
            return error_set(err,
                             "element %zu of \"%s\" is one that the chat template never looks "
                             "at: " REMEDY,
                             element, names[k]);
    }
    return 0;
}

/* A content is written where it stands, but for white space around it, in what was written while
 * its message was in hand. One that stands nowhere may be written in another way (parted, inside
 * another turn): it is lost where the text is the same with another content in its place. */
static int check_content(struct chat_rendering *r, size_t i, bool prompt, struct error *err)
{
    struct chat_template *chat = r->chat;
    const struct jinja_spans *origins = &chat->text.origins;
    struct jinja_value message = r->messages.is.list->items[i];
    struct jinja_entry *content = entry_of(message, "content");
    if (!content || content->value.type != JINJA_STRING || content->value.is.text.length == 0)
        return 0;
    const struct jinja_value own = content->value;
    struct jinja_text text = rendering_trimmed(own.is.text);
    for (size_t k = 0; k < origins->count; k++) {
        const struct jinja_span *span = &origins->items[k];
        if (span->origin == (int)i + 1 && memmem(chat->text.text.data + span->begin,
                                                 span->end - span->begin, text.bytes, text.length))
            return 0;
    }
    struct buffer other = BUFFER_INIT;
    buffer_append(&other, own.is.text.bytes, own.is.text.length);
    buffer_text(&other, "x");
    if (jinja_take_text(chat->heap, &other, &content->value, err) != 0)
        return -1;
    bool same = rendering_write(r, r->count, prompt, &chat->prefix, NULL) == 0 &&
                chat->prefix.text.length == chat->text.text.length &&
                strcmp(buffer_string(&chat->prefix.text), buffer_string(&chat->text.text)) == 0;
    content->value = own;
    if (r->over.kind != ERROR_NONE)
        return error_set_kind(err, r->over.kind, "message %zu: %s", i + 1, r->over.text);
    if (!same)
        return 0;
    return error_set(err,
                     "message %zu (%.40s) has a \"content\" that the chat template does not "
                     "write: " REMEDY "%s",
                     i + 1, role_of(message),
                     memmem(chat->source, strlen(chat->source), "'text'", 6)
                         ? "; or write contents as parts, [{\"type\": \"text\", \"text\": ...}]"
                         : "");
}

int rendering_check_lost(struct chat_rendering *r, bool prompt, struct error *err)
{
    if (check_variables(r, err) != 0)
        return -1;
    for (size_t i = 0; i < r->count; i++)
        if (check_members(r, i, err) != 0)
            return -1;
    for (size_t i = 0; i < r->count; i++) /* renders, and so looks at members itself */
        if (check_content(r, i, prompt, err) != 0)
            return -1;
    return 0;
}
