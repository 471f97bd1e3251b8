/* The files that stand beside a Hugging Face checkpoint's weights. */
#ifndef SPECTRUM_MODEL_COMPANIONS_H
#define SPECTRUM_MODEL_COMPANIONS_H

#include "base/error.h"

/* Copies config.json, the tokenizer's files and the like, those that are there. */
int companions_copy(const char *from_folder, const char *to_folder, struct error *err);

#endif
