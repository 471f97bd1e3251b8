/* Token ids, each with how much it counts as a target; and the stretches of a text that say so. */
#ifndef SPECTRUM_TEXT_TOKEN_LIST_H
#define SPECTRUM_TEXT_TOKEN_LIST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Token ids with the weights of their losses beside them. Starts as {0}; reused lists keep their
 * memory. */
struct token_list {
    int32_t *ids;
    float
        *weights; /* of the span given to tokenizer_encode_spans() that the token overlaps, or 0 */
    size_t count, capacity, weight_capacity;
};
void token_list_free(struct token_list *list);

/* Appends one id. */
int token_list_add(struct token_list *list, int32_t id, float weight, struct error *err);

/* A range of bytes of a text, and how much each of its tokens counts as a target. */
struct text_span {
    size_t begin, end;
    float weight; /* above 0 */
};

#endif
