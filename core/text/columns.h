/* What --columns says: which column of the files is which. */
#ifndef SPECTRUM_TEXT_COLUMNS_H
#define SPECTRUM_TEXT_COLUMNS_H

#include "base/error.h"

#include <stdbool.h>

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

#endif
