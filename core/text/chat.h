/* A conversation as chat templates take it. */
#ifndef SPECTRUM_TEXT_CHAT_H
#define SPECTRUM_TEXT_CHAT_H

#include "base/json.h"

/* JSON as it stands in the record (parse it with JSON_KEEP_NUMBERS), the caller's
 * to free; `messages` is an array of objects with a "role" each. */
struct conversation {
    const cJSON *messages;
    const cJSON *tools, *documents; /* arrays, or NULL */
    const cJSON *variables;         /* an object of more variables of the template, or NULL */
    const double *weights;          /* [messages] of a turn's tokens in the loss; NULL: all 0 */
};

#endif
