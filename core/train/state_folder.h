/* The folders RUN/checkpoints/step-N: made whole, found, removed. Internal to core/train. */
#ifndef SPECTRUM_TRAIN_STATE_FOLDER_H
#define SPECTRUM_TRAIN_STATE_FOLDER_H

#include "base/error.h"

#include <stdint.h>

struct state_folder {
    char *parent;    /* RUN/checkpoints */
    char *path;      /* RUN/checkpoints/step-00000100 */
    char *temporary; /* where its files are written until commit */
};

int state_folder_begin(struct state_folder *folder, const char *run, int64_t step,
                       struct error *err);
int state_folder_commit(struct state_folder *folder, struct error *err); /* ends it in any case */
void state_folder_abort(struct state_folder *folder);

#endif
