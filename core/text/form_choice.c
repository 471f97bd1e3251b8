/* Which form a record has, and what is refused by name.
 *
 * Many data sets have one record in two forms: ultrachat's "prompt" beside "messages", Alpaca's
 * "text" that was made from the other columns. What TRL's order or the data's own origin decides is
 * taken, and the other is named as unread; what would say different things is refused. */
#include "text/form_reader.h"

#include "base/buffer.h"

#include <string.h>

/* --- columns --- */

bool column_is_there(const cJSON *item)
{
    return item && !cJSON_IsNull(item);
}

bool column_says(const cJSON *item)
{
    return turn_says(item);
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
    return column_is_there(value) ? value : NULL;
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

static void list_names(const cJSON *record, struct buffer *names)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, record) if (names->length < 400)
        buffer_format(names, "%s\"%.40s\"", item == record->child ? "" : ", ", item->string);
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
        return error_set(err, "\"%.80s\" is not a text", column_name(r, which));
    if (!value && !*out)
        return lacks(r, which, err);
    if (value)
        *out = value->valuestring;
    return 0;
}

/* --- preference pairs --- */

static bool is_side(const cJSON *item)
{
    return cJSON_IsString(item) || cJSON_IsArray(item) || cJSON_IsObject(item);
}

/* The --columns with which the better answer of this record trains, or NULL. */
static const char *preference_columns(const struct reader *r, const cJSON *chosen)
{
    const cJSON *prompt = json_get(r->record, "prompt");
    bool turns = cJSON_IsArray(chosen) || cJSON_IsObject(chosen);
    bool prompt_turns = cJSON_IsArray(prompt) || cJSON_IsObject(prompt);
    if (cJSON_IsArray(chosen) && strcmp(turns_first_role(chosen), "assistant") != 0)
        return "messages=chosen";
    if (turns && column_is_there(json_get(r->record, "conversations")))
        return "prompt=conversations,completion=chosen";
    if (turns && column_is_there(json_get(r->record, "messages")))
        return "prompt=messages,completion=chosen";
    if (column_is_there(prompt) && turns == prompt_turns)
        return "prompt=prompt,completion=chosen";
    if (!turns && cJSON_IsString(json_get(r->record, "instruction")))
        return "instruction=instruction,input=input,output=chosen";
    if (!turns && cJSON_IsString(json_get(r->record, "question")))
        return "prompt=question,completion=chosen";
    return !turns && r->record->child && !column_is_there(prompt) ? "text=chosen" : NULL;
}

/* Whoever names the columns of a form says what is to be read of a pair. */
static int refuse_preferences(const struct reader *r, struct error *err)
{
    const cJSON *chosen = json_get(r->record, "chosen"),
                *rejected = json_get(r->record, "rejected");
    if (r->context->columns->chosen || !chosen || !rejected ||
        !(is_side(chosen) || is_side(rejected)))
        return 0;
    const char *columns = preference_columns(r, chosen);
    return error_set(
        err,
        "preference pairs: \"chosen\" and \"rejected\" are for DPO and its like, which "
        "spectrum does not train; --columns %s trains on the chosen answers alone%s",
        columns ? columns : "prompt=NAME,completion=chosen",
        columns ? "" : ", with the NAME of the column that has the prompt");
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

int form_choose(const struct reader *r, enum column *out, struct error *err)
{
    bool messages = column_look(r, COLUMN_MESSAGES),
         conversations = column_look(r, COLUMN_CONVERSATIONS),
         instruction = column_look(r, COLUMN_INSTRUCTION), prompt = column_look(r, COLUMN_PROMPT),
         completion = column_look(r, COLUMN_COMPLETION),
         alpaca = instruction && column_look(r, COLUMN_OUTPUT);
    enum column turns = messages ? COLUMN_MESSAGES : COLUMN_CONVERSATIONS;
    const char *turns_columns = messages ? "messages=messages" : "conversations=conversations";
    if (refuse_preferences(r, err) != 0)
        return -1;
    if (prompt && completion) { /* TRL's order: before messages and text */
        *out = COLUMN_PROMPT;
        return alpaca ? refuse_two(r, COLUMN_PROMPT, "prompt=prompt,completion=completion",
                                   COLUMN_INSTRUCTION, ALPACA_COLUMNS, err)
                      : 0;
    }
    if (messages && conversations)
        return refuse_two(r, COLUMN_MESSAGES, "messages=messages", COLUMN_CONVERSATIONS,
                          "conversations=conversations", err);
    *out = turns;
    if ((messages || conversations) && completion)
        return refuse_two(r, turns, turns_columns, COLUMN_COMPLETION,
                          messages ? "prompt=messages,completion=completion"
                                   : "prompt=conversations,completion=completion",
                          err);
    if ((messages || conversations) && alpaca)
        return refuse_two(r, turns, turns_columns, COLUMN_INSTRUCTION, ALPACA_COLUMNS, err);
    if (messages || conversations)
        return 0;
    *out = COLUMN_INSTRUCTION;
    if (instruction)
        return alpaca ? 0 : lacks(r, COLUMN_OUTPUT, err);
    if (prompt && column_is_there(json_get(r->record, "completions")))
        return error_set(err, "stepwise supervision (\"prompt\" with \"completions\" and their "
                              "\"labels\") is for reward models, which spectrum does not train");
    if (prompt || completion) {
        lacks(r, prompt ? COLUMN_COMPLETION : COLUMN_PROMPT, err);
        return error_prefix(err, "a %s alone is not trained",
                            prompt ? "prompt" : "completion without its prompt");
    }
    *out = COLUMN_TEXT;
    return column_look(r, COLUMN_TEXT) ? 0 : refuse_none(r, err);
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

/* Is it what the column would have, rather than something else of that name? */
static bool is_unread(const struct reader *r, enum column which)
{
    const cJSON *value = column_look(r, which);
    const cJSON *first = cJSON_IsArray(value) ? value->child : NULL;
    if (!value || !form_unread(r->form, value))
        return false;
    return which == COLUMN_HISTORY     ? cJSON_IsArray(first)
           : which == COLUMN_DOCUMENTS ? cJSON_IsObject(first)
           : which == COLUMN_TOOLS     ? first || cJSON_IsString(value)
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
    if (turns && cJSON_IsArray(functions) && form_unread(r->form, functions))
        return error_set(err, "\"functions\" is OpenAI's old name of tools: --columns "
                              "tools=functions reads it");
    return 0;
}
