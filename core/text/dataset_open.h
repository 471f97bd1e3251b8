/* Files of the forms that docs/training.md describes to a data set.
 *
 * A path is a file, or a folder: then all .txt, .jsonl and .json in it and below, in the byte order
 * of their paths. dataset_load() keeps the tokens in memory. dataset_open() is for data of any
 * size: it tokenises once, into a file of the user's cache folder that the same data, tokenizer and
 * options find again, and reads from there.
 *
 * Forms, told apart by file name and by each object's keys: .txt (documents separated by a mark,
 * else the whole file), .jsonl and .json arrays of texts, and of the records that TRL, Axolotl and
 * LLaMA-Factory know (docs/training.md has the table, forms.h the way of one record). Plain text
 * trains on every token; prompts and completions on the completion, conversations on the
 * assistant's turns; all as much as their weights say. A document begins with bos where the
 * tokenizer puts one, and ends with eos (conversations: with what their template ends with).
 * Documents of fewer than two tokens are left out, and counted.
 */
#ifndef SPECTRUM_TEXT_DATASET_OPEN_H
#define SPECTRUM_TEXT_DATASET_OPEN_H

#include "text/columns.h"
#include "text/dataset.h"
#include "text/dataset_options.h"
#include "text/template.h"
#include "text/tokenizer.h"

/* 0 where `columns` (see dataset_options) can be understood, else ERROR_USAGE. */
int dataset_check_columns(const char *columns, struct error *err);

/* Reads and tokenises the files, in their order. Errors name file and line; data without a single
 * supervised token is an error. *out needs dataset_free() only after success. */
int dataset_load(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 struct error *err);

/* The same with the tokens on disk: no more of ids and weights is in memory at once than of a
 * few documents, 9 bytes a document stay. They are found again under the content of the files, the
 * tokenizer, the template and the options, in "$XDG_CACHE_HOME/spectrum/data", and are all checked
 * first; what is damaged there is made again. Where that folder cannot be written, a file without a
 * name in $TMPDIR (or /var/tmp) serves until dataset_free(). */
int dataset_open(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 const struct dataset_watch *watch, struct error *err);

#endif
