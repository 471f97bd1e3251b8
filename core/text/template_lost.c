#include "text/template_lost.h"

#include <string.h>

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

static bool was_read(struct jinja_value message, const char *key)
{
    const struct jinja_entry *entry = entry_of(message, key);
    bool read = !entry || entry->read || !jinja_truth(entry->value);
    for (size_t k = 0; !read && strcmp(key, reasoning_names[0]) == 0 && k < REASONING_NAMES; k++) {
        entry = entry_of(message, reasoning_names[k]);
        read = entry && entry->read;
    }
    return read;
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

static int check_members(const struct chat_rendering *r, size_t i, struct error *err)
{
    struct jinja_value message = r->messages.is.list->items[i];
    for (size_t k = 0; k < sizeof told / sizeof *told; k++)
        if (!was_read(message, told[k]))
            return error_set(err,
                             "message %zu (%.40s) has \"%s\", which the chat template never looks "
                             "at: " REMEDY,
                             i + 1, role_of(message), told[k]);
    size_t call = unread_element(entry_of(message, "tool_calls"));
    if (call == 0)
        return 0;
    return error_set(err,
                     "message %zu (%.40s): call %zu of its \"tool_calls\" is one that the chat "
                     "template never looks at: " REMEDY,
                     i + 1, role_of(message), call);
}

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

/* Does the content stand, but for white space around it, in what was written while its message was
 * in hand? */
static bool stands_there(const struct chat_rendering *r, size_t i, struct jinja_text content)
{
    const struct jinja_spans *origins = &r->chat->text.origins;
    struct jinja_text text = rendering_trimmed(content);
    for (size_t k = 0; k < origins->count; k++) {
        const struct jinja_span *span = &origins->items[k];
        if (span->origin == (int)i + 1 && memmem(r->chat->text.text.data + span->begin,
                                                 span->end - span->begin, text.bytes, text.length))
            return true;
    }
    return false;
}

/* A content that stands nowhere may be written in another way (parted, inside another turn): it is
 * lost where the text is the same with another content in its place. */
static int check_content(struct chat_rendering *r, size_t i, bool prompt, struct error *err)
{
    struct jinja_value message = r->messages.is.list->items[i];
    struct jinja_entry *content = entry_of(message, "content");
    if (!content || content->value.type != JINJA_STRING || content->value.is.text.length == 0 ||
        stands_there(r, i, content->value.is.text))
        return 0;
    const struct jinja_value own = content->value;
    struct buffer other = BUFFER_INIT;
    buffer_append(&other, own.is.text.bytes, own.is.text.length);
    buffer_text(&other, "x");
    if (jinja_take_text(r->chat->heap, &other, &content->value, err) != 0)
        return -1;
    bool same =
        rendering_write(r, r->count, prompt, &r->chat->prefix, NULL) == 0 &&
        r->chat->prefix.text.length == r->chat->text.text.length &&
        strcmp(buffer_string(&r->chat->prefix.text), buffer_string(&r->chat->text.text)) == 0;
    content->value = own;
    if (r->over.kind != ERROR_NONE)
        return error_set_kind(err, r->over.kind, "message %zu: %s", i + 1, r->over.text);
    if (!same)
        return 0;
    return error_set(err,
                     "message %zu (%.40s) has a \"content\" that the chat template does not "
                     "write: " REMEDY "%s",
                     i + 1, role_of(message),
                     memmem(r->chat->source, strlen(r->chat->source), "'text'", 6)
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
    for (size_t i = 0; i < r->count; i++) /* looks at members again */
        if (check_content(r, i, prompt, err) != 0)
            return -1;
    return 0;
}
