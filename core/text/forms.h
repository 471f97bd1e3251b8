/* One JSON record of a data file to one tokenised document: which form it has, what is trained.
 *
 * A record is read as the tool that its form comes from reads it (docs/training.md has the table),
 * or is refused by name. What would change what the model sees is never left unread; other columns
 * are, and form_unread() says so of each.
 */
#ifndef SPECTRUM_TEXT_FORMS_H
#define SPECTRUM_TEXT_FORMS_H

#include "text/form_choice.h"

/* Appends the record's ids and weights to *out and says in *form what it is.
 *
 * A target's weight is the record's times its turn's. Both say it alike: "weight" or "loss_weight",
 * a number from 0 on, and "train" (Axolotl's; "training", too), which is true or false. A record of
 * which nothing is said counts 1, an assistant's turn 1, any other 0; with "train" true whoever's
 * turn it is counts. null is as if nothing was said, anything else is refused. */
int form_encode(const struct form_context *context, const cJSON *record, struct token_list *out,
                struct form *form, struct error *err);

/* The same for plain text: all of it is trained, and the eos after it. `parts` is 0, or
 * ENCODE_GOES_ON and ENCODE_UNENDED for a part of a long text. */
int form_encode_text(const struct form_context *context, const char *text, size_t length,
                     unsigned parts, struct token_list *out, struct error *err);

#endif
