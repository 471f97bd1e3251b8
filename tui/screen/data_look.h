/* The first part of a data file, tokenised: enough for a look, however large the file is. */
#ifndef SPECTRUM_TUI_SCREEN_DATA_LOOK_H
#define SPECTRUM_TUI_SCREEN_DATA_LOOK_H

#include "text/dataset.h"

struct data_look {
    struct tokenizer *tokenizer;
    struct dataset data;
    bool cut; /* the file goes on */
};

/* A .json array is one value and cannot
 * be cut: one over 64 MB is refused. */
int data_look_read(struct data_look *look, const struct checkpoint *checkpoint, const char *path,
                   const struct dataset_options *options, struct error *err);
void data_look_free(struct data_look *look);

#endif
