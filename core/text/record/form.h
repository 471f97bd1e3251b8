/* One JSON record of a data file to one tokenised document: which form it has, what is trained.
 *
 * A record is read as the tool that its form comes from reads it (docs/training.md has the table),
 * or is refused by name. What would change what the model sees is never left unread; other columns
 * are, and form_unread() says so of each.
 *
 * A context is made once for a data set and lends its three parts to every record; the record and
 * the struct form are the caller's. `form` refers to names of the context, and so must not outlive
 * it. Messages have neither file nor line: the caller puts them in front.
 */
#ifndef SPECTRUM_TEXT_RECORD_FORM_H
#define SPECTRUM_TEXT_RECORD_FORM_H

#include "text/template/template.h"

/* --- what --columns says: which column of the files is which --- */

/* The KEYs of `columns` (enum column). */
#define COLUMN_KEYS                                                                                \
    "text, prompt, completion, instruction, input, output, messages, conversations, system, "      \
    "tools, documents, history, label, weight"
#define COLUMN_VALUES "as in prompt=question,completion=answer, of " COLUMN_KEYS

enum column {
    COLUMN_TEXT,
    COLUMN_PROMPT,
    COLUMN_COMPLETION,
    COLUMN_INSTRUCTION,
    COLUMN_INPUT,
    COLUMN_OUTPUT,
    COLUMN_MESSAGES,
    COLUMN_CONVERSATIONS,
    COLUMN_SYSTEM,    /* beside turns: stands in front of them */
    COLUMN_TOOLS,     /* beside turns: a list, or its JSON as a text */
    COLUMN_DOCUMENTS, /* beside turns: a list */
    COLUMN_HISTORY,   /* beside instruction: earlier turns, [[question, answer], ...] */
    COLUMN_LABEL,     /* KTO's: false is not to be learned */
    COLUMN_WEIGHT,    /* of the record in the loss, beside any form */
    COLUMN_COUNT
};

/* What each column is called in the files. Where --columns names one that says what a record is
 * (text to conversations), those of them that it leaves out are "", and are not looked for. Of the
 * others "" says that the column is not to be read. */
struct column_names {
    char *names[COLUMN_COUNT];
    bool named[COLUMN_COUNT]; /* by --columns */
    bool chosen;              /* one that says what a record is was */
};

/* `columns` is "prompt=question,completion=answer", or NULL or "" for the forms' own names. */
int column_names_parse(struct column_names *out, const char *columns, struct error *err);
void column_names_free(struct column_names *names);

/* What --columns calls it. */
const char *column_key(enum column which);

/* --- a record --- */

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

/* Appends the record's ids and weights to *out and says in *form what it is.
 *
 * A target's weight is the record's times its turn's. Both say it alike: "weight" or "loss_weight",
 * a number from 0 on, and "train" (Axolotl's; "training", too), which is true or false. A record of
 * which nothing is said counts 1, an assistant's turn 1, any other 0; with "train" true whoever's
 * turn it is counts. null is as if nothing was said, anything else is refused. */
int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                struct form *form, struct error *err);

/* The same for plain text: all of it is trained, and the eos after it. `parts` is 0, or
 * ENCODE_GOES_ON and ENCODE_UNENDED for a part of a long text. */
int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err);

/* Whether a column of the record that form_encode() gave `form` for has something in it that was
 * not read. `column` is a member of the record. */
bool form_unread(const struct form *form, const cJSON *column);

#endif
