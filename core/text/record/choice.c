/* Which form a record has, and what is refused by name.
 *
 * Many data sets have one record in two forms: ultrachat's "prompt" beside "messages", Alpaca's
 * "text" that was made from the other columns. What TRL's order or the data's own origin decides is
 * taken, and the other is named as unread; what would say different things is refused. */
#include "text/record/reader.h"

#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

/* --- preference pairs --- */

static bool is_turns(const cJSON *item)
{
    return cJSON_IsArray(item) || cJSON_IsObject(item);
}

/* What makes the better answer of this record train. */
static void put_preference(const struct reader *r, const cJSON *chosen, struct buffer *out)
{
    static const char trains[] = "trains on the chosen answers alone";
    static const char *const questions[] = {"prompt", "messages", "conversations", "question",
                                            "query",  "input",    "context"};
    const cJSON *item;
    bool turns = is_turns(chosen), more = false; /* texts or turns beside its pair */
    /* The column that the answers follow, by its usual names, as they are; the same, as turns. */
    const char *question = NULL, *before = NULL;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const cJSON *value = json_get(r->record, questions[i]);
        if (!json_says(value))
            continue;
        if (!question && (turns ? is_turns(value) : cJSON_IsString(value)))
            question = questions[i];
        if (!before && is_turns(value))
            before = questions[i];
    }
    cJSON_ArrayForEach(item, r->record)
    {
        more |= (cJSON_IsString(item) || is_turns(item)) && json_says(item) &&
                strcmp(item->string, "chosen") != 0 && strcmp(item->string, "rejected") != 0;
    }
    /* The role that the turns of an answer begin with, be they JSON in a text; "": it has none. */
    cJSON *parsed = cJSON_IsString(chosen) && chosen->valuestring[0] == '['
                        ? json_parse(chosen->valuestring, strlen(chosen->valuestring),
                                     JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "chosen", NULL)
                        : NULL;
    const char *role = turns_first_role(parsed ? parsed : chosen);
    bool asks = *role && strcmp(role, "assistant") != 0;
    cJSON_Delete(parsed);
    if (asks)
        buffer_format(out, "--columns messages=chosen %s", trains);
    else if (!turns && cJSON_IsString(json_get(r->record, "instruction")))
        buffer_format(out, "--columns instruction=instruction,%soutput=chosen %s",
                      json_get(r->record, "input") ? "input=input," : "", trains);
    else if (cJSON_IsArray(chosen) && cJSON_IsString(chosen->child))
        buffer_text(out,
                    "jq -c '.chosen |= .[0]' makes the list of answers one, of which --columns "
                    "prompt=NAME,completion=chosen can train");
    else if (question)
        buffer_format(out, "--columns prompt=%s,completion=chosen %s", question, trains);
    else if (!turns && before)
        buffer_format(out,
                      "--columns prompt=%s,completion=chosen %s, once jq -c '.chosen |= [{role: "
                      "\"assistant\", content: .}]' has made turns of them",
                      before, trains);
    else if (!turns && !more)
        buffer_format(out, "--columns text=chosen %s", trains);
    else
        buffer_format(
            out,
            "--columns prompt=NAME,completion=chosen %s, with the NAME of the column that "
            "has the prompt%s",
            trains, turns ? ", a list of turns" : " (text=chosen, where none has)");
}

/* Whoever names the columns of a form says what is to be read of a pair. One side alone does not
 * make one: data sets that were put together have nulls in what a record lacks. */
static int refuse_preferences(const struct reader *r, struct error *err)
{
    const cJSON *sides[] = {json_get(r->record, "chosen"), json_get(r->record, "rejected")};
    bool pair = !r->context->columns->chosen && (json_says(sides[0]) || json_says(sides[1]));
    for (size_t i = 0; i < 2; i++)
        pair = pair && (cJSON_IsString(sides[i]) || is_turns(sides[i]));
    if (!pair)
        return 0;
    struct buffer remedy = BUFFER_INIT;
    put_preference(r, sides[0], &remedy);
    error_set(err,
              "preference pairs: \"chosen\" and \"rejected\" are for DPO and its like, which "
              "spectrum does not train; %s",
              buffer_string(&remedy));
    buffer_free(&remedy);
    return -1;
}

/* --- the choice --- */

/* No form is there: columns that are null, a part of a form, turns under a name that is not known,
 * a record that is one turn, or nothing of these. */
static int refuse_none(const struct reader *r, struct error *err)
{
    static const enum column nulls[] = {COLUMN_MESSAGES, COLUMN_CONVERSATIONS, COLUMN_COMPLETION,
                                        COLUMN_PROMPT,   COLUMN_INSTRUCTION,   COLUMN_TEXT};
    struct buffer names = BUFFER_INIT;
    const cJSON *item;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (column_raw(r, nulls[i]))
            return column_lacks(r, nulls[i], err);
    if (column_refuse_part(r, err) != 0)
        return -1;
    if (turns_first_role(r->record)[0] &&
        (json_get(r->record, "content") || json_get(r->record, "value")))
        return error_set(err, "this record is one turn of a conversation: a record is all of it, "
                              "{\"messages\": [...]}; of a file that is one list of turns jq -c "
                              "'{messages: .}' makes that");
    cJSON_ArrayForEach(item, r->record)
    {
        if (cJSON_IsArray(item) && turns_first_role(item)[0])
            return error_set(err,
                             "none of the known columns is there, but \"%.80s\" is a list of "
                             "turns: --columns messages=%.80s reads it",
                             item->string, item->string);
    }
    column_put_names(r->record, &names);
    error_set(err,
              "none of the known columns is there (text; prompt and completion; instruction and "
              "output; messages; conversations); name yours with --columns, as in --columns "
              "prompt=question,completion=answer; there are: %.300s",
              names.length ? buffer_string(&names) : "none");
    buffer_free(&names);
    return -1;
}

static int refuse_two(const struct reader *r, enum column a, const char *a_columns, enum column b,
                      const char *b_columns, struct error *err)
{
    return error_set(err,
                     "two forms in one record, \"%.80s\" and \"%.80s\": say which is meant, with "
                     "--columns %s or --columns %s",
                     column_name(r, a), column_name(r, b), a_columns, b_columns);
}

#define ALPACA_COLUMNS "instruction=instruction,input=input,output=output"

/* What of a record is there: with something in it or, where `empty` ones count, but for nulls. */
static bool is_there(const struct reader *r, enum column which, bool empty)
{
    const cJSON *value = column_look(r, which);
    return empty ? value != NULL : json_says(value);
}

/* *out stays COLUMN_COUNT where no form is there. A form of several texts is there with all of
 * them, of which some may be empty. */
static int choose(const struct reader *r, bool empty, enum column *out, struct error *err)
{
    bool messages = is_there(r, COLUMN_MESSAGES, empty),
         conversations = is_there(r, COLUMN_CONVERSATIONS, empty),
         instruction = is_there(r, COLUMN_INSTRUCTION, empty),
         prompt = is_there(r, COLUMN_PROMPT, empty),
         completion = is_there(r, COLUMN_COMPLETION, empty);
    bool alpaca = column_look(r, COLUMN_INSTRUCTION) && column_look(r, COLUMN_OUTPUT) &&
                  (instruction || is_there(r, COLUMN_OUTPUT, empty));
    bool pair = column_look(r, COLUMN_PROMPT) && column_look(r, COLUMN_COMPLETION) &&
                (prompt || completion);
    enum column turns = messages ? COLUMN_MESSAGES : COLUMN_CONVERSATIONS;
    const char *turns_columns = messages ? "messages=messages" : "conversations=conversations";
    *out = COLUMN_COUNT;
    if (pair) { /* TRL's order: before messages */
        *out = COLUMN_PROMPT;
        return alpaca ? refuse_two(r, COLUMN_PROMPT, "prompt=prompt,completion=completion",
                                   COLUMN_INSTRUCTION, ALPACA_COLUMNS, err)
                      : 0;
    }
    if (messages && conversations)
        return refuse_two(r, COLUMN_MESSAGES, "messages=messages", COLUMN_CONVERSATIONS,
                          "conversations=conversations", err);
    if ((messages || conversations) && completion)
        return refuse_two(r, turns, turns_columns, COLUMN_COMPLETION,
                          messages ? "prompt=messages,completion=completion"
                                   : "prompt=conversations,completion=completion",
                          err);
    if ((messages || conversations) && alpaca)
        return refuse_two(r, turns, turns_columns, COLUMN_INSTRUCTION, ALPACA_COLUMNS, err);
    if (messages || conversations) {
        *out = turns;
        return 0;
    }
    if (alpaca)
        *out = COLUMN_INSTRUCTION;
    else if (instruction)
        return column_lacks(r, COLUMN_OUTPUT, err);
    else if (prompt && json_is_there(json_get(r->record, "completions")))
        return error_set(err, "stepwise supervision (\"prompt\" with \"completions\" and their "
                              "\"labels\") is for reward models, which spectrum does not train");
    else if (prompt || completion) {
        column_lacks(r, prompt ? COLUMN_COMPLETION : COLUMN_PROMPT, err);
        return error_prefix(err, prompt ? "a prompt alone is not trained"
                                        : "a completion is not trained without its prompt");
    } else if (is_there(r, COLUMN_TEXT, empty))
        *out = COLUMN_TEXT;
    return 0;
}

/* An empty column beside one that says something is as good as null: so tables are filled. */
int form_choose(const struct reader *r, enum column *out, struct error *err)
{
    if (refuse_preferences(r, err) != 0 || choose(r, false, out, err) != 0)
        return -1;
    if (*out == COLUMN_COUNT && choose(r, true, out, err) != 0)
        return -1;
    return *out == COLUMN_COUNT ? refuse_none(r, err) : 0;
}

/* --- beside the form --- */

/* A list with something in it, or its JSON as a text. */
static bool lists_something(const cJSON *value)
{
    return cJSON_IsArray(value)
               ? value->child != NULL
               : cJSON_IsString(value) && !column_is_empty_json(value->valuestring);
}

/* Is it what the column would have, rather than something else of that name? */
static bool is_unread(const struct reader *r, enum column which)
{
    const cJSON *value = column_look(r, which);
    const cJSON *first = cJSON_IsArray(value) ? value->child : NULL;
    if (!value || !form_unread(r->form, value))
        return false;
    return which == COLUMN_HISTORY     ? cJSON_IsArray(first)
           : which == COLUMN_DOCUMENTS ? cJSON_IsObject(first)
           : which == COLUMN_TOOLS     ? lists_something(value)
                                       : true;
}

/* Pictures and sounds are refused with turns, where their places are among the words. */
int form_check_rest(const struct reader *r, enum column form, bool turns, struct error *err)
{
    static const enum column of_turns[] = {COLUMN_SYSTEM, COLUMN_TOOLS, COLUMN_DOCUMENTS,
                                           COLUMN_HISTORY};
    const cJSON *functions = json_get(r->record, "functions");
    bool of_text = form == COLUMN_TEXT, spoken = turns || form == COLUMN_INSTRUCTION;
    for (const char *const *name = turn_media; *name; name++) {
        const cJSON *value = json_get(r->record, *name);
        if (value && form_unread(r->form, value) && (spoken || !r->context->columns->chosen))
            return error_set(err,
                             "\"%s\" has something in it, and spectrum trains on text alone; take "
                             "such records out of the data%s",
                             *name, spoken ? "" : ", or name the columns of text with --columns");
    }
    for (size_t i = 0; i < sizeof of_turns / sizeof *of_turns; i++)
        if (is_unread(r, of_turns[i]))
            return error_set(
                err, "\"%.80s\" belongs to turns%s, and %s; --columns %s= leaves it unread",
                column_name(r, of_turns[i]),
                of_turns[i] == COLUMN_HISTORY ? " of \"instruction\" and \"output\"" : "",
                turns     ? "this record has others"
                : of_text ? "this record is a text"
                          : "without a chat template a record is none: choose one "
                            "with --template",
                column_key(of_turns[i]));
    if (turns && functions && form_unread(r->form, functions) && lists_something(functions))
        return error_set(err, "\"functions\" is OpenAI's old name of tools: --columns "
                              "tools=functions reads it");
    return 0;
}
