/* How long a run would be, in steps and tokens, as far as that can be known without reading the
 * data.
 *
 *     --steps N    N steps of batch * accumulate rows of seq-len tokens each: exact
 *     --epochs E   tokens = E * sum over data of weight * bytes / 4, and steps as many
 *
 * By epochs it is the data's to say. Of files that are there a byte count gives a guess, four bytes
 * a token, which is what most tokenizers make of English text and code; it is marked as one. Of
 * folders and of packed files not even that is known. A probe counts (probe.h). */
#ifndef SPECTRUM_TUI_SESSION_RUN_LENGTH_H
#define SPECTRUM_TUI_SESSION_RUN_LENGTH_H

#include "job/training_options.h"

enum { GUESSED_BYTES_PER_TOKEN = 4 };

struct run_length {
    bool known, exact;
    double steps, tokens; /* an int64_t may be too small for what fields allow */
};

struct run_length run_length_of(const struct training_request *request);

/* "60 steps, 61,440 tokens in all", "about 70 steps, 72k tokens by the data's size", "1 epoch". */
void run_length_put(const struct run_length *length, double epochs, char *out, size_t size);

#endif
