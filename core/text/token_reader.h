/* Where the tokens of a data set are read from, once their file was checked (token_file.h): a
 * descriptor and where in it they lie. Internal to core/text. */
#ifndef SPECTRUM_TEXT_TOKEN_READER_H
#define SPECTRUM_TEXT_TOKEN_READER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids from the file's beginning on, then as many weights. token_file_open() makes one. */
struct token_reader {
    int fd;
    char *path; /* for messages */
    uint64_t tokens;
    int32_t largest_id;
};

/* Ids and weights of `count` tokens. What was checked once is checked again for what would do harm:
 * an id that is no row of the model, a weight that is no number. */
int token_reader_read(const struct token_reader *file, uint64_t from, size_t count, int32_t *ids,
                      float *weights, struct error *err);

/* NULL is fine. */
void token_reader_close(struct token_reader *file);

/* A weight that is not finite, or below 0, would spoil every loss. */
bool token_weights_fit(const float *weights, size_t count);

#endif
