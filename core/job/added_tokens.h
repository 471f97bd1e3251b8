/* Tokens that a run added to its model's vocabulary (--add-tokens): special tokens of the
 * tokenizer, rows of the embedding and of a head of its own.
 *
 * A run keeps them as an object of ids by their texts, job.json's "added_tokens"; whoever opens the
 * run adds them to the base once more: added_tokens_repeat() to the tokenizer, added_tokens_fit()
 * to the model. Where the embedding has rows beyond the tokenizer's size, as it has where that was
 * rounded up, new tokens take those; after them model_add_rows() makes new ones.
 */
#ifndef SPECTRUM_JOB_ADDED_TOKENS_H
#define SPECTRUM_JOB_ADDED_TOKENS_H

#include "model/model.h"
#include "text/tokenizer/tokenizer.h"

/* Adds texts, a JSON array, and returns what they came to; NULL: an error. */
cJSON *added_tokens_make(struct tokenizer *tokenizer, const cJSON *texts, struct error *err);

/* For whoever looks at texts without a run. `marks` becomes the chat template's marks that are not
 * tokens of this tokenizer (template_missing_marks()), fit to be shown, "" where there are none or
 * no template; with `add` they are tokens from now on, as in a run with --add-tokens. */
int added_tokens_look(struct tokenizer *tokenizer, const char *template_name, bool add, char *marks,
                      size_t size, struct error *err);

/* Adds those that a run has. An error, which begins with `where`, if one gets another id or they
 * are not such an object. NULL adds nothing; so in added_tokens_fit(). */
int added_tokens_repeat(const cJSON *added, struct tokenizer *tokenizer, const char *where,
                        struct error *err);

/* Gives the model rows for all of them. */
int added_tokens_fit(const cJSON *added, struct model *model, const char *where, struct error *err);

#endif
