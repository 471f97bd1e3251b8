/* The files of a data set: those that were named, and of a folder all .txt, .jsonl and .json in it
 * and below, packed ones too, in the byte order of their paths. A link to a file counts as one; a
 * link to a folder inside a folder is passed over, so that no loop is followed.
 *
 * As Hugging Face's `datasets` has it, what is hidden (".cache", "._train.jsonl") or in a folder
 * "__..." is not data, nor are the files that describe a data set (dataset_info.json and the like).
 * What that library would read and we do not, a Parquet file for one, refuses the folder; so does
 * one that has parts for training and for testing, by the words in the names of its files and
 * folders: which of them are meant must be said. */
#ifndef SPECTRUM_TEXT_DATA_DATA_FILES_H
#define SPECTRUM_TEXT_DATA_DATA_FILES_H

#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct data_file {
    char *path;
    size_t source;             /* index of the named path that it comes from */
    char hash[HASH_TEXT_SIZE]; /* of its bytes; "" before data_files_hash() */
    struct stat seen;          /* when they were read */
};

struct data_files {
    struct data_file *items;
    size_t count, capacity;
    char *passed_over; /* a table beside them in a folder, which is not read; NULL: there is none */
};

/* Free it in any case. No path at all, and a folder without a data file, or with what makes it
 * unclear which files are meant, are errors. */
int data_files_list(struct data_files *out, const char *const *paths, size_t path_count,
                    struct error *err);
void data_files_free(struct data_files *files);

/* Whether a file or a folder can be data, by names and first bytes alone: the error is the one that
 * reading it would give. For checks while a path is typed: a folder of very many files is let pass.
 */
int data_files_look(const char *path, struct error *err);

/* Reads every file for its fingerprint. `stop` (may be NULL) is asked now and then; where it says
 * so, the error is ERROR_INTERRUPTED. */
int data_files_hash(struct data_files *files, bool (*stop)(void *context), void *context,
                    struct error *err);

/* An error where a file is not the one any more that was read for its fingerprint. */
int data_files_check(const struct data_files *files, struct error *err);

/* What a named path held: a file's own fingerprint, or one of a folder's files in their order. */
int data_files_source_hash(const struct data_files *files, size_t source, char out[HASH_TEXT_SIZE],
                           struct error *err);

uint64_t data_files_bytes(const struct data_files *files); /* of those that were hashed */

#endif
