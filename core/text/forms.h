/* One JSON record of a data file to one tokenised document: which form it is, what is trained. */
#ifndef SPECTRUM_TEXT_FORMS_H
#define SPECTRUM_TEXT_FORMS_H

#include "base/json.h"
#include "text/template.h"

enum column {
    COLUMN_TEXT,
    COLUMN_PROMPT,
    COLUMN_COMPLETION,
    COLUMN_INSTRUCTION,
    COLUMN_INPUT,
    COLUMN_OUTPUT,
    COLUMN_MESSAGES,
    COLUMN_CONVERSATIONS,
    COLUMN_SYSTEM, /* beside conversations, as in LLaMA-Factory's files */
    COLUMN_WEIGHT, /* of the record in the loss, beside any form */
    COLUMN_COUNT
};

/* What each column is called in the files. Where --columns names one that says what a record is
 * (all but system and weight), those that it leaves out are "", and are not looked for. */
struct column_names {
    char *names[COLUMN_COUNT];
};

/* `columns` is "prompt=question,completion=answer", or NULL or "" for the forms' own names. */
int column_names_parse(struct column_names *out, const char *columns, struct error *err);
void column_names_free(struct column_names *names);

struct form_context {
    const struct column_names *columns;
    struct chat_template *chat;
    struct tokenizer *tokenizer;
};

/* Appends the record's ids and weights to *out. *prompted: it has a prompt or turns, without which
 * what follows them is not to be trained.
 *
 * A target's weight is the record's times its turn's. Both say it alike: "weight" or "loss_weight",
 * a number from 0 on, and "train" (Axolotl's; "training", too), which is true or false. A record of
 * which nothing is said counts 1, an assistant's turn 1, any other 0; with "train" true whoever's
 * turn it is counts. null is as if nothing was said, anything else is refused. */
int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                bool *prompted, struct error *err);

/* The same for plain text: all of it is trained, and the eos behind it. `parts` is 0, or
 * ENCODE_GOES_ON and ENCODE_UNENDED for a part of a long text. */
int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err);

#endif
