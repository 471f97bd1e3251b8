/* The first records of some data as the model will see them: enough for a look, however large the
 * data is. */
#ifndef SPECTRUM_TUI_SCREEN_DATA_LOOK_H
#define SPECTRUM_TUI_SCREEN_DATA_LOOK_H

#include "checkpoint/checkpoint.h"
#include "text/dataset/record_look.h"

struct data_look {
    struct tokenizer *tokenizer;
    struct record_look *records; /* at least one; those that are left out, too */
    size_t count, capacity;
    uint64_t tokens, supervised; /* of these records */
    size_t undesired, too_short; /* of these records: KTO's with label false; left out */
    bool cut;                    /* the data goes on */
    char marks[200]; /* of the template that are no tokens, to be shown; "": none, or they were
                        added */
};

/* `path` is a file or a folder. A .json array is one value and is read whole: one over 64 MiB is
 * refused. `add_tokens`: the template's marks are tokens, as in a run with --add-tokens. */
int data_look_read(struct data_look *look, const struct checkpoint *checkpoint, const char *path,
                   const struct dataset_options *options, bool add_tokens, struct error *err);
void data_look_free(struct data_look *look);

#endif
