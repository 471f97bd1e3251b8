/* What commands compute with, a model or a run, opened, and what they say of it and of its data on
 * standard error.
 *
 * `eval`, `generate` and `tokens` take either; of a run they take its last checkpoint, or the one
 * that --step or --best chooses, with the run's tokenizer and template (job/source.h).
 */
#ifndef SPECTRUM_TUI_CLI_SOURCE_VIEW_H
#define SPECTRUM_TUI_CLI_SOURCE_VIEW_H

#include "job/source.h"

/* Opens a model or a run with its tokenizer, says the model's notes, and refuses what cannot be
 * computed; the two are the caller's to close in any case, and begin as {0} and NULL. */
int source_view_open(struct source *source, struct tokenizer **tokenizer, const char *path,
                     const struct state_choice *choice, struct error *err);

/* Says it where texts of so many tokens go beyond the model's positions. */
void source_view_positions(const struct source *source, int64_t longest);

/* Says it where a template (of --template; NULL: the tokenizer's own) writes marks that are not
 * tokens; `remedy` is added to that. */
int source_view_marks(struct tokenizer *tokenizer, const char *template_name, const char *remedy,
                      struct error *err);

/* What is left out of some data, or is not as it stands there; `what` is "data" or "evaluation". */
void source_view_counts(const char *what, const struct piece_counts *counts, size_t too_short,
                        size_t undesired);

#endif
