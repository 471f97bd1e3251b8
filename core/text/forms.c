#include "text/forms.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const column_keys[COLUMN_COUNT] = {
    "text",   "prompt",   "completion",    "instruction", "input",
    "output", "messages", "conversations", "system",      "weight",
};

static int add_column(struct column_names *out, char *pair, struct error *err)
{
    char *equals = strchr(pair, '=');
    if (equals)
        *equals = '\0';
    for (int i = 0; i < COLUMN_COUNT && equals && equals[1]; i++)
        if (strcmp(pair, column_keys[i]) == 0) {
            free(out->names[i]);
            return (out->names[i] = string_copy(equals + 1, err)) ? 0 : -1;
        }
    return error_set_kind(
        err, ERROR_USAGE,
        "--columns: \"%s\" is not one of text, prompt, completion, instruction, "
        "input, output, messages, conversations, system, weight with \"=NAME\" behind it",
        pair);
}

/* Is it one of the columns that say which form a record has? */
static bool names_form(int which)
{
    return which != COLUMN_WEIGHT && which != COLUMN_SYSTEM;
}

int column_names_parse(struct column_names *out, const char *columns, struct error *err)
{
    *out = (struct column_names){0};
    bool named = false;
    char *copy = columns && columns[0] ? string_copy(columns, err) : NULL, *rest = copy;
    int status = columns && columns[0] && !copy ? -1 : 0;
    for (char *pair; status == 0 && copy && (pair = strsep(&rest, ","));)
        status = add_column(out, pair, err);
    free(copy);
    for (int i = 0; i < COLUMN_COUNT; i++)
        named |= out->names[i] && names_form(i);
    for (int i = 0; i < COLUMN_COUNT && status == 0; i++)
        if (!out->names[i] &&
            !(out->names[i] = string_copy(named && names_form(i) ? "" : column_keys[i], err)))
            status = -1;
    if (status != 0)
        column_names_free(out);
    return status;
}

void column_names_free(struct column_names *names)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        free(names->names[i]);
    *names = (struct column_names){0};
}

static const cJSON *column(const struct form_context *c, const cJSON *record, enum column which)
{
    const char *name = c->columns->names[which];
    const cJSON *value = *name ? json_get(record, name) : NULL;
    return cJSON_IsNull(value) ? NULL : value;
}

/* A text column. *out stays where the column is absent and may be. */
static int text_column(const struct form_context *c, const cJSON *record, enum column which,
                       const char **out, struct error *err)
{
    const cJSON *value = column(c, record, which);
    if (value && !cJSON_IsString(value))
        return error_set(err, "\"%s\" is not a text", c->columns->names[which]);
    if (!value && !*out)
        return error_set(err, "no \"%s\"",
                         *c->columns->names[which] ? c->columns->names[which] : column_keys[which]);
    if (value)
        *out = value->valuestring;
    return 0;
}

/* Of a weight, and of the product of a record's and a turn's: sums of the smallest and the largest
 * that are let pass stay in the range of fp32, in which gradients are added up. */
static bool is_weight(double value)
{
    return value == 0 || (value >= 1e-15 && value <= 1e15);
}

static bool is_there(const cJSON *item)
{
    return item && !cJSON_IsNull(item);
}

/* How much a record or a turn counts by what it says itself (forms.h); `otherwise`: where it does
 * not. */
static int read_weight(const cJSON *item, const char *weight_name, double otherwise, double *out,
                       struct error *err)
{
    const char *const weights[] = {weight_name, "loss_weight"};
    static const char *const trains[] = {"train", "training"};
    const cJSON *weight = NULL, *train = NULL;
    double number = 1;
    if (is_there(json_get(item, "train_detail")))
        return error_set(err, "\"train_detail\" marks parts of a turn, which is not known here; "
                              "\"train\" and \"weight\" are for whole turns");
    for (size_t i = 0; i < 2; i++) {
        const cJSON *value = json_get(item, weights[i]), *says = json_get(item, trains[i]);
        if (is_there(value)) {
            number = cJSON_IsNumber(value) ? value->valuedouble : -1;
            if (!is_weight(number))
                return error_set(err, "\"%s\" must be a number: 0, or from 1e-15 to 1e15",
                                 weights[i]);
            if (weight)
                return error_set(err, "both \"%s\" and \"loss_weight\"", weight_name);
            weight = value;
        }
        if (is_there(says)) {
            if (!cJSON_IsBool(says))
                return error_set(err, "\"%s\" must be true or false", trains[i]);
            if (train && cJSON_IsTrue(train) != cJSON_IsTrue(says))
                return error_set(err, "\"train\" and \"training\" say different things");
            train = says;
        }
    }
    *out = (train ? cJSON_IsTrue(train) : otherwise) * number;
    return 0;
}

static int add_eos(const struct form_context *c, double weight, struct token_list *out,
                   struct error *err)
{
    int32_t eos = tokenizer_eos(c->tokenizer);
    if (eos < 0 || (out->count > 0 && out->ids[out->count - 1] == eos))
        return 0;
    return token_list_add(out, eos, (float)weight, err);
}

/* text[0..length) with its part from `trained` on counting `weight`, and the eos. */
static int encode_from(const struct form_context *c, const char *text, size_t length,
                       size_t trained, double weight, unsigned parts, struct token_list *out,
                       struct error *err)
{
    struct text_span span = {trained, length, (float)weight};
    if (tokenizer_encode_spans(c->tokenizer, text, length,
                               ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL | parts, &span,
                               trained < length && weight > 0, out, err) != 0)
        return -1;
    return parts & ENCODE_UNENDED ? 0 : add_eos(c, weight, out, err);
}

int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err)
{
    return length == 0 && !parts ? 0 : encode_from(context, text, length, 0, 1, parts, out, err);
}

static int encode_pair(const struct form_context *c, const char *prompt, const char *completion,
                       double weight, struct token_list *out, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, prompt);
    buffer_text(&text, completion);
    int status = buffer_check(&text, err);
    if (status == 0)
        status =
            encode_from(c, buffer_string(&text), text.length, strlen(prompt), weight, 0, out, err);
    buffer_free(&text);
    return status;
}

/* The prompts of Stanford Alpaca (Taori et al. 2023), for models without a chat template. */
static void alpaca_prompt(struct buffer *out, const char *instruction, const char *input)
{
    buffer_text(out, "Below is an instruction that describes a task");
    buffer_text(out, *input ? ", paired with an input that provides further context" : "");
    buffer_text(out, ". Write a response that appropriately completes the request.\n\n");
    buffer_text(out, "### Instruction:\n");
    buffer_text(out, instruction);
    if (*input) {
        buffer_text(out, "\n\n### Input:\n");
        buffer_text(out, input);
    }
    buffer_text(out, "\n\n### Response:\n");
}

static int encode_turns(const struct form_context *c, cJSON *messages, const double *weights,
                        struct token_list *out, struct error *err)
{
    const struct conversation conversation = {.messages = messages, .weights = weights};
    return template_encode(c->chat, c->tokenizer, &conversation, false, out, err);
}

static bool has_template(const struct form_context *c)
{
    return template_exists(c->chat);
}

static int encode_alpaca(const struct form_context *c, const cJSON *record, double weight,
                         struct token_list *out, struct error *err)
{
    const char *instruction = NULL, *input = "", *output = NULL;
    if (text_column(c, record, COLUMN_INSTRUCTION, &instruction, err) != 0 ||
        text_column(c, record, COLUMN_INPUT, &input, err) != 0 ||
        text_column(c, record, COLUMN_OUTPUT, &output, err) != 0)
        return -1;
    struct buffer prompt = BUFFER_INIT;
    if (has_template(c)) {
        buffer_text(&prompt, instruction);
        buffer_text(&prompt, *input ? "\n" : "");
        buffer_text(&prompt, input);
    } else {
        alpaca_prompt(&prompt, instruction, input);
    }
    const double weights[] = {0, weight};
    cJSON *turns = cJSON_CreateArray();
    for (int i = 0; i < 2; i++) {
        cJSON *turn = cJSON_CreateObject();
        cJSON_AddStringToObject(turn, "role", i ? "assistant" : "user");
        cJSON_AddStringToObject(turn, "content", i ? output : buffer_string(&prompt));
        cJSON_AddItemToArray(turns, turn);
    }
    int status = buffer_check(&prompt, err);
    if (status == 0)
        status = has_template(c) ? encode_turns(c, turns, weights, out, err)
                                 : encode_pair(c, buffer_string(&prompt), output, weight, out, err);
    buffer_free(&prompt);
    cJSON_Delete(turns);
    return status;
}

/* ShareGPT's names and others' for the three roles; any other is passed on, to be refused. */
static const char *role_of(const char *name)
{
    static const char *const names[][2] = {{"human", "user"},
                                           {"gpt", "assistant"},
                                           {"chatgpt", "assistant"},
                                           {"bot", "assistant"},
                                           {"model", "assistant"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

static const char *role_named(const cJSON *message)
{
    const char *role = NULL;
    if (!json_get_string(message, "role", &role))
        json_get_string(message, "from", &role);
    return role;
}

static int encode_conversation(const struct form_context *c, const cJSON *messages,
                               const char *system, double weight, struct token_list *out,
                               struct error *err)
{
    if (!cJSON_IsArray(messages))
        return error_set(err, "messages that are not an array");
    cJSON *turns = cJSON_CreateArray();
    double *weights = array_alloc((size_t)cJSON_GetArraySize(messages) + 1, sizeof *weights, err);
    size_t count = 0;
    int status = 0;
    const char *own = messages->child ? role_named(messages->child) : NULL;
    if (*system && !(own && strcmp(own, "system") == 0)) {
        cJSON *turn = cJSON_CreateObject();
        cJSON_AddStringToObject(turn, "role", "system");
        cJSON_AddStringToObject(turn, "content", system);
        cJSON_AddItemToArray(turns, turn);
        weights[count++] = 0;
    }
    for (const cJSON *item = messages->child; item && status == 0; item = item->next) {
        const char *role = role_named(item);
        if (!role) {
            status = error_set(err, "message %zu has no \"role\" (ShareGPT: \"from\")", count + 1);
            break;
        }
        cJSON *turn = cJSON_Duplicate(item, true);
        const cJSON *content = json_get(item, "content");
        cJSON_DeleteItemFromObjectCaseSensitive(turn, "role");
        cJSON_AddStringToObject(turn, "role", role_of(role));
        if (!content && json_get(item, "value"))
            cJSON_AddItemToObject(turn, "content", cJSON_Duplicate(json_get(item, "value"), true));
        cJSON_AddItemToArray(turns, turn);
        status = read_weight(item, "weight", strcmp(role_of(role), "assistant") == 0,
                             &weights[count], err);
        weights[count++] *= weight;
    }
    if (status == 0)
        status = encode_turns(c, turns, weights, out, err);
    cJSON_Delete(turns);
    free(weights);
    return status;
}

/* error_set() makes the names fit to be shown. */
static int refuse_columns(const cJSON *record, struct error *err)
{
    struct buffer names = BUFFER_INIT;
    const cJSON *item;
    cJSON_ArrayForEach(item, record)
        buffer_format(&names, "%s\"%.40s\"", item == record->child ? "" : ", ", item->string);
    error_set(err,
              "none of the known columns is there (text; prompt and completion; instruction and "
              "output; messages; conversations); name yours with --columns, as in --columns "
              "prompt=question,completion=answer; there are: %.400s",
              names.length ? buffer_string(&names) : "none");
    buffer_free(&names);
    return -1;
}

int form_encode(const struct form_context *c, const cJSON *record, struct token_list *out,
                bool *prompted, struct error *err)
{
    const char *text = NULL, *completion = NULL, *system = "";
    double weight = 1;
    *prompted = false;
    if (cJSON_IsString(record))
        return form_encode_text(c, record->valuestring, strlen(record->valuestring), 0, out, err);
    if (read_weight(record, c->columns->names[COLUMN_WEIGHT], 1, &weight, err) != 0)
        return -1;
    const cJSON *messages = column(c, record, COLUMN_MESSAGES),
                *conversations = column(c, record, COLUMN_CONVERSATIONS);
    *prompted = true;
    if (messages)
        return encode_conversation(c, messages, system, weight, out, err);
    if (conversations)
        return text_column(c, record, COLUMN_SYSTEM, &system, err) == 0
                   ? encode_conversation(c, conversations, system, weight, out, err)
                   : -1;
    if (column(c, record, COLUMN_INSTRUCTION))
        return encode_alpaca(c, record, weight, out, err);
    if (column(c, record, COLUMN_PROMPT)) {
        if (text_column(c, record, COLUMN_PROMPT, &text, err) != 0 ||
            text_column(c, record, COLUMN_COMPLETION, &completion, err) != 0)
            return -1;
        return encode_pair(c, text, completion, weight, out, err);
    }
    *prompted = false;
    if (!column(c, record, COLUMN_TEXT))
        return refuse_columns(record, err);
    if (text_column(c, record, COLUMN_TEXT, &text, err) != 0)
        return -1;
    return *text ? encode_from(c, text, strlen(text), 0, weight, 0, out, err) : 0;
}
