/* Turns of a record, and what stands beside them, to tokens. Internal to core/text. */
#ifndef SPECTRUM_TEXT_CONVERSATION_H
#define SPECTRUM_TEXT_CONVERSATION_H

#include "text/form_choice.h"
#include "text/turns.h"

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
