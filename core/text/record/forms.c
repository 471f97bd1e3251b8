/* A record by its form: which columns it is made of, as what the template or a plain prompt writes
 * it, and which tokens are trained.
 *
 *     text                    one text, all of it, and eos
 *     prompt, completion      texts: the tokens of both as one, trained after those of the prompt
 *                             turns: through the template, trained after the prompt's tokens
 *     instruction, output     Alpaca's: through the template, else in Stanford's own prompt
 *     messages, conversations turns through the template
 */
#include "text/record/reader.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

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

/* A list of turns, or its JSON as a text, as Axolotl takes it. */
static int read_messages(struct reader *r, enum column form, struct token_list *out,
                         struct error *err)
{
    struct turns turns;
    struct beside beside = {0};
    cJSON *parsed = NULL;
    const char *name = column_name(r, form);
    const cJSON *list = column_take(r, form);
    int status = -1;
    if (cJSON_IsString(list)) {
        list = parsed =
            json_parse(list->valuestring, strlen(list->valuestring),
                       JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "not an array of messages", err);
        if (!list)
            return error_prefix(err, "\"%.80s\"", name);
    }
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

/* Two texts, or two lists of turns. With a template that was chosen by name, texts become turns;
 * else they are joined as they are, as TRL does. */
static int read_pair(struct reader *r, struct token_list *out, struct error *err)
{
    const cJSON *prompt = column_take(r, COLUMN_PROMPT),
                *completion = column_take(r, COLUMN_COMPLETION);
    bool of_prompt = cJSON_IsString(prompt), of_completion = cJSON_IsString(completion);
    if (!of_prompt && !of_completion)
        return read_turn_pair(r, prompt, completion, out, err);
    if (of_prompt != of_completion) {
        /* A text beside turns could be one of them, or all of what they are. */
        enum column text = of_prompt ? COLUMN_PROMPT : COLUMN_COMPLETION;
        enum column other = of_prompt ? COLUMN_COMPLETION : COLUMN_PROMPT;
        const char *name = column_name(r, text);
        const char *role = turns_first_role(of_prompt ? completion : prompt);
        char remedy[320] = "take such records out of the data";
        if (of_prompt && *role && strcmp(role, "assistant") != 0)
            snprintf(remedy, sizeof remedy, "--columns messages=%.80s reads the turns alone",
                     column_name(r, other));
        else if (*role)
            snprintf(remedy, sizeof remedy,
                     "jq -c '.%.80s |= [{role: \"%s\", content: .}]' makes the text a turn",
                     is_identifier(name) ? name : "NAME", of_prompt ? "user" : "assistant");
        return error_set(err,
                         "\"%.80s\" is a text and \"%.80s\" is not: both must be texts, or both "
                         "lists of messages; %s",
                         name, column_name(r, other), remedy);
    }
    if (!template_is_chosen(r->context->chat))
        return form_check_rest(r, COLUMN_PROMPT, false, err) == 0
                   ? encode_pair(r, prompt->valuestring, completion->valuestring, out, err)
                   : -1;
    struct turns turns;
    int status = -1;
    if (turns_begin(&turns, err) == 0 && conversation_system(&turns, r, NULL, err) == 0)
        status = encode_answer(&turns, r, COLUMN_PROMPT, prompt->valuestring,
                               completion->valuestring, out, err);
    turns_free(&turns);
    return status;
}

/* --- Alpaca --- */

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

/* Without a chat template: the prompts of Stanford Alpaca (Taori et al. 2023); a system text stands
 * in place of their first paragraph, as Axolotl has it. */
static int read_alpaca(struct reader *r, struct token_list *out, struct error *err)
{
    const char *instruction = NULL, *input = "", *output = NULL, *system = "";
    const char *name = column_name(r, COLUMN_OUTPUT);
    if (cJSON_IsArray(column_look(r, COLUMN_OUTPUT)))
        return error_set(err,
                         "\"%.80s\" is a list: of the better and the worse answer it is a "
                         "preference pair, for DPO and its like, which spectrum does not train; jq "
                         "-c '.%.80s |= .[0]' keeps the first answer alone",
                         name, is_identifier(name) ? name : "NAME");
    if (column_text(r, COLUMN_INSTRUCTION, &instruction, err) != 0 ||
        column_text(r, COLUMN_INPUT, &input, err) != 0 ||
        column_text(r, COLUMN_OUTPUT, &output, err) != 0 ||
        column_text(r, COLUMN_SYSTEM, &system, err) != 0)
        return -1;
    struct turns turns = {0};
    struct buffer prompt = BUFFER_INIT;
    int status = -1;
    if (!template_exists(r->context->chat)) {
        if (*system)
            buffer_text(&prompt, system);
        else
            buffer_format(&prompt,
                          "Below is an instruction that describes a task%s. Write a response that "
                          "appropriately completes the request.",
                          *input ? ", paired with an input that provides further context" : "");
        buffer_text(&prompt, "\n\n### Instruction:\n");
        buffer_text(&prompt, instruction);
        buffer_text(&prompt, *input ? "\n\n### Input:\n" : "");
        buffer_text(&prompt, input);
        buffer_text(&prompt, "\n\n### Response:\n");
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
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        const cJSON *value = column_look(r, beside[i]);
        if (!json_says(value) || form_unread(out, value))
            continue;
        length += snprintf(out->name + length, sizeof out->name - (size_t)length, "%s%s", joint,
                           column_key(beside[i]));
        joint = ", ";
    }
    if (r->weighed)
        snprintf(out->name + length, sizeof out->name - (size_t)length, "%sweight", joint);
}

/* How much it counts first, then which form it is, then its tokens; a KTO record that is undesired
 * is encoded and counts nothing. */
int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                struct form *form, struct error *err)
{
    struct reader r = {.context = context, .record = record, .form = form, .weight = 1};
    enum column is = COLUMN_TEXT;
    *form = (struct form){.name = "text"};
    if (cJSON_IsString(record))
        return form_encode_text(context, record->valuestring, strlen(record->valuestring), 0, out,
                                err);
    if (reader_read_weight(&r, err) != 0 || form_choose(&r, &is, err) != 0 ||
        reader_read_label(&r, is, err) != 0)
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
