#include "text/forms.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "text/conversation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- texts --- */

static int add_eos(const struct form_context *c, double weight, struct token_list *out,
                   struct error *err)
{
    int32_t eos = tokenizer_eos(c->tokenizer);
    if (eos < 0 || (out->count > 0 && out->ids[out->count - 1] == eos))
        return 0;
    return token_list_add(out, eos, (float)weight, err);
}

static int encode_text(const struct form_context *c, const char *text, size_t length, double weight,
                       unsigned parts, struct token_list *out, struct error *err)
{
    struct text_span span = {0, length, (float)weight};
    if (tokenizer_encode_spans(c->tokenizer, text, length,
                               ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL | parts, &span,
                               length > 0 && weight > 0, out, err) != 0)
        return -1;
    return parts & ENCODE_UNENDED ? 0 : add_eos(c, weight, out, err);
}

int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err)
{
    return length == 0 && !parts ? 0 : encode_text(context, text, length, 1, parts, out, err);
}

/* One text, of which is trained what stands after the tokens of the prompt alone: so TRL does. */
static int encode_pair(const struct reader *r, const char *prompt, const char *completion,
                       struct token_list *out, struct error *err)
{
    struct tokenizer *tokenizer = r->context->tokenizer;
    const unsigned flags = ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL;
    struct buffer text = BUFFER_INIT;
    struct token_list alone = {0};
    size_t begin = out->count;
    int status = -1;
    buffer_text(&text, prompt);
    buffer_text(&text, completion);
    if (buffer_check(&text, err) != 0 ||
        tokenizer_encode(tokenizer, buffer_string(&text), text.length, flags, out, err) != 0 ||
        tokenizer_encode(tokenizer, prompt, strlen(prompt), flags, &alone, err) != 0)
        goto out;
    conversation_weigh_after(out, begin, &alone, r->weight);
    status = add_eos(r->context, r->weight, out, err);
out:
    token_list_free(&alone);
    buffer_free(&text);
    return status;
}

static int read_text(struct reader *r, struct token_list *out, struct error *err)
{
    const char *text = NULL;
    if (column_text(r, COLUMN_TEXT, &text, err) != 0 ||
        form_check_rest(r, COLUMN_TEXT, false, err) != 0)
        return -1;
    return *text ? encode_text(r->context, text, strlen(text), r->weight, 0, out, err) : 0;
}

/* --- turns --- */

/* A list, or its JSON as a text, as Axolotl takes it; *parsed is the caller's to free. */
static const cJSON *read_list(const cJSON *value, const char *name, cJSON **parsed,
                              struct error *err)
{
    *parsed = NULL;
    if (!cJSON_IsString(value))
        return value;
    *parsed = json_parse(value->valuestring, strlen(value->valuestring),
                         JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "not an array of messages", err);
    if (!*parsed)
        error_prefix(err, "\"%.80s\"", name);
    return *parsed;
}

static int read_messages(struct reader *r, enum column form, struct token_list *out,
                         struct error *err)
{
    struct turns turns;
    struct beside beside = {0};
    cJSON *parsed;
    const char *name = column_name(r, form);
    const cJSON *list = read_list(column_take(r, form), name, &parsed, err);
    if (!list)
        return -1;
    int status = -1;
    if (turns_begin(&turns, err) != 0 || conversation_system(&turns, r, list, err) != 0 ||
        turns_read(&turns, list, name, false, true, err) != 0 ||
        beside_read(&beside, r, form == COLUMN_CONVERSATIONS, err) != 0 ||
        form_check_rest(r, form, true, err) != 0)
        goto out;
    status = conversation_encode(&turns, &beside, r, out, err);
out:
    beside_free(&beside);
    turns_free(&turns);
    cJSON_Delete(parsed);
    return status;
}

/* A prompt and a completion that are lists of turns, or one turn each. */
static int read_turn_pair(struct reader *r, const cJSON *prompt, const cJSON *completion,
                          struct token_list *out, struct error *err)
{
    struct turns turns;
    struct beside beside = {0};
    int status = -1;
    if (turns_begin(&turns, err) != 0 || conversation_system(&turns, r, prompt, err) != 0 ||
        turns_read(&turns, prompt, column_name(r, COLUMN_PROMPT), true, false, err) != 0)
        goto out;
    size_t count = turns.count; /* the completion's come after these */
    if (turns_read(&turns, completion, column_name(r, COLUMN_COMPLETION), true, true, err) != 0 ||
        beside_read(&beside, r, false, err) != 0 ||
        form_check_rest(r, COLUMN_PROMPT, true, err) != 0)
        goto out;
    status = conversation_encode_completion(&turns, count, &beside, r, out, err);
out:
    beside_free(&beside);
    turns_free(&turns);
    return status;
}

/* Question and answer as turns after those that are there. */
static int encode_answer(struct turns *turns, struct reader *r, enum column form,
                         const char *question, const char *answer, struct token_list *out,
                         struct error *err)
{
    struct beside beside = {0};
    int status = -1;
    if (turns_add(turns, "user", question, 0, err) == 0 &&
        turns_add(turns, "assistant", answer, 1, err) == 0 &&
        beside_read(&beside, r, form == COLUMN_INSTRUCTION, err) == 0 &&
        form_check_rest(r, form, true, err) == 0)
        status = conversation_encode(turns, &beside, r, out, err);
    beside_free(&beside);
    return status;
}

/* Can jq take it as .NAME? */
static bool is_identifier(const char *name)
{
    return *name && !strchr("0123456789", *name) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
               strlen(name);
}

/* A text beside turns could be one of them, or all of what they are. */
static int refuse_mixed(const struct reader *r, enum column text, enum column other,
                        const cJSON *list, struct error *err)
{
    const char *name = column_name(r, text), *role = turns_first_role(list);
    char remedy[320] = "take such records out of the data";
    if (text == COLUMN_PROMPT && *role && strcmp(role, "assistant") != 0)
        snprintf(remedy, sizeof remedy, "--columns messages=%.80s reads the turns alone",
                 column_name(r, other));
    else if (*role)
        snprintf(remedy, sizeof remedy,
                 "jq -c '.%.80s |= [{role: \"%s\", content: .}]' makes the text a turn",
                 is_identifier(name) ? name : "NAME", text == COLUMN_PROMPT ? "user" : "assistant");
    return error_set(err,
                     "\"%.80s\" is a text and \"%.80s\" is not: both must be texts, or both lists "
                     "of messages; %s",
                     name, column_name(r, other), remedy);
}

static int read_pair(struct reader *r, struct token_list *out, struct error *err)
{
    const cJSON *prompt = column_take(r, COLUMN_PROMPT),
                *completion = column_take(r, COLUMN_COMPLETION);
    bool texts = cJSON_IsString(prompt) && cJSON_IsString(completion);
    if (!texts && cJSON_IsString(prompt))
        return refuse_mixed(r, COLUMN_PROMPT, COLUMN_COMPLETION, completion, err);
    if (!texts && cJSON_IsString(completion))
        return refuse_mixed(r, COLUMN_COMPLETION, COLUMN_PROMPT, prompt, err);
    if (!texts)
        return read_turn_pair(r, prompt, completion, out, err);
    if (!template_is_chosen(r->context->chat))
        return form_check_rest(r, COLUMN_PROMPT, false, err) == 0
                   ? encode_pair(r, prompt->valuestring, completion->valuestring, out, err)
                   : -1;
    struct turns turns;
    int status = turns_begin(&turns, err);
    if (status == 0)
        status = conversation_system(&turns, r, NULL, err);
    if (status == 0)
        status = encode_answer(&turns, r, COLUMN_PROMPT, prompt->valuestring,
                               completion->valuestring, out, err);
    turns_free(&turns);
    return status;
}

/* --- Alpaca --- */

/* Without a chat template: the prompts of Stanford Alpaca (Taori et al. 2023); a system text stands
 * in place of their first paragraph, as Axolotl has it. */
static void alpaca_prompt(struct buffer *out, const char *system, const char *instruction,
                          const char *input)
{
    if (*system) {
        buffer_text(out, system);
    } else {
        buffer_text(out, "Below is an instruction that describes a task");
        buffer_text(out, *input ? ", paired with an input that provides further context" : "");
        buffer_text(out, ". Write a response that appropriately completes the request.");
    }
    buffer_text(out, "\n\n### Instruction:\n");
    buffer_text(out, instruction);
    if (*input) {
        buffer_text(out, "\n\n### Input:\n");
        buffer_text(out, input);
    }
    buffer_text(out, "\n\n### Response:\n");
}

/* LLaMA-Factory's: [[question, answer], ...], whose answers are trained, too. */
static int read_history(struct turns *turns, struct reader *r, struct error *err)
{
    const cJSON *history = column_take(r, COLUMN_HISTORY), *pair;
    if (history && !cJSON_IsArray(history))
        return json_says(history)
                   ? error_set(err,
                               "\"%.80s\" is not a list of [question, answer]; --columns "
                               "history= leaves the column unread",
                               column_name(r, COLUMN_HISTORY))
                   : 0;
    cJSON_ArrayForEach(pair, history)
    {
        const cJSON *question = cJSON_GetArrayItem(pair, 0), *answer = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 || !cJSON_IsString(question) ||
            !cJSON_IsString(answer))
            return error_set(err,
                             "\"%.80s\" has something in it that is not [question, answer], "
                             "two texts; take it out of the data, or --columns history= leaves the "
                             "column unread",
                             column_name(r, COLUMN_HISTORY));
        if (turns_add(turns, "user", question->valuestring, 0, err) != 0 ||
            turns_add(turns, "assistant", answer->valuestring, 1, err) != 0)
            return -1;
    }
    return 0;
}

static int read_alpaca(struct reader *r, struct token_list *out, struct error *err)
{
    const char *instruction = NULL, *input = "", *output = NULL, *system = "";
    if (cJSON_IsArray(column_look(r, COLUMN_OUTPUT)))
        return error_set(
            err,
            "\"%.80s\" is a list: of the better and the worse answer it is a "
            "preference pair, for DPO and its like, which spectrum does not train; jq "
            "-c '.%.80s |= .[0]' keeps the first answer alone",
            column_name(r, COLUMN_OUTPUT),
            is_identifier(column_name(r, COLUMN_OUTPUT)) ? column_name(r, COLUMN_OUTPUT) : "NAME");
    if (column_text(r, COLUMN_INSTRUCTION, &instruction, err) != 0 ||
        column_text(r, COLUMN_INPUT, &input, err) != 0 ||
        column_text(r, COLUMN_OUTPUT, &output, err) != 0 ||
        column_text(r, COLUMN_SYSTEM, &system, err) != 0)
        return -1;
    struct turns turns = {0};
    struct buffer prompt = BUFFER_INIT;
    int status = -1;
    if (!template_exists(r->context->chat)) {
        alpaca_prompt(&prompt, system, instruction, input);
        if (buffer_check(&prompt, err) == 0 &&
            form_check_rest(r, COLUMN_INSTRUCTION, false, err) == 0)
            status = encode_pair(r, buffer_string(&prompt), output, out, err);
        goto out;
    }
    buffer_text(&prompt, instruction);
    buffer_text(&prompt, *instruction && *input ? "\n" : "");
    buffer_text(&prompt, input);
    if (buffer_check(&prompt, err) != 0 || turns_begin(&turns, err) != 0 ||
        (*system && turns_add(&turns, "system", system, 0, err) != 0) ||
        read_history(&turns, r, err) != 0)
        goto out;
    status = encode_answer(&turns, r, COLUMN_INSTRUCTION, buffer_string(&prompt), output, out, err);
out:
    turns_free(&turns);
    buffer_free(&prompt);
    return status;
}

/* --- records --- */

/* true, 1 and "true" are 1; false, 0 and "false" are 0; -1: neither. */
static int truth_of(const cJSON *item)
{
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item);
    if (cJSON_IsNumber(item))
        return item->valuedouble == 0 ? 0 : item->valuedouble == 1 ? 1 : -1;
    if (!cJSON_IsString(item))
        return -1;
    return strcasecmp(item->valuestring, "true") == 0    ? 1
           : strcasecmp(item->valuestring, "false") == 0 ? 0
                                                         : -1;
}

/* Who names the column says that it is KTO's. Else true and false are, and numbers and texts are
 * classes; but the words of KTO, and beside TRL's columns its 0 and 1, could be either, and a
 * rejected answer must not train by mistake. */
static int check_label(const struct reader *r, const cJSON *label, enum column form,
                       struct error *err)
{
    const char *name = column_name(r, COLUMN_LABEL);
    if (!label || cJSON_IsBool(label))
        return 0;
    if (r->context->columns->named[COLUMN_LABEL])
        return truth_of(label) >= 0
                   ? 0
                   : error_set(err,
                               "the label \"%.80s\" is neither true nor false (or 1, 0); "
                               "--columns label= leaves it unread",
                               name);
    if (truth_of(label) < 0 || (form != COLUMN_PROMPT && !cJSON_IsString(label)))
        return 0;
    return error_set(err,
                     "the label \"%.80s\" is %s: --columns label=%.80s reads it as KTO's, and "
                     "trains nothing of what is labelled false; if it is a class, --columns label= "
                     "leaves it unread",
                     name, cJSON_IsString(label) ? "a text that says true or false" : "0 or 1",
                     name);
}

/* KTO's label: TRL's and ms-swift's, or LLaMA-Factory's "kto_tag". */
static int read_label(struct reader *r, enum column form, struct error *err)
{
    const struct column_names *columns = r->context->columns;
    const char *name = columns->names[COLUMN_LABEL];
    const cJSON *label = column_look(r, COLUMN_LABEL);
    const cJSON *tag = strcmp(name, "kto_tag") == 0 ? NULL : json_get(r->record, "kto_tag");
    tag = json_is_there(tag) ? tag : NULL;
    bool named = columns->named[COLUMN_LABEL];
    if (!*name)
        return 0;
    if (form == COLUMN_TEXT && !named)
        label = NULL; /* a class, which texts have */
    if (check_label(r, label, form, err) != 0)
        return -1;
    if (tag && !cJSON_IsBool(tag))
        return error_set(err,
                         "\"kto_tag\" is neither true nor false; --columns label=kto_tag reads "
                         "1 and 0, too, --columns label= leaves it unread");
    if (!cJSON_IsBool(label) && !named)
        label = NULL;
    if (label)
        column_take(r, COLUMN_LABEL);
    if (tag)
        column_read(r, "kto_tag");
    if (label && tag && truth_of(label) != truth_of(tag))
        return error_set(err,
                         "\"%.80s\" and \"kto_tag\" say different things; --columns label= "
                         "leaves both unread",
                         name);
    r->form->labelled = label || tag;
    r->form->undesired = (label && !truth_of(label)) || (tag && !truth_of(tag));
    return 0;
}

static int read_weight(struct reader *r, struct error *err)
{
    const char *name = r->context->columns->names[COLUMN_WEIGHT];
    if (!*name)
        return 0;
    if (turn_record_weight(r->record, name, &r->weight, &r->weighed, err) != 0)
        return -1;
    column_take(r, COLUMN_WEIGHT);
    column_read(r, "loss_weight");
    column_read(r, "train");
    column_read(r, "training");
    return 0;
}

static bool was_read(const struct reader *r, enum column which)
{
    const cJSON *value = column_look(r, which);
    return json_says(value) && !form_unread(r->form, value);
}

/* "KTO, messages with system, tools". */
static void name_form(struct reader *r, enum column form)
{
    static const enum column beside[] = {COLUMN_SYSTEM, COLUMN_TOOLS, COLUMN_DOCUMENTS,
                                         COLUMN_HISTORY};
    struct form *out = r->form;
    bool texts = cJSON_IsString(column_look(r, COLUMN_PROMPT));
    const char *name = form == COLUMN_MESSAGES        ? "messages"
                       : form == COLUMN_CONVERSATIONS ? "ShareGPT conversations"
                       : form == COLUMN_TEXT          ? "text"
                       : form == COLUMN_INSTRUCTION
                           ? out->templated ? "Alpaca instruction/input/output, as turns"
                                            : "Alpaca instruction/input/output, Stanford's prompt"
                       : !texts         ? "prompt and completion, turns"
                       : out->templated ? "prompt and completion, texts as turns"
                                        : "prompt and completion, texts";
    int length = snprintf(out->name, sizeof out->name, "%s%s", out->labelled ? "KTO, " : "", name);
    const char *joint = " with ";
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (was_read(r, beside[i])) {
            length += snprintf(out->name + length, sizeof out->name - (size_t)length, "%s%s", joint,
                               column_key(beside[i]));
            joint = ", ";
        }
    if (r->weighed)
        snprintf(out->name + length, sizeof out->name - (size_t)length, "%sweight", joint);
}

int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                struct form *form, struct error *err)
{
    struct reader r = {.context = context, .record = record, .form = form, .weight = 1};
    enum column is = COLUMN_TEXT;
    *form = (struct form){.name = "text"};
    if (cJSON_IsString(record))
        return form_encode_text(context, record->valuestring, strlen(record->valuestring), 0, out,
                                err);
    if (read_weight(&r, err) != 0 || form_choose(&r, &is, err) != 0 || read_label(&r, is, err) != 0)
        return -1;
    form->prompted = is != COLUMN_TEXT;
    r.weight = form->undesired ? 0 : r.weight;
    int status = is == COLUMN_TEXT          ? read_text(&r, out, err)
                 : is == COLUMN_PROMPT      ? read_pair(&r, out, err)
                 : is == COLUMN_INSTRUCTION ? read_alpaca(&r, out, err)
                                            : read_messages(&r, is, out, err);
    if (status == 0)
        name_form(&r, is);
    return status;
}
