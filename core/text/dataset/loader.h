/* Files to tokens: the way of dataset_load() and dataset_open(), the file that the tokens are kept
 * in, and the notes of what was seen. Internal to text/dataset.
 *
 *     data_files -> loader_run (loader.c) -> token_writer -> token_file_open (token_file.c)
 *                                         -> notes (notes.c)
 */
#ifndef SPECTRUM_TEXT_DATASET_LOADER_H
#define SPECTRUM_TEXT_DATASET_LOADER_H

#include "base/file_writer.h"
#include "text/data/data_files.h"
#include "text/data/records.h"
#include "text/dataset/dataset.h"
#include "text/record/form.h"

/* --- notes: names with a count and a first place, where files are known by their number --- */

/* Counts one more of `text`. A name that comes when 256 are there is not noted. */
int notes_add(struct dataset_notes *notes, const char *text, size_t file, size_t line,
              struct error *err);

/* Adds what has something in it and was not read: columns of the record that form_encode() gave
 * `form` for, and members of its turns ("messages[].thought"). */
int notes_add_unread(struct dataset_notes *notes, const struct form *form, const cJSON *record,
                     size_t file, size_t line, struct error *err);

/* Fills the paths. */
int notes_name_files(struct dataset_notes *notes, const struct data_files *files,
                     struct error *err);

/* As a list, and back; what was read is hostile. */
void notes_put(struct json_writer *json, const struct dataset_notes *notes);
int notes_get(struct dataset_notes *out, const cJSON *list, struct error *err);

/* --- tokens on disk: what a data set was tokenised to, larger than memory --- */

/*     ids      [tokens] int32
 *     weights  [tokens] float
 *     offsets  [documents + 1] uint64
 *     kinds    [documents] uint8, of enum document_kind
 *     ends     [sources] uint64, the document after each source's last
 *     notes    JSON: forms that were recognised, columns that were not read
 *     trailer  what follows is counted by it: sizes, the key, fingerprints (token_file.c)
 *
 * In this machine's byte order, which the trailer tells. It is written from front to back in
 * pieces; only the offsets are ever in memory. Read, it is hostile: everything in it is checked
 * against its fingerprint before it is used. It is read by positioned reads into small windows
 * rather than mapped: a mapped file that shrinks, or a disk that fails, kills the process with a
 * signal, a read says so; and what the system keeps of it is not counted as this process's memory.
 */
struct token_writer {
    struct file_writer file; /* ids, then everything */
    bool temporary;          /* it has no name and goes with its descriptor */
    int weights_fd;          /* their place until the ids are complete; without a name, too */
    struct hash *hash;
    uint64_t tokens;
    bool broken; /* a write failed: what was to be written is not to blame */
};

/* Begins the file that will appear at `path` (for its user alone: data may be private), or with
 * `temporary` one in the folder that `path` lies in, without a name. Abort or finish it. */
int token_writer_open(struct token_writer *writer, const char *path, bool temporary,
                      struct error *err);
int token_writer_put(struct token_writer *writer, const int32_t *ids, const float *weights,
                     size_t count, struct error *err);
void token_writer_abort(struct token_writer *writer);

/* Writes the rest: everything of `data` but ids and weights. Returns the descriptor of
 * a temporary file, else 0; -1. The writer is closed in any case. */
int token_writer_finish(struct token_writer *writer, const struct dataset *data, const char *key,
                        struct error *err);

/* Opens one that was made for `key`, checks all of it, and fills a data set with `source_count`
 * sources. With fd > 0 that is the file, and becomes the data set's; else it is opened by its path.
 * An error says what is wrong with it. */
int token_file_open(struct dataset *out, const char *path, int fd, const char *key,
                    size_t source_count, struct error *err);

/* --- files to tokens --- */

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
