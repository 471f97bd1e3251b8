/* Tokenizers from the files of a model. */
#ifndef SPECTRUM_TEXT_TOKENIZER_OPEN_H
#define SPECTRUM_TEXT_TOKENIZER_OPEN_H

#include "checkpoint/checkpoint.h"
#include "text/tokenizer.h"

/* Opens `path`: a folder with tokenizer.json, or such a file itself. A missing
 * tokenizer_config.json is fine: there are then no eos and no template, unless the file says. */
int tokenizer_open(struct tokenizer **out, const char *path, struct error *err);

/* The tokenizer that belongs to a checkpoint: a GGUF file's own, else the folder's. */
int tokenizer_for_checkpoint(struct tokenizer **out, const struct checkpoint *checkpoint,
                             struct error *err);

#endif
