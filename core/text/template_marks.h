/* The marks that a template writes around turns, and that a vocabulary may not have. */
#ifndef SPECTRUM_TEXT_TEMPLATE_MARKS_H
#define SPECTRUM_TEXT_TEMPLATE_MARKS_H

#include "text/template.h"

/* The marks ("<|im_start|>") that the template writes around turns, and with `of_tools` those
 * around calls and results of tools as well, that are no token of this vocabulary, each once, in
 * their order, as a JSON array of texts; free it with cJSON_Delete(). NULL: an error. "zephyr" has
 * none: its "<|user|>" is plain text in its own models, too. */
cJSON *template_missing_marks(struct chat_template *chat, const struct tokenizer *tokenizer,
                              bool of_tools, struct error *err);

/* Such a list as a message has it: "<|im_start|> and <|im_end|>", safe to show, cut at the size. */
void template_put_marks(char *out, size_t size, const cJSON *marks);

#endif
