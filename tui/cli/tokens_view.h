/* Tokens on standard output, for `spectrum tokens`: a line each or as JSON, and of data what the
 * model will see of it, as `train` reads it.
 *
 *         785  trained  "The"           id, whether it is trained, what it stands for
 *        6524  -        " capital"
 *
 * A document's first token is nobody's target, as nothing stands before it that could predict it;
 * so it is never shown as trained, whatever the mask says.
 */
#ifndef SPECTRUM_TUI_CLI_TOKENS_VIEW_H
#define SPECTRUM_TUI_CLI_TOKENS_VIEW_H

#include "base/json_writer.h"
#include "text/dataset/dataset.h"

enum tokens_columns {
    TOKENS_MASK = 1,    /* whether it is trained */
    TOKENS_WEIGHTS = 2, /* its weight, where some are neither 0 nor 1 */
    TOKENS_BOLD = 4     /* for a terminal: what is trained stands out */
};

/* Of each token its id, what `columns` (enum tokens_columns bits) ask for, and what it stands for;
 * documents apart by an empty line. */
void tokens_put_lines(struct buffer *out, const struct dataset *data, unsigned columns,
                      const struct tokenizer *tokenizer);

/* "9 of 10 tokens are trained on: the first has nothing before it". */
void tokens_put_count(struct buffer *out, const struct dataset *data);

/* Adds `"documents": [...], "tokens": N`, and of masked ones how many are trained. */
void tokens_put_json(struct json_writer *json, const struct dataset *data, bool masked,
                     const struct tokenizer *tokenizer);

/* Prints what is in some data. row 0: the whole in numbers, and the first record; else that record
 * alone. */
int tokens_data_print(const char *const *paths, size_t path_count,
                      const struct dataset_options *options, struct tokenizer *tokenizer,
                      uint64_t row, bool json, struct error *err);

#endif
