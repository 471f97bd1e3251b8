/* Files to tokens: the way of dataset_load() and dataset_open(). Internal to core/text. */
#ifndef SPECTRUM_TEXT_LOADER_H
#define SPECTRUM_TEXT_LOADER_H

#include "text/data_files.h"
#include "text/dataset.h"
#include "text/dataset_options.h"
#include "text/forms.h"
#include "text/record_parse.h"
#include "text/token_file.h"

/* Tokenises the files into a data set without ids and weights: those are left in *tokens, or with a
 * writer go there piece by piece. *tokens is the caller's to free in any case. */
int loader_run(struct dataset *out, struct token_list *tokens, struct token_writer *writer,
               const struct data_files *files, size_t source_count,
               const struct dataset_options *options, struct tokenizer *tokenizer,
               const struct dataset_watch *watch, struct error *err);

/* Appends the tokens of a .txt's document, or of its part. */
int loader_encode_text(const struct form_context *forms, const struct record *record,
                       struct token_list *out, struct error *err);

/* What is said of a loaded data set beside the tokens: the paths of its notes, and a --template
 * that wrote nothing of it. */
int loader_finish(struct dataset *data, const struct data_files *files,
                  const struct dataset_options *options, struct error *err);

#endif
