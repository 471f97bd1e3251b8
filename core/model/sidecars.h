/* The files that stand beside a Hugging Face checkpoint's weights. */
#ifndef SPECTRUM_MODEL_SIDECARS_H
#define SPECTRUM_MODEL_SIDECARS_H

#include "base/error.h"

#include <stdbool.h>

/* Copies config.json, the tokenizer's files and the like, those that are there. Without `config`
 * all but config.json, which would make a model of a folder of adapters. */
int sidecars_copy(const char *from_folder, const char *to_folder, bool config, struct error *err);

/* Is it one of the files that sidecars_copy() makes in a folder? */
bool sidecars_have(const char *name);

/* Chat templates beside the default one are in a folder of their own: NAME.jinja. */
#define TEMPLATES_FOLDER "additional_chat_templates"

/* The first file of a folder of weights that is being written; whoever writes it holds its lock. */
#define EXPORT_UNFINISHED ".spectrum-unfinished"

/* Is all in the folder what an export or a run writes there: sidecars, weights, shards, their index,
 * adapters, the mark, temporary files of these, the folder of templates, and base/ with the same? */
bool sidecars_are_all(const char *folder);

/* Removes it: plain files, and those of that folder. */
void sidecars_clear(const char *folder);

#endif
