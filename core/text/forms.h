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
    COLUMN_COUNT
};

/* What each column is called in the files; "" where --columns leaves it out. */
struct column_names {
    char *names[COLUMN_COUNT];
};

/* `columns` is "prompt=question,completion=answer", or NULL for the forms' own names. */
int column_names_parse(struct column_names *out, const char *columns, struct error *err);
void column_names_free(struct column_names *names);

struct form_context {
    const struct column_names *columns;
    const struct chat_template *chat;
    struct tokenizer *tokenizer;
};

/* Appends the record's ids and mask to *out. */
int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                struct error *err);

/* The same for plain text: all of it is trained, and the eos behind it. `parts` is 0, or
 * ENCODE_GOES_ON and ENCODE_UNENDED for a part of a long text. */
int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err);

/* A conversation in either JSON form, for whoever shows one. *out is an array of *count messages
 * whose contents are freed with conversation_free(). `system` stands in front where it is not empty
 * and the messages do not begin with a system message of their own. */
struct conversation {
    struct chat_message *messages;
    char **contents;
    size_t count;
};
int conversation_read(struct conversation *out, const cJSON *messages, const char *system,
                      struct error *err);
void conversation_free(struct conversation *conversation);

#endif
