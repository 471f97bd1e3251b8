/* A record being read: its columns, and which form they make. Internal to core/text, but for struct
 * form. */
#ifndef SPECTRUM_TEXT_FORM_CHOICE_H
#define SPECTRUM_TEXT_FORM_CHOICE_H

#include "base/json.h"
#include "text/columns.h"
#include "text/template.h"

struct form_context {
    const struct column_names *columns;
    struct chat_template *chat;
    struct tokenizer *tokenizer;
};

enum { FORM_NAME_MAX = 128, FORM_MEMBERS_MAX = 32 };

/* What a record was recognised as. */
struct form {
    char name[FORM_NAME_MAX]; /* "messages with tools", "prompt and completion, texts" */
    bool prompted;  /* it has a prompt or turns, without which what follows is not to be trained */
    bool templated; /* the chat template wrote it */
    bool labelled;  /* KTO's: it has a label */
    bool undesired; /* its label is false: it stays, with weights of 0 */
    const char *read[COLUMN_COUNT + 6]; /* the columns that were read; the context's names */
    size_t read_count;
    /* What its turns have that was not read, "messages[].thought", each once; cut after 80 bytes,
     * maybe in a letter. */
    char members[FORM_MEMBERS_MAX][128];
    size_t member_count;
};

/* Whether a column of the record that form_encode() gave `form` for has something in it that was
 * not read. `column` is a member of the record. */
bool form_unread(const struct form *form, const cJSON *column);

struct reader {
    const struct form_context *context;
    const cJSON *record; /* an object */
    struct form *form;
    double weight; /* of the record: 0 where it is not to be learned */
    bool weighed;  /* it says so itself */
};

/* --- columns --- */

/* Is a text the JSON of nothing: null, [] or {}, or blank? */
bool column_is_empty_json(const char *text);

/* What a column is called in the data, for messages: its name, or its key where it has none. */
const char *column_name(const struct reader *reader, enum column which);

/* A column that is there, or NULL. column_take() counts it as read, null or not. */
const cJSON *column_look(const struct reader *reader, enum column which);
const cJSON *column_take(struct reader *reader, enum column which);
void column_read(struct reader *reader, const char *name);

/* A column of text. Absent or null: *out stays where it is not NULL, else an error. */
int column_text(struct reader *reader, enum column which, const char **out, struct error *err);

/* --- which form it has --- */

/* *out: COLUMN_TEXT, COLUMN_PROMPT, COLUMN_INSTRUCTION, COLUMN_MESSAGES or COLUMN_CONVERSATIONS.
 * Where no form is there, or two that say different things, an error that says what to do. */
int form_choose(const struct reader *reader, enum column *out, struct error *err);

/* Refuses what stands beside the form, was not read and would have to be. `turns`: the template
 * writes the record. */
int form_check_rest(const struct reader *reader, enum column form, bool turns, struct error *err);

#endif
