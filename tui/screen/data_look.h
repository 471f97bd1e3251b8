/* The first records of some data as the model will see them: enough for a look, however large the
 * data is. */
#ifndef SPECTRUM_TUI_SCREEN_DATA_LOOK_H
#define SPECTRUM_TUI_SCREEN_DATA_LOOK_H

#include "text/record_look.h"

struct data_look {
    struct tokenizer *tokenizer;
    struct record_look *records; /* at least one; those that are left out, too */
    size_t count, capacity;
    uint64_t tokens, supervised; /* of these records */
    bool cut;                    /* the data goes on */
};

/* `path` is a file or a folder. A .json array is one value and is read whole: one over 64 MB is
 * refused. */
int data_look_read(struct data_look *look, const struct checkpoint *checkpoint, const char *path,
                   const struct dataset_options *options, struct error *err);
void data_look_free(struct data_look *look);

#endif
