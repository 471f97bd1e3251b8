/* The turns of a record, as chat templates take them.
 *
 * Templates know messages with a "role" and a "content". Other spellings become that: ShareGPT's
 * "from" and "value", its names of roles, a function_call whose value is the JSON of calls, parts
 * of text under other keys. All else of a turn is passed on as it stands: a message is a reference
 * to the record's own JSON where it needs no other spelling, else an object whose members refer to
 * it.
 */
#include "text/record/reader.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const turn_media[] = {"images", "image", "videos", "video", "audios", "audio", NULL};

/* --- roles --- */

#define FUNCTION_CALL "function_call"

/* ShareGPT's names and others', LLaMA-Factory's tags, and what templates call them. */
static const char *const role_names[][2] = {
    {"human", "user"},     {"gpt", "assistant"},    {"chatgpt", "assistant"},
    {"bot", "assistant"},  {"model", "assistant"},  {"bing", "assistant"},
    {"bard", "assistant"}, {"observation", "tool"}, {"function_response", "tool"},
};

/* The names that templates of models know, beside those of ShareGPT. */
static const char *const known_roles[] = {
    "system",          "user",        "assistant",   "tool",    "developer", "function",
    "ipython",         "environment", "control",     "context", "document",  "documents",
    "available_tools", "critic",      FUNCTION_CALL, NULL};

static const char *role_of(const char *name)
{
    for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++)
        if (strcmp(name, role_names[i][0]) == 0)
            return role_names[i][1];
    return name;
}

/* "role" or "from", as it stands; NULL: neither, or the role is not a text. */
static const char *role_named(const cJSON *message)
{
    const char *role = NULL;
    if (!json_get_string(message, "role", &role))
        json_get_string(message, "from", &role);
    return role;
}

const char *turns_first_role(const cJSON *list)
{
    const cJSON *first = cJSON_IsArray(list) ? list->child : list;
    const char *role = cJSON_IsObject(first) ? role_named(first) : NULL;
    return role ? role_of(role) : "";
}

/* --- contents --- */

/* Pictures and sounds, whose places are among the words. */
static int refuse_media(const cJSON *item, const char *what, struct error *err)
{
    for (const char *const *name = turn_media; *name; name++)
        if (json_says(json_get(item, *name)))
            return error_set(err,
                             "its %s\"%s\" has something in it, and spectrum trains on text alone; "
                             "take such records out of the data",
                             what, *name);
    return 0;
}

/* The text of a part under one of its keys: an empty one says nothing beside another. */
static const char *const text_keys[] = {"text", "value", "content", NULL};

static const cJSON *part_text(const cJSON *part)
{
    const cJSON *found = NULL;
    for (size_t i = 0; text_keys[i]; i++) {
        const cJSON *text = json_get(part, text_keys[i]);
        if (cJSON_IsString(text) && (!found || !found->valuestring[0]))
            found = text;
    }
    return found;
}

/* A part of text, and nothing that would change what is trained or shown. */
static int check_part(const cJSON *part, struct error *err)
{
    static const char *const says[] = {"train",       "training",     "weight",
                                       "loss_weight", "loss_scale",   "loss",
                                       "masked",      "train_detail", "training_detail"};
    const char *type = "text";
    if (!cJSON_IsObject(part))
        return error_set(err, "a part of the content that is not an object with \"type\" and "
                              "\"text\"");
    json_get_string(part, "type", &type);
    if (strcmp(type, "text") != 0)
        return error_set(err,
                         "a part of type \"%.40s\": spectrum trains on text alone, and knows parts "
                         "of type \"text\"",
                         type);
    if (refuse_media(part, "content's ", err) != 0)
        return -1;
    if (!part_text(part))
        return error_set(err, "a part of type \"text\" %s",
                         cJSON_IsNull(json_get(part, "text")) ? "whose \"text\" is null"
                                                              : "without a text as its \"text\"");
    for (const cJSON *text = part->child; text; text = text->next)
        if (text_is_one_of(text->string, text_keys) && json_says(text) &&
            !cJSON_Compare(text, part_text(part), true))
            return error_set(err,
                             "a part of type \"text\" with a \"%s\" that is something else than "
                             "its text",
                             text->string);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (json_is_there(json_get(part, says[i])))
            return error_set(
                err,
                "a part with a \"%s\" of its own, which is not known here; that is for "
                "whole turns",
                says[i]);
    return 0;
}

/* A list of calls, each {"function": {"name", ...}} or its own function. */
static int check_calls(const cJSON *message, struct error *err)
{
    const cJSON *calls = json_get(message, "tool_calls"), *call;
    if (!json_says(calls))
        return 0;
    if (cJSON_IsString(calls))
        return error_set(err, "its \"tool_calls\" is a text: a list is needed; jq -c "
                              "'(.. | .tool_calls? | strings) |= fromjson' makes it one");
    if (!cJSON_IsArray(calls))
        return error_set(err, "its \"tool_calls\" is not a list; put the call between [ and ]");
    cJSON_ArrayForEach(call, calls)
    {
        const cJSON *function = json_get(call, "function");
        if (!cJSON_IsString(json_get(function ? function : call, "name")))
            return error_set(err, "its \"tool_calls\" has something in it that is not a call: "
                                  "{\"type\": \"function\", \"function\": {\"name\": ..., "
                                  "\"arguments\": {...}}} is one");
    }
    return 0;
}

/* What an assistant calls may stand in place of its content. */
static int check_content(const cJSON *message, const cJSON *content, const char *key,
                         struct error *err)
{
    const cJSON *part;
    bool calls = cJSON_GetArraySize(json_get(message, "tool_calls")) > 0 ||
                 json_is_there(json_get(message, FUNCTION_CALL));
    if (cJSON_IsString(content) || (!json_is_there(content) && calls))
        return 0;
    if (cJSON_IsArray(content)) {
        cJSON_ArrayForEach(part, content)
        {
            if (check_part(part, err) != 0)
                return -1;
        }
        return content->child ? 0 : error_set(err, "its \"%s\" is an empty list", key);
    }
    return !content                ? error_set(err, "it has no \"content\" (ShareGPT: \"value\")")
           : cJSON_IsNull(content) ? error_set(err, "its \"%s\" is null, and it calls no tool", key)
                                   : error_set(err, "its \"%s\" is not a text", key);
}

/* --- members --- */

static void note_member(struct turns *turns, const char *list, const char *inner, const char *name,
                        const char *key)
{
    struct turn_member member = {.key = key};
    snprintf(member.name, sizeof member.name, "%.40s[]%s.%s", list, inner, name);
    for (size_t i = 0; i < turns->member_count; i++)
        if (strcmp(turns->members[i].name, member.name) == 0)
            return;
    if (turns->member_count < TURN_MEMBERS_MAX)
        turns->members[turns->member_count++] = member;
}

/* Those that are neither read here nor missed by template_encode() where the template lacks them.
 */
static void note_members(struct turns *turns, const char *list, const cJSON *item)
{
    static const char *const known[] = {
        "role",       "content",     "value",     "from",
        "tool_calls", FUNCTION_CALL, "tool_plan", "reasoning_content",
        "reasoning",  "thinking",    "weight",    "loss_weight",
        "loss_scale", "train",       "training",  "loss",
        "masked",     NULL};
    static const char *const known_parts[] = {"type", "text", "value", "content", NULL};
    const cJSON *member, *part;
    cJSON_ArrayForEach(member, item)
    {
        if (json_says(member) && !text_is_one_of(member->string, known))
            note_member(turns, list, "", member->string, member->string);
        if (!cJSON_IsArray(member) || strcmp(member->string, "content") != 0)
            continue;
        cJSON_ArrayForEach(part, member)
        {
            for (const cJSON *of = part->child; of; of = of->next)
                if (json_says(of) && !text_is_one_of(of->string, known_parts))
                    note_member(turns, list, ".content[]", of->string, NULL);
        }
    }
}

/* --- function_call --- */

/* Beside name and arguments a call may have an "id", as OpenAI's have. */
static int add_call(struct turns *turns, const char *list, cJSON *calls, const cJSON *call,
                    struct error *err)
{
    static const char *const known[] = {"name", "arguments", "id", "type", NULL};
    const cJSON *name = json_get(call, "name"), *arguments = json_get(call, "arguments"),
                *id = json_get(call, "id"), *member;
    if (!cJSON_IsString(name) || !arguments)
        return error_set(err, "a function_call without \"name\" and \"arguments\"");
    cJSON *outer = cJSON_CreateObject();
    if (!outer || !cJSON_AddItemToArray(calls, outer)) {
        cJSON_Delete(outer);
        return error_no_memory(err);
    }
    if (cJSON_IsString(id) && !cJSON_AddStringToObject(outer, "id", id->valuestring))
        return error_no_memory(err);
    cJSON *inner = cJSON_AddStringToObject(outer, "type", "function")
                       ? cJSON_AddObjectToObject(outer, "function")
                       : NULL;
    cJSON *copy = inner ? cJSON_Duplicate(arguments, true) : NULL;
    if (!copy || !cJSON_AddStringToObject(inner, "name", name->valuestring) ||
        !cJSON_AddItemToObject(inner, "arguments", copy)) {
        cJSON_Delete(copy);
        return error_no_memory(err);
    }
    cJSON_ArrayForEach(member, call)
    {
        if (json_says(member) && !text_is_one_of(member->string, known))
            note_member(turns, list, ".value", member->string, NULL);
    }
    return 0;
}

/* LLaMA-Factory's turn: its value is the JSON of a call {"name", "arguments"}, or of a list. What
 * else the turn has (its thinking, say) stays. */
static cJSON *call_message(struct turns *turns, const char *list, const cJSON *item,
                           const cJSON *value, struct error *err)
{
    static const char *const own[] = {"role",       "from",        "content", "value",
                                      "tool_calls", FUNCTION_CALL, NULL};
    const cJSON *member;
    cJSON *tree = NULL, *calls = NULL;
    if (json_says(json_get(item, "tool_calls")) || json_says(json_get(item, FUNCTION_CALL))) {
        error_set(err, "a function_call that has a \"tool_calls\" or \"function_call\" beside its "
                       "value: say all calls in one place");
        return NULL;
    }
    cJSON *message = cJSON_CreateObject();
    if (message && cJSON_AddStringToObject(message, "role", "assistant") &&
        cJSON_AddStringToObject(message, "content", ""))
        calls = cJSON_AddArrayToObject(message, "tool_calls");
    bool ok = calls != NULL;
    cJSON_ArrayForEach(member, item)
    {
        if (ok && !text_is_one_of(member->string, own))
            ok = cJSON_AddItemReferenceToObject(message, member->string, (cJSON *)member);
    }
    if (!ok) {
        error_no_memory(err);
        goto fail;
    }
    if (!cJSON_IsString(value)) {
        error_set(err, "a function_call whose value is %s",
                  cJSON_IsNull(value) ? "null" : "not a text");
        goto fail;
    }
    tree = json_parse(value->valuestring, strlen(value->valuestring),
                      JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "function_call", err);
    if (!tree)
        goto fail;
    const cJSON *call = cJSON_IsArray(tree) ? tree->child : tree;
    if (!call) {
        error_set(err, "a function_call without a call");
        goto fail;
    }
    for (; call; call = call->next)
        if (add_call(turns, list, calls, call, err) != 0)
            goto fail;
    cJSON_Delete(tree);
    return message;
fail:
    cJSON_Delete(tree);
    cJSON_Delete(message);
    return NULL;
}

/* --- turns --- */

int turns_begin(struct turns *out, struct error *err)
{
    *out = (struct turns){.messages = cJSON_CreateArray()};
    return out->messages ? 0 : error_no_memory(err);
}

void turns_free(struct turns *turns)
{
    cJSON_Delete(turns->messages);
    free(turns->weights);
    *turns = (struct turns){0};
}

/* Takes the message, which may be NULL after an error. */
static int append(struct turns *turns, cJSON *message, double weight, struct error *err)
{
    if (!message)
        return -1;
    if (array_reserve((void **)&turns->weights, &turns->capacity, turns->count + 1,
                      sizeof *turns->weights, err) != 0 ||
        !cJSON_AddItemToArray(turns->messages, message)) {
        cJSON_Delete(message);
        return error_no_memory(err);
    }
    turns->weights[turns->count++] = weight;
    return 0;
}

int turns_add(struct turns *turns, const char *role, const char *content, double weight,
              struct error *err)
{
    cJSON *message = cJSON_CreateObject();
    if (!message || !cJSON_AddStringToObject(message, "role", role) ||
        !cJSON_AddStringToObject(message, "content", content)) {
        cJSON_Delete(message);
        return error_no_memory(err);
    }
    return append(turns, message, weight, err);
}

/* The turn under the names that templates know, in the order in which it stands; a list of parts
 * that were checked as {"type": "text", "text": ...}. NULL: no memory. */
static cJSON *renamed(const cJSON *item, const char *role, const cJSON *content)
{
    const cJSON *member, *part, *own = json_get(item, json_get(item, "role") ? "role" : "from");
    cJSON *message = cJSON_CreateObject();
    bool ok = message != NULL;
    cJSON_ArrayForEach(member, item)
    {
        if (!ok)
            break;
        if (member == own) {
            ok = cJSON_AddStringToObject(message, "role", role);
        } else if (member == content && cJSON_IsArray(content)) {
            cJSON *parts = cJSON_AddArrayToObject(message, "content");
            ok = parts != NULL;
            cJSON_ArrayForEach(part, content)
            {
                cJSON *copy = ok ? cJSON_CreateObject() : NULL;
                ok = copy && cJSON_AddItemToArray(parts, copy) &&
                     cJSON_AddStringToObject(copy, "type", "text") &&
                     cJSON_AddItemReferenceToObject(copy, "text", (cJSON *)part_text(part));
            }
        } else if (member == content || strcmp(member->string, "content") != 0) {
            const char *key = member == content ? "content" : member->string;
            ok = cJSON_AddItemReferenceToObject(message, key, (cJSON *)member);
        }
    }
    if (ok)
        return message;
    cJSON_Delete(message);
    return NULL;
}

/* A turn that needs no other spelling is referred to as a whole. */
static cJSON *spell(const cJSON *item, const char *role, const cJSON *content, struct error *err)
{
    const cJSON *own = json_get(item, "role"), *part;
    bool same = cJSON_IsString(own) && strcmp(own->valuestring, role) == 0 &&
                content == json_get(item, "content");
    if (same && cJSON_IsArray(content))
        cJSON_ArrayForEach(part, content)
        {
            same = same && cJSON_IsString(json_get(part, "type")) &&
                   json_get(part, "text") == part_text(part);
        }
    cJSON *message = same ? cJSON_CreateObjectReference(item->child) : renamed(item, role, content);
    if (!message)
        error_no_memory(err);
    return message;
}

/* One turn: its role and content under either spelling, how much it counts, and what else it has.
 * Every refusal says what of the turn is wrong; the caller says which turn. */
static int read_turn(struct turns *turns, const char *list, const cJSON *item, bool trains,
                     struct error *err)
{
    const char *role = cJSON_IsObject(item) ? role_named(item) : NULL, *from = NULL;
    if (!cJSON_IsObject(item))
        return error_set(err, "it is not an object with \"role\" and \"content\"");
    if (!role) {
        const char *named = json_get(item, "role") ? "role" : "from";
        const cJSON *said = json_get(item, named);
        return !said                ? error_set(err, "it has no \"role\" (ShareGPT: \"from\")")
               : cJSON_IsNull(said) ? error_set(err, "its \"%s\" is null", named)
                                    : error_set(err, "its \"%s\" is not a text", named);
    }
    role = role_of(role);
    if (!text_is_one_of(role, known_roles))
        return error_set(err,
                         "the role \"%.40s\" is none that chat templates know (system, user, "
                         "assistant, tool, developer, ...; of ShareGPT: human, gpt, observation, "
                         "function_call); rename it in the data",
                         role);
    if (json_get_string(item, "from", &from) && strcmp(role_of(from), role) != 0)
        return error_set(err, "it has both a \"role\" and a \"from\", and they differ");
    const cJSON *content = json_get(item, "content"), *value = json_get(item, "value");
    if (json_is_there(content) && json_is_there(value) && !cJSON_Compare(content, value, true))
        return error_set(err, "it has both a \"content\" and a \"value\", and they differ");
    bool of_value = value && !json_is_there(content) && (json_is_there(value) || !content);
    if (of_value)
        content = value;
    if (refuse_media(item, "", err) != 0)
        return -1;
    note_members(turns, list, item);
    bool calls = strcmp(role, FUNCTION_CALL) == 0;
    bool speaks = calls || strcmp(role, "assistant") == 0;
    double weight;
    if (turn_weight(item, speaks, speaks && trains, &weight, &turns->weighed, err) != 0)
        return -1;
    if (calls)
        return append(turns, call_message(turns, list, item, content, err), weight, err);
    if (check_calls(item, err) != 0 ||
        check_content(item, content, of_value ? "value" : "content", err) != 0)
        return -1;
    return append(turns, spell(item, role, content, err), weight, err);
}

/* A list of roles and one of contents: so some tables keep turns. */
static int refuse_lists(const cJSON *list, const char *name, const char *role, const char *content,
                        struct error *err)
{
    if (!cJSON_IsArray(json_get(list, role)) || !cJSON_IsArray(json_get(list, content)))
        return 0;
    return error_set(
        err,
        "\"%.80s\" is lists of what turns have, not a list of turns; jq -c '.[\"%.80s\"] "
        "|= [[.%s, .%s] | transpose[] | {%s: .[0], %s: .[1]}]' makes that",
        name, strpbrk(name, "'\"\\") ? "NAME" : name, role, content, role, content);
}

/* A record may be one single message; a dict of lists, as `datasets` makes of a list of dicts, is
 * refused with the way back. */
int turns_read(struct turns *turns, const cJSON *list, const char *name, bool single, bool trains,
               struct error *err)
{
    single = single && cJSON_IsObject(list);
    if (cJSON_IsObject(list) && (refuse_lists(list, name, "role", "content", err) != 0 ||
                                 refuse_lists(list, name, "from", "value", err) != 0))
        return -1;
    if (!single && !cJSON_IsArray(list))
        return error_set(err, "\"%.80s\" is not an array of messages", name);
    const cJSON *item = single ? list : list->child;
    if (!item)
        return error_set(err, "\"%.80s\" is an array without messages", name);
    size_t number = 1;
    for (; item; item = single ? NULL : item->next, number++)
        if (read_turn(turns, name, item, trains, err) != 0)
            return error_prefix(err, "message %zu of \"%.80s\"", number, name);
    return 0;
}
