#include "text/template_rendering.h"

#include "text/named_templates.h"

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

static int set_members(struct chat_rendering *r, const cJSON *object, struct error *err)
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
static int set_variables(struct chat_rendering *r, struct error *err)
{
    const struct conversation *c = r->conversation;
    if (jinja_new(r->chat->heap, JINJA_DICT, &r->variables, err) != 0 ||
        set_members(r, tokenizer_special_map(r->tokenizer), err) != 0 ||
        set_members(r, c->variables, err) != 0)
        return -1;
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

/* As transformers has it: templates read "reasoning_content" or "thinking", whatever the data calls
 * it. "thinking" comes first, where the message has none of its own. */
static int name_reasoning(struct chat_rendering *r, struct jinja_value *message, struct error *err)
{
    struct jinja_value found = jinja_none(), named;
    for (size_t k = 0; k < REASONING_NAMES && found.type == JINJA_NONE; k++) {
        const struct jinja_entry *entry = entry_of(*message, reasoning_names[k]);
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

static int read_messages(struct chat_rendering *r, struct error *err)
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
