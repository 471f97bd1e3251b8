#include "text/turns.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* --- how much it counts --- */

bool turn_is_weight(double value)
{
    return value == 0 || (value >= 1e-15 && value <= 1e15);
}

static bool is_there(const cJSON *item)
{
    return item && !cJSON_IsNull(item);
}

static int refuse_details(const cJSON *item, struct error *err)
{
    static const char *const details[] = {"train_detail", "training_detail"};
    for (size_t i = 0; i < 2; i++)
        if (is_there(json_get(item, details[i])))
            return error_set(err,
                             "\"%s\" marks parts of a turn, which is not known here; \"train\" and "
                             "\"weight\" are for whole turns",
                             details[i]);
    return 0;
}

int turn_weight(const cJSON *item, const char *weight_name, double otherwise, double *out,
                bool *says, struct error *err)
{
    const char *const weights[] = {weight_name, "loss_weight"};
    static const char *const trains[] = {"train", "training"};
    const cJSON *weight = NULL, *train = NULL;
    double number = 1;
    if (refuse_details(item, err) != 0)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        const cJSON *value = weights[i][0] ? json_get(item, weights[i]) : NULL;
        const cJSON *word = json_get(item, trains[i]);
        if (is_there(value)) {
            number = cJSON_IsNumber(value) ? value->valuedouble : -1;
            if (!turn_is_weight(number))
                return error_set(err, "\"%s\" must be a number: 0, or from 1e-15 to 1e15",
                                 weights[i]);
            if (weight)
                return error_set(err, "both \"%s\" and \"loss_weight\"", weight_name);
            weight = value;
        }
        if (is_there(word)) {
            if (!cJSON_IsBool(word))
                return error_set(err, "\"%s\" must be true or false", trains[i]);
            if (train && cJSON_IsTrue(train) != cJSON_IsTrue(word))
                return error_set(err, "\"train\" and \"training\" say different things");
            train = word;
        }
    }
    *out = (train ? cJSON_IsTrue(train) : otherwise) * number;
    if (says)
        *says |= weight || train;
    return 0;
}

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
    "system",   "user",      "assistant",       "tool",    "developer",
    "function", "ipython",   "environment",     "control", "context",
    "document", "documents", "available_tools", "critic",  FUNCTION_CALL,
};

static const char *role_of(const char *name)
{
    for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++)
        if (strcmp(name, role_names[i][0]) == 0)
            return role_names[i][1];
    return name;
}

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

static int check_role(const char *role, struct error *err)
{
    for (size_t i = 0; i < sizeof known_roles / sizeof *known_roles; i++)
        if (strcmp(role, known_roles[i]) == 0)
            return 0;
    return error_set(err,
                     "the role \"%.40s\" is none that chat templates know (system, user, "
                     "assistant, tool, developer, ...; of ShareGPT: human, gpt, observation, "
                     "function_call); rename it in the data",
                     role);
}

/* --- contents --- */

/* The text of a part under one of its keys. */
static const cJSON *part_text(const cJSON *part)
{
    static const char *const keys[] = {"text", "value", "content"};
    for (size_t i = 0; i < 3; i++)
        if (cJSON_IsString(json_get(part, keys[i])))
            return json_get(part, keys[i]);
    return NULL;
}

static int check_part(const cJSON *part, struct error *err)
{
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
    if (!part_text(part))
        return error_set(err, "a part of type \"text\" without a text as its \"text\"");
    if (is_there(json_get(part, "train")) || is_there(json_get(part, "weight")))
        return error_set(err, "a part with a \"train\" or \"weight\" of its own, which is not "
                              "known here; they are for whole turns");
    return 0;
}

static int no_memory(struct error *err)
{
    return error_set(err, "not enough memory");
}

/* A list of parts that were checked, as templates know them: {"type": "text", "text": ...}. */
static cJSON *spell_parts(const cJSON *content)
{
    const cJSON *part;
    cJSON *parts = cJSON_CreateArray();
    bool ok = parts != NULL;
    cJSON_ArrayForEach(part, content)
    {
        cJSON *copy = ok ? cJSON_CreateObject() : NULL;
        ok = copy && cJSON_AddItemToArray(parts, copy) &&
             cJSON_AddStringToObject(copy, "type", "text") &&
             cJSON_AddItemReferenceToObject(copy, "text", (cJSON *)part_text(part));
    }
    if (ok)
        return parts;
    cJSON_Delete(parts);
    return NULL;
}

/* Are they spelled as templates know them? Then they are passed on as they are. */
static bool are_plain(const cJSON *content)
{
    const cJSON *part;
    cJSON_ArrayForEach(part, content) if (!cJSON_IsString(json_get(part, "type")) ||
                                          !cJSON_IsString(json_get(part, "text"))) return false;
    return true;
}

static bool has_calls(const cJSON *message)
{
    const cJSON *calls = json_get(message, "tool_calls");
    return cJSON_GetArraySize(calls) > 0 || is_there(json_get(message, FUNCTION_CALL));
}

/* What an assistant calls may stand in place of its content. */
static int check_content(const cJSON *message, const cJSON *content, const char *key,
                         struct error *err)
{
    const cJSON *part;
    if (cJSON_IsString(content) || (!is_there(content) && has_calls(message)))
        return 0;
    if (cJSON_IsArray(content)) {
        cJSON_ArrayForEach(part, content) if (check_part(part, err) != 0) return -1;
        return content->child ? 0 : error_set(err, "its \"%s\" is an empty list", key);
    }
    return !content                ? error_set(err, "it has no \"content\" (ShareGPT: \"value\")")
           : cJSON_IsNull(content) ? error_set(err, "its \"%s\" is null, and it calls no tool", key)
                                   : error_set(err, "its \"%s\" is not a text", key);
}

/* --- function_call --- */

static int add_call(cJSON *calls, const cJSON *call, struct error *err)
{
    const cJSON *name = json_get(call, "name"), *arguments = json_get(call, "arguments");
    if (!cJSON_IsString(name) || !arguments)
        return error_set(err, "a function_call without \"name\" and \"arguments\"");
    cJSON *outer = cJSON_CreateObject();
    if (!outer || !cJSON_AddItemToArray(calls, outer)) {
        cJSON_Delete(outer);
        return no_memory(err);
    }
    cJSON *inner = cJSON_AddStringToObject(outer, "type", "function")
                       ? cJSON_AddObjectToObject(outer, "function")
                       : NULL;
    cJSON *copy = inner ? cJSON_Duplicate(arguments, true) : NULL;
    if (!copy || !cJSON_AddStringToObject(inner, "name", name->valuestring) ||
        !cJSON_AddItemToObject(inner, "arguments", copy)) {
        cJSON_Delete(copy);
        return no_memory(err);
    }
    return 0;
}

/* LLaMA-Factory's turn: its value is the JSON of a call {"name", "arguments"}, or of a list. */
static int read_calls(cJSON *calls, const cJSON *value, struct error *err)
{
    if (!cJSON_IsString(value))
        return error_set(err, "a function_call whose value is not a text");
    cJSON *tree = json_parse(value->valuestring, strlen(value->valuestring),
                             JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "function_call", err);
    if (!tree)
        return -1;
    const cJSON *call = cJSON_IsArray(tree) ? tree->child : tree;
    int status = call ? 0 : error_set(err, "a function_call without a call");
    for (; status == 0 && call; call = call->next)
        status = add_call(calls, call, err);
    cJSON_Delete(tree);
    return status;
}

static cJSON *call_message(const cJSON *value, struct error *err)
{
    cJSON *message = cJSON_CreateObject();
    cJSON *calls = message && cJSON_AddStringToObject(message, "role", "assistant") &&
                           cJSON_AddStringToObject(message, "content", "")
                       ? cJSON_AddArrayToObject(message, "tool_calls")
                       : NULL;
    if (!calls)
        no_memory(err);
    if (calls && read_calls(calls, value, err) == 0)
        return message;
    cJSON_Delete(message);
    return NULL;
}

/* --- turns --- */

int turns_begin(struct turns *out, struct error *err)
{
    *out = (struct turns){.messages = cJSON_CreateArray()};
    return out->messages ? 0 : no_memory(err);
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
        return no_memory(err);
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
        return no_memory(err);
    }
    return append(turns, message, weight, err);
}

/* The turn under the names that templates know, in the order in which it stands. NULL: no memory.
 */
static cJSON *renamed(const cJSON *item, const char *role, const cJSON *content)
{
    const cJSON *member, *own = json_get(item, json_get(item, "role") ? "role" : "from");
    cJSON *message = cJSON_CreateObject();
    bool ok = message != NULL;
    cJSON_ArrayForEach(member, item)
    {
        if (!ok)
            break;
        if (member == own) {
            ok = cJSON_AddStringToObject(message, "role", role);
        } else if (member == content && cJSON_IsArray(content)) {
            cJSON *parts = spell_parts(content);
            ok = parts && cJSON_AddItemToObject(message, "content", parts);
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
    const cJSON *own = json_get(item, "role");
    bool same = cJSON_IsString(own) && strcmp(own->valuestring, role) == 0 &&
                content == json_get(item, "content") &&
                (!cJSON_IsArray(content) || are_plain(content));
    cJSON *message = same ? cJSON_CreateObjectReference(item->child) : renamed(item, role, content);
    if (!message)
        no_memory(err);
    return message;
}

static int read_turn(struct turns *turns, const cJSON *item, bool trains, struct error *err)
{
    const char *role = cJSON_IsObject(item) ? role_named(item) : NULL;
    if (!cJSON_IsObject(item))
        return error_set(err, "it is not an object with \"role\" and \"content\"");
    if (!role)
        return error_set(err, "it has no \"role\" (ShareGPT: \"from\")");
    if (check_role(role = role_of(role), err) != 0)
        return -1;
    const cJSON *content = json_get(item, "content"), *value = json_get(item, "value");
    if (is_there(content) && is_there(value) && !cJSON_Compare(content, value, true))
        return error_set(err, "it has both a \"content\" and a \"value\", and they differ");
    const char *key = is_there(value) && !is_there(content) ? "value" : "content";
    if (key[0] == 'v')
        content = value;
    bool speaks = strcmp(role, "assistant") == 0 || strcmp(role, FUNCTION_CALL) == 0;
    double weight;
    if (turn_weight(item, "weight", speaks && trains, &weight, &turns->weighed, err) != 0)
        return -1;
    if (strcmp(role, FUNCTION_CALL) == 0)
        return append(turns, call_message(content, err), weight, err);
    if (check_content(item, content, key, err) != 0)
        return -1;
    return append(turns, spell(item, role, content, err), weight, err);
}

int turns_read(struct turns *turns, const cJSON *list, const char *name, bool single, bool trains,
               struct error *err)
{
    single = single && cJSON_IsObject(list);
    if (!single && !cJSON_IsArray(list))
        return error_set(err, "\"%.80s\" is not an array of messages", name);
    const cJSON *item = single ? list : list->child;
    if (!item)
        return error_set(err, "\"%.80s\" is an array without messages", name);
    size_t number = 1;
    for (; item; item = single ? NULL : item->next, number++)
        if (read_turn(turns, item, trains, err) != 0)
            return error_prefix(err, "message %zu of \"%.80s\"", number, name);
    return 0;
}
