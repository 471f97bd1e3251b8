/* A record being read by its form: what forms.c, form_choice.c and conversation.c share. Internal
 * to core/text. */
#ifndef SPECTRUM_TEXT_FORM_READER_H
#define SPECTRUM_TEXT_FORM_READER_H

#include "text/forms.h"
#include "text/turns.h"

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

/* --- which form it has (form_choice.c) --- */

/* *out: COLUMN_TEXT, COLUMN_PROMPT, COLUMN_INSTRUCTION, COLUMN_MESSAGES or COLUMN_CONVERSATIONS.
 * Where no form is there, or two that say different things, an error that says what to do. */
int form_choose(const struct reader *reader, enum column *out, struct error *err);

/* Refuses what stands beside the form, was not read and would have to be. `turns`: the template
 * writes the record. */
int form_check_rest(const struct reader *reader, enum column form, bool turns, struct error *err);

/* --- turns (conversation.c) --- */

/* What stands beside turns and goes to the template with them. */
struct beside {
    cJSON *parsed, *wrapped; /* ours */
    const cJSON *tools, *documents, *variables;
};

/* `wrap`: tools that are bare functions become {"type": "function", "function": ...}. */
int beside_read(struct beside *out, struct reader *reader, bool wrap, struct error *err);
void beside_free(struct beside *beside);

/* Begins the turns with what the system column says, where `list`, which follows, has none. */
int conversation_system(struct turns *turns, struct reader *reader, const cJSON *list,
                        struct error *err);

/* Appends what the template makes of the turns, each with its weight times the record's. */
int conversation_encode(const struct turns *turns, const struct beside *beside,
                        struct reader *reader, struct token_list *out, struct error *err);

/* The same of a prompt of `count` turns and a completion: all behind the prompt is trained, as TRL
 * does, where no turn says itself how much it counts. */
int conversation_encode_completion(const struct turns *turns, size_t count,
                                   const struct beside *beside, struct reader *reader,
                                   struct token_list *out, struct error *err);

/* Gives `weight` to the tokens of the list from `begin` on that differ from the prompt's, the first
 * that does and all behind it. */
void conversation_weigh_behind(struct token_list *list, size_t begin,
                               const struct token_list *prompt, double weight);

#endif
