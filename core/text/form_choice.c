/* Which form a record has, and what is refused by name.
 *
 * Many data sets have one record in two forms: ultrachat's "prompt" beside "messages", Alpaca's
 * "text" that was made from the other columns. What TRL's order or the data's own origin decides is
 * taken, and the other is named as unread; what would say different things is refused. */
#include "text/form_choice.h"

#include "base/buffer.h"
#include "text/turns.h"

#include <stdio.h>
#include <string.h>

/* --- columns --- */

bool column_is_empty_json(const char *text)
{
    static const char *const empty[] = {"", "null", "[]", "{}"};
    char letters[6];
    size_t count = 0;
    for (; *text && count < sizeof letters - 1; text++)
        if (!strchr(" \t\r\n", *text))
            letters[count++] = *text;
    letters[count] = '\0';
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        if (strcmp(letters, empty[i]) == 0)
            return true;
    return false;
}

const char *column_name(const struct reader *r, enum column which)
{
    const char *name = r->context->columns->names[which];
    return *name ? name : column_key(which);
}

/* Also where it is null. */
static const cJSON *column_raw(const struct reader *r, enum column which)
{
    const char *name = r->context->columns->names[which];
    return *name ? json_get(r->record, name) : NULL;
}

const cJSON *column_look(const struct reader *r, enum column which)
{
    const cJSON *value = column_raw(r, which);
    return json_is_there(value) ? value : NULL;
}

void column_read(struct reader *r, const char *name)
{
    struct form *form = r->form;
    if (form->read_count < sizeof form->read / sizeof *form->read)
        form->read[form->read_count++] = name;
}

const cJSON *column_take(struct reader *r, enum column which)
{
    if (column_raw(r, which))
        column_read(r, r->context->columns->names[which]);
    return column_look(r, which);
}

bool form_unread(const struct form *form, const cJSON *column)
{
    for (size_t i = 0; i < form->read_count; i++)
        if (column->string && strcmp(form->read[i], column->string) == 0)
            return false;
    return json_says(column);
}

static void list_names(const cJSON *record, struct buffer *names)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, record)
    {
        if (names->length < 400)
            buffer_format(names, "%s\"%.40s\"", item == record->child ? "" : ", ", item->string);
    }
}

/* Columns that one form is made of. */
static const enum column forms[][3] = {{COLUMN_PROMPT, COLUMN_COMPLETION, COLUMN_COUNT},
                                       {COLUMN_INSTRUCTION, COLUMN_INPUT, COLUMN_OUTPUT}};
enum { FORMS = sizeof forms / sizeof *forms };

/* The --columns that name the columns of the form that `of` belongs to, with a NAME to be filled in
 * for what is lacking. */
static void put_columns(const struct reader *r, enum column of, enum column lacking,
                        struct buffer *out)
{
    for (size_t f = 0; f < FORMS; f++) {
        if (of != forms[f][0] && of != forms[f][1] && of != forms[f][2])
            continue;
        const char *joint = "";
        for (size_t i = 0; i < 3 && forms[f][i] != COLUMN_COUNT; i++) {
            enum column which = forms[f][i];
            bool there = r->context->columns->named[which] ||
                         json_get(r->record, column_name(r, which)) != NULL;
            if (which == COLUMN_INPUT && !there)
                continue;
            buffer_format(out, "%s%s=%.80s", joint, column_key(which),
                          which == lacking || !there ? "NAME" : column_name(r, which));
            joint = ",";
        }
        return;
    }
    buffer_format(out, "%s=NAME", column_key(of));
}

/* error_set() makes the names fit to be shown. */
static int lacks(const struct reader *r, enum column which, struct error *err)
{
    struct buffer names = BUFFER_INIT, columns = BUFFER_INIT;
    const cJSON *value = column_raw(r, which);
    list_names(r->record, &names);
    put_columns(r, which, which, &columns);
    if (value)
        error_set(err, "\"%.80s\" is null; take such records out of the data",
                  column_name(r, which));
    else
        error_set(err, "no \"%.80s\"; there are: %.300s; --columns %.200s names another",
                  column_name(r, which), buffer_string(&names), buffer_string(&columns));
    buffer_free(&columns);
    buffer_free(&names);
    return -1;
}

int column_text(struct reader *r, enum column which, const char **out, struct error *err)
{
    const cJSON *value = column_take(r, which);
    if (value && !cJSON_IsString(value))
        return error_set(err,
                         "\"%.80s\" is not a text; take such records out of the data, or name "
                         "another column with --columns%s",
                         column_name(r, which),
                         cJSON_IsNumber(value) || cJSON_IsBool(value)
                             ? " (of numbers jq's tostring makes texts)"
                             : "");
    if (!value && !*out)
        return lacks(r, which, err);
    if (value)
        *out = value->valuestring;
    return 0;
}

/* --- preference pairs --- */

static bool is_turns(const cJSON *item)
{
    return cJSON_IsArray(item) || cJSON_IsObject(item);
}

static bool is_side(const cJSON *item)
{
    return cJSON_IsString(item) || is_turns(item);
}

/* The column that the answers of a pair follow, by its usual names; NULL: it is none of these. */
static const char *question_of(const struct reader *r, bool turns)
{
    static const char *const names[] = {"prompt", "messages", "conversations", "question",
                                        "query",  "input",    "context"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *value = json_get(r->record, names[i]);
        if (json_says(value) && (turns ? is_turns(value) : cJSON_IsString(value)))
            return names[i];
    }
    return NULL;
}

/* Has the record texts or turns beside its pair? */
static bool has_more(const struct reader *r)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, r->record)
    {
        if (is_side(item) && json_says(item) && strcmp(item->string, "chosen") != 0 &&
            strcmp(item->string, "rejected") != 0)
            return true;
    }
    return false;
}

/* The role that the turns of an answer begin with, be they JSON in a text; "": it has none. */
static const char *begins_with(const cJSON *chosen, char role[32])
{
    cJSON *parsed = cJSON_IsString(chosen) && chosen->valuestring[0] == '['
                        ? json_parse(chosen->valuestring, strlen(chosen->valuestring),
                                     JSON_LOOSE_NUMBERS | JSON_KEEP_NUMBERS, "chosen", NULL)
                        : NULL;
    snprintf(role, 32, "%s", turns_first_role(parsed ? parsed : chosen));
    cJSON_Delete(parsed);
    return role;
}

/* What makes the better answer of this record train. */
static void put_preference(const struct reader *r, const cJSON *chosen, struct buffer *out)
{
    static const char trains[] = "trains on the chosen answers alone";
    char role[32];
    bool turns = is_turns(chosen), spoken = *begins_with(chosen, role);
    const char *question = question_of(r, turns), *before = question_of(r, true);
    if (spoken && strcmp(role, "assistant") != 0)
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
    else if (!turns && !has_more(r))
        buffer_format(out, "--columns text=chosen %s", trains);
    else
        buffer_format(
            out,
            "--columns prompt=NAME,completion=chosen %s, with the NAME of the column that "
            "has the prompt%s",
            trains, turns ? ", a list of turns" : " (text=chosen, where none has)");
}

/* Whoever names the columns of a form says what is to be read of a pair. One side alone is none:
 * data sets that were put together have nulls in what a record lacks. */
static int refuse_preferences(const struct reader *r, struct error *err)
{
    const cJSON *chosen = json_get(r->record, "chosen"),
                *rejected = json_get(r->record, "rejected");
    if (r->context->columns->chosen || !is_side(chosen) || !is_side(rejected) ||
        !(json_says(chosen) || json_says(rejected)))
        return 0;
    struct buffer remedy = BUFFER_INIT;
    put_preference(r, chosen, &remedy);
    error_set(err,
              "preference pairs: \"chosen\" and \"rejected\" are for DPO and its like, which "
              "spectrum does not train; %s",
              buffer_string(&remedy));
    buffer_free(&remedy);
    return -1;
}

/* --- the choice --- */

/* A form of which --columns names a part: the rest is not looked for. */
static int refuse_part(const struct reader *r, enum column part, struct error *err)
{
    struct buffer columns = BUFFER_INIT, names = BUFFER_INIT;
    put_columns(r, part, COLUMN_COUNT, &columns);
    list_names(r->record, &names);
    error_set(err,
              "--columns names \"%s\", and what it leaves out of that form is not looked for: name "
              "all of it, as in --columns %.200s; there are: %.300s",
              column_key(part), buffer_string(&columns), buffer_string(&names));
    buffer_free(&columns);
    buffer_free(&names);
    return -1;
}

/* Turns under a name that is not known, and a record that is one turn. */
static int refuse_unknown_turns(const struct reader *r, struct error *err)
{
    const cJSON *item;
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
    return 0;
}

static int refuse_none(const struct reader *r, struct error *err)
{
    static const enum column nulls[] = {COLUMN_MESSAGES, COLUMN_CONVERSATIONS, COLUMN_COMPLETION,
                                        COLUMN_PROMPT,   COLUMN_INSTRUCTION,   COLUMN_TEXT};
    struct buffer names = BUFFER_INIT;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (column_raw(r, nulls[i]))
            return lacks(r, nulls[i], err);
    for (size_t i = 0; i < FORMS * 3; i++)
        if (forms[i / 3][i % 3] != COLUMN_COUNT && r->context->columns->named[forms[i / 3][i % 3]])
            return refuse_part(r, forms[i / 3][i % 3], err);
    if (refuse_unknown_turns(r, err) != 0)
        return -1;
    list_names(r->record, &names);
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

/* A form of several texts is there with all of them, of which some may be empty. */
static bool is_form(const struct reader *r, enum column a, enum column b, bool empty)
{
    return column_look(r, a) && column_look(r, b) &&
           (is_there(r, a, empty) || is_there(r, b, empty));
}

/* *out stays COLUMN_COUNT where no form is there. */
static int choose(const struct reader *r, bool empty, enum column *out, struct error *err)
{
    bool messages = is_there(r, COLUMN_MESSAGES, empty),
         conversations = is_there(r, COLUMN_CONVERSATIONS, empty),
         alpaca = is_form(r, COLUMN_INSTRUCTION, COLUMN_OUTPUT, empty),
         prompt = is_there(r, COLUMN_PROMPT, empty),
         completion = is_there(r, COLUMN_COMPLETION, empty);
    enum column turns = messages ? COLUMN_MESSAGES : COLUMN_CONVERSATIONS;
    const char *turns_columns = messages ? "messages=messages" : "conversations=conversations";
    *out = COLUMN_COUNT;
    if (is_form(r, COLUMN_PROMPT, COLUMN_COMPLETION, empty)) { /* TRL's order: before messages */
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
    else if (is_there(r, COLUMN_INSTRUCTION, empty))
        return lacks(r, COLUMN_OUTPUT, err);
    else if (prompt && json_is_there(json_get(r->record, "completions")))
        return error_set(err, "stepwise supervision (\"prompt\" with \"completions\" and their "
                              "\"labels\") is for reward models, which spectrum does not train");
    else if (prompt || completion) {
        lacks(r, prompt ? COLUMN_COMPLETION : COLUMN_PROMPT, err);
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

/* Pictures and sounds: with turns their places are among the words. */
static int refuse_media(const struct reader *r, bool turns, struct error *err)
{
    for (const char *const *name = turn_media; *name; name++) {
        const cJSON *value = json_get(r->record, *name);
        if (value && form_unread(r->form, value) && (turns || !r->context->columns->chosen))
            return error_set(err,
                             "\"%s\" has something in it, and spectrum trains on text alone; take "
                             "such records out of the data%s",
                             *name, turns ? "" : ", or name the columns of text with --columns");
    }
    return 0;
}

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

int form_check_rest(const struct reader *r, enum column form, bool turns, struct error *err)
{
    static const enum column of_turns[] = {COLUMN_SYSTEM, COLUMN_TOOLS, COLUMN_DOCUMENTS,
                                           COLUMN_HISTORY};
    const cJSON *functions = json_get(r->record, "functions");
    bool of_text = form == COLUMN_TEXT;
    if (refuse_media(r, turns || form == COLUMN_INSTRUCTION, err) != 0)
        return -1;
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
