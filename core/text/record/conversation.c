/* Turns of a record, and what stands beside them, to tokens by the chat template. */
#include "text/record/reader.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* --- beside turns --- */

/* A list of objects. An empty one is none: some templates would introduce it all the same. */
static int check_list(const struct reader *r, enum column which, const cJSON **list,
                      struct error *err)
{
    const cJSON *item;
    const char *name = column_name(r, which);
    if (!cJSON_IsArray(*list))
        return error_set(err, "\"%.80s\" is not a list%s; --columns %s= leaves the column unread",
                         name, which == COLUMN_TOOLS ? ", or the JSON of one" : "",
                         column_key(which));
    cJSON_ArrayForEach(item, *list)
    {
        if (!cJSON_IsObject(item))
            return error_set(
                err,
                "\"%.80s\" has something in it that is %s; --columns %s= leaves the column unread",
                name,
                cJSON_IsString(item)
                    ? "a text, not an object (if it is JSON, jq's fromjson makes it one)"
                    : "not an object",
                column_key(which));
    }
    if (!(*list)->child)
        *list = NULL;
    return 0;
}

/* The list of tools, or its JSON as a text. With `wrap` those that are bare functions, as
 * LLaMA-Factory's files list them, become what templates want: {"type": "function", ...}. */
static int read_tools(struct beside *out, struct reader *r, bool wrap, struct error *err)
{
    const cJSON *tool;
    const char *type;
    out->tools = column_take(r, COLUMN_TOOLS);
    if (!json_says(out->tools) ||
        (cJSON_IsString(out->tools) && column_is_empty_json(out->tools->valuestring))) {
        out->tools = NULL;
        return 0;
    }
    if (cJSON_IsString(out->tools)) {
        const char *text = out->tools->valuestring;
        out->parsed = json_parse(text, strlen(text), JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS,
                                 column_name(r, COLUMN_TOOLS), err);
        if (!(out->tools = out->parsed))
            return error_prefix(err, "tools that are a text must be JSON");
    }
    if (check_list(r, COLUMN_TOOLS, &out->tools, err) != 0)
        return -1;
    if (!out->tools || !wrap)
        return 0;
    out->wrapped = cJSON_CreateArray();
    bool ok = out->wrapped != NULL;
    cJSON_ArrayForEach(tool, out->tools)
    {
        if (json_get_string(tool, "type", &type) && strcmp(type, "function") == 0) {
            ok = ok && cJSON_AddItemReferenceToArray(out->wrapped, (cJSON *)tool);
        } else {
            cJSON *outer = ok ? cJSON_CreateObject() : NULL;
            ok = outer && cJSON_AddItemToArray(out->wrapped, outer) &&
                 cJSON_AddStringToObject(outer, "type", "function") &&
                 cJSON_AddItemReferenceToObject(outer, "function", (cJSON *)tool);
        }
    }
    out->tools = out->wrapped;
    return ok ? 0 : error_no_memory(err);
}

/* TRL gives the record's variables to the template as they are; these would be something else. */
static const char *const reserved[] = {"chat_template",
                                       "tools",
                                       "messages",
                                       "conversation",
                                       "add_generation_prompt",
                                       "tokenize",
                                       "return_dict",
                                       "return_tensors",
                                       "padding",
                                       "continue_final_message",
                                       "truncation",
                                       "max_length",
                                       "tokenizer_kwargs",
                                       "return_assistant_tokens_mask"};

/* Tools, documents and variables: what templates read beside the turns. A variable that the
 * rendering itself sets cannot be set by a record. */
int beside_read(struct beside *out, struct reader *r, bool wrap, struct error *err)
{
    *out = (struct beside){.documents = column_take(r, COLUMN_DOCUMENTS)};
    const cJSON *variables = json_get(r->record, "chat_template_kwargs");
    if (variables)
        column_read(r, "chat_template_kwargs");
    out->variables = json_is_there(variables) ? variables : NULL;
    if (!json_says(out->documents))
        out->documents = NULL;
    if (out->documents && check_list(r, COLUMN_DOCUMENTS, &out->documents, err) != 0)
        goto fail;
    if (out->variables && !cJSON_IsObject(variables)) {
        error_set(err, "\"chat_template_kwargs\" is not an object");
        goto fail;
    }
    for (size_t i = 0; out->variables && i < sizeof reserved / sizeof *reserved; i++)
        if (json_get(variables, reserved[i])) {
            error_set(err,
                      "\"chat_template_kwargs\" sets \"%s\", which is not a variable of a "
                      "template that a record may set",
                      reserved[i]);
            goto fail;
        }
    if (read_tools(out, r, wrap, err) == 0)
        return 0;
fail:
    beside_free(out);
    return -1;
}

void beside_free(struct beside *beside)
{
    cJSON_Delete(beside->wrapped);
    cJSON_Delete(beside->parsed);
    *beside = (struct beside){0};
}

/* --- the system column --- */

int conversation_system(struct turns *turns, struct reader *r, const cJSON *list, struct error *err)
{
    const char *system = "", *role = turns_first_role(list), *rest;
    const cJSON *first = cJSON_IsArray(list) ? list->child : list, *part;
    if (column_text(r, COLUMN_SYSTEM, &system, err) != 0)
        return -1;
    if (!*system)
        return 0;
    if (strcmp(role, "system") != 0 && strcmp(role, "developer") != 0)
        return turns_add(turns, "system", system, 0, err);
    /* The turns have a system message: is its content this text, maybe in parts? */
    const cJSON *content = json_get(first, "content");
    if (!json_is_there(content))
        content = json_get(first, "value");
    bool same = !cJSON_IsString(content) || strcmp(content->valuestring, system) == 0;
    rest = cJSON_IsString(content) ? "" : system;
    cJSON_ArrayForEach(part, content)
    {
        const char *piece = "";
        json_get_string(part, "text", &piece);
        same = same && strncmp(rest, piece, strlen(piece)) == 0;
        rest += same ? strlen(piece) : 0;
    }
    if (same && !*rest)
        return 0;
    return error_set(err,
                     "the column \"%.80s\" and the %s message that the turns begin with say "
                     "different things; --columns system= leaves the column unread",
                     column_name(r, COLUMN_SYSTEM), role);
}

/* --- to tokens --- */

static int encode(struct reader *r, const cJSON *messages, const struct beside *beside,
                  const double *weights, bool prompt, struct token_list *out, struct error *err)
{
    const struct conversation conversation = {messages, beside->tools, beside->documents,
                                              beside->variables, weights};
    r->form->templated = true;
    return template_encode(r->context->chat, r->context->tokenizer, &conversation, prompt, out,
                           err);
}

/* The messages without a member of that name, or with NULL without all of the turns' members. NULL:
 * no memory. */
static cJSON *strip(const struct turns *turns, const char *key)
{
    const cJSON *message, *item;
    cJSON *out = cJSON_CreateArray();
    bool ok = out != NULL;
    cJSON_ArrayForEach(message, turns->messages)
    {
        cJSON *copy = ok ? cJSON_CreateObject() : NULL;
        ok = copy && cJSON_AddItemToArray(out, copy);
        cJSON_ArrayForEach(item, message)
        {
            bool drop = key && strcmp(item->string, key) == 0;
            for (size_t i = 0; i < turns->member_count && !key; i++)
                drop |= turns->members[i].key && strcmp(item->string, turns->members[i].key) == 0;
            ok = ok && (drop || cJSON_AddItemReferenceToObject(copy, item->string, (cJSON *)item));
        }
    }
    if (ok)
        return out;
    cJSON_Delete(out);
    return NULL;
}

/* *same: the template writes `whole` without them, too. */
static int is_same(struct reader *r, const struct turns *turns, const struct beside *beside,
                   const char *key, const struct buffer *whole, bool *same, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    cJSON *messages = strip(turns, key);
    const struct conversation conversation = {messages, beside->tools, beside->documents,
                                              beside->variables, NULL};
    *same = messages &&
            template_render(r->context->chat, r->context->tokenizer, &conversation, false, &text,
                            NULL) == 0 &&
            text.length == whole->length &&
            memcmp(buffer_string(&text), whole->data, text.length) == 0;
    int status = messages ? buffer_check(&text, err) : error_no_memory(err);
    buffer_free(&text);
    cJSON_Delete(messages);
    return status;
}

/* Notes what turns have that makes no difference to what the template writes. */
static int note_members(const struct turns *turns, const struct beside *beside, struct reader *r,
                        struct error *err)
{
    const struct conversation conversation = {turns->messages, beside->tools, beside->documents,
                                              beside->variables, NULL};
    struct buffer whole = BUFFER_INIT;
    bool none = true;
    if (turns->member_count == 0)
        return 0;
    int status =
        template_render(r->context->chat, r->context->tokenizer, &conversation, false, &whole, err);
    if (status == 0)
        status = is_same(r, turns, beside, NULL, &whole, &none, err);
    for (size_t i = 0; i < turns->member_count && status == 0; i++) {
        const struct turn_member *member = &turns->members[i];
        bool unread = none || !member->key;
        if (!unread)
            status = is_same(r, turns, beside, member->key, &whole, &unread, err);
        if (unread && r->form->member_count < FORM_MEMBERS_MAX)
            memcpy(r->form->members[r->form->member_count++], member->name, sizeof member->name);
    }
    buffer_free(&whole);
    return status;
}

/* The product of two weights must still be one that f32 can hold. */
int conversation_encode(const struct turns *turns, const struct beside *beside, struct reader *r,
                        struct token_list *out, struct error *err)
{
    double *weights = array_alloc(turns->count, sizeof *weights, err);
    int status = -1;
    if (!weights)
        return -1;
    for (size_t i = 0; i < turns->count; i++) {
        weights[i] = turns->weights[i] * r->weight;
        if (!turn_is_weight(weights[i])) {
            error_set(err,
                      "turn %zu: its weight times the record's is %g, and must be from 1e-15 to "
                      "1e15",
                      i + 1, weights[i]);
            goto out;
        }
    }
    if (encode(r, turns->messages, beside, weights, false, out, err) == 0)
        status = note_members(turns, beside, r, err);
out:
    free(weights);
    return status;
}

void conversation_weigh_after(struct token_list *list, size_t begin,
                              const struct token_list *prompt, double weight)
{
    size_t same = 0;
    while (same < prompt->count && begin + same < list->count &&
           prompt->ids[same] == list->ids[begin + same])
        same++;
    for (size_t i = begin + same; i < list->count; i++)
        list->weights[i] = (float)weight;
}

/* Trained is what the template writes after the prompt's own tokens: both are encoded, and what
 * they have in common is the prompt. */
int conversation_encode_completion(const struct turns *turns, size_t count,
                                   const struct beside *beside, struct reader *r,
                                   struct token_list *out, struct error *err)
{
    if (turns->weighed)
        return conversation_encode(turns, beside, r, out, err);
    struct token_list prompt = {0};
    size_t begin = out->count, i = 0;
    cJSON *head = cJSON_CreateArray(), *message;
    int status = -1;
    bool made = head != NULL;
    cJSON_ArrayForEach(message, turns->messages)
    {
        made = made && (i++ >= count || cJSON_AddItemReferenceToArray(head, message));
    }
    if (!made) {
        error_no_memory(err);
        goto out;
    }
    if (encode(r, turns->messages, beside, NULL, false, out, err) != 0 ||
        encode(r, head, beside, NULL, true, &prompt, err) != 0)
        goto out;
    conversation_weigh_after(out, begin, &prompt, r->weight);
    status = note_members(turns, beside, r, err);
out:
    token_list_free(&prompt);
    cJSON_Delete(head);
    return status;
}
