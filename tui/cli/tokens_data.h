/* `spectrum tokens MODEL --data PATH`: what the model will see of data, as `train` reads it. */
#ifndef SPECTRUM_TUI_CLI_TOKENS_DATA_H
#define SPECTRUM_TUI_CLI_TOKENS_DATA_H

#include "text/dataset/dataset.h"

/* row 0: the whole in numbers, and the first record; else that record alone. */
int tokens_data_print(const char *const *paths, size_t path_count,
                      const struct dataset_options *options, struct tokenizer *tokenizer,
                      uint64_t row, bool json, struct error *err);

#endif
