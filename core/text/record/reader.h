/* A record being read: its columns, which form they make, its turns, and how much each counts.
 * Internal to text/record.
 *
 *     form_encode (forms.c): weights.c -> form_choose (choice.c) -> columns.c, turns.c
 *                            -> conversation.c -> the chat template
 *
 * A reader lies on the stack of form_encode(), for one record. Turns and what stands beside them
 * refer to the record's own JSON as far as they can, so the record must outlive them; each is freed
 * by its own function, also after an error.
 */
#ifndef SPECTRUM_TEXT_RECORD_READER_H
#define SPECTRUM_TEXT_RECORD_READER_H

#include "text/record/form.h"

struct reader {
    const struct form_context *context;
    const cJSON *record; /* an object */
    struct form *form;
    double weight; /* of the record: 0 where it is not to be learned */
    bool weighed;  /* it says so itself */
};

/* --- columns (columns.c) --- */

/* Is a text the JSON of nothing: null, [] or {}, or blank? */
bool column_is_empty_json(const char *text);

/* What a column is called in the data, for messages: its name, or its key where it has none. */
const char *column_name(const struct reader *reader, enum column which);

/* A column that is there, or NULL. column_raw() gives it also where it is null; column_take()
 * counts it as read, null or not. */
const cJSON *column_raw(const struct reader *reader, enum column which);
const cJSON *column_look(const struct reader *reader, enum column which);
const cJSON *column_take(struct reader *reader, enum column which);
void column_read(struct reader *reader, const char *name);

/* A column of text. Absent or null: *out stays where it is not NULL, else an error. */
int column_text(struct reader *reader, enum column which, const char **out, struct error *err);

/* The error of a record that lacks a column, with what there is and a --columns that would help. */
int column_lacks(const struct reader *reader, enum column which, struct error *err);

/* --columns names a part of a form, `part`, and so the rest is not looked for: that error. */
int column_refuse_part(const struct reader *reader, struct error *err);

/* Appends the names of a record's columns, at most about 400 bytes: `"id", "text"`. */
void column_put_names(const cJSON *record, struct buffer *names);

/* --- how much it counts (weights.c) --- */

/* What the record says of its own weight, its KTO label (TRL's and ms-swift's, or LLaMA-Factory's
 * "kto_tag"). */
int reader_read_weight(struct reader *reader, struct error *err);
int reader_read_label(struct reader *reader, enum column form, struct error *err);

/* A turn's weight by its own members. `speaks`: it is an assistant's; `otherwise`: whether it
 * trains where it does not say it itself; *says becomes true where it does. */
int turn_weight(const cJSON *turn, bool speaks, bool otherwise, double *out, bool *says,
                struct error *err);

/* Of a weight, and of the product of a record's and a turn's: sums of the smallest and the largest
 * that are let pass stay in the range of fp32, in which gradients are added up. */
bool turn_is_weight(double value);

/* --- which form it has (choice.c) --- */

/* *out: COLUMN_TEXT, COLUMN_PROMPT, COLUMN_INSTRUCTION, COLUMN_MESSAGES or COLUMN_CONVERSATIONS.
 * Where no form is there, or two that say different things, an error that says what to do. */
int form_choose(const struct reader *reader, enum column *out, struct error *err);

/* Refuses what stands beside the form, was not read and would have to be. `turns`: the template
 * writes the record. */
int form_check_rest(const struct reader *reader, enum column form, bool turns, struct error *err);

/* --- turns, as chat templates take them (turns.c) --- */

/* Something of a turn that only a template could read. */
struct turn_member {
    char name[128];  /* "messages[].thought": may be cut in a letter, after 80 bytes */
    const char *key; /* the record's; NULL: what templates get has it no more */
};
enum { TURN_MEMBERS_MAX = 32 };

struct turns {
    cJSON *messages; /* an array; what it has from the record it only refers to */
    double *weights; /* [count], a turn's own, without the record's */
    size_t count, capacity;
    bool weighed;                                 /* some turn says itself how much it counts */
    struct turn_member members[TURN_MEMBERS_MAX]; /* each once */
    size_t member_count;
};

int turns_begin(struct turns *out, struct error *err);
void turns_free(struct turns *turns);

/* Appends one of our own. */
int turns_add(struct turns *turns, const char *role, const char *content, double weight,
              struct error *err);

/* Appends those of a list of the record. `name` is the list's, for messages; `single`: one turn
 * that stands alone is a list of one; `trains`: an assistant's turns that do not say it themselves
 * count. The record must outlive them. */
int turns_read(struct turns *turns, const cJSON *list, const char *name, bool single, bool trains,
               struct error *err);

/* What columns and members with pictures or sounds are called; NULL ends it. */
extern const char *const turn_media[];

/* The role of a list's first turn, as templates call it, or "". */
const char *turns_first_role(const cJSON *list);

/* --- turns to tokens (conversation.c) --- */

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

/* The same of a prompt of `count` turns and a completion: all after the prompt is trained, as TRL
 * does, where no turn says itself how much it counts. */
int conversation_encode_completion(const struct turns *turns, size_t count,
                                   const struct beside *beside, struct reader *reader,
                                   struct token_list *out, struct error *err);

/* Gives `weight` to the tokens of the list from `begin` on that differ from the prompt's, the first
 * that does and all after it. */
void conversation_weigh_after(struct token_list *list, size_t begin,
                              const struct token_list *prompt, double weight);

#endif
