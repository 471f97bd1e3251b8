/* Tokens on disk: what a data set was tokenised to, larger than memory. Internal to core/text.
 *
 *     ids      [tokens] int32
 *     weights  [tokens] float
 *     offsets  [documents + 1] uint64
 *     kinds    [documents] uint8, of enum document_kind
 *     ends     [sources] uint64, the document after each source's last
 *     notes    JSON: forms that were recognised, columns that were not read (notes.h)
 *     trailer  what follows is counted by it: sizes, the key, fingerprints (token_file.c)
 *
 * In this machine's byte order, which the trailer tells. It is written from front to back in
 * pieces; only the offsets are ever in memory. Read, it is hostile: everything in it is checked
 * against its fingerprint before it is used. It is read by positioned reads into small windows
 * rather than mapped: a mapped file that shrinks, or a disk that fails, kills the process with a
 * signal, a read says so; and what the system keeps of it is not counted as this process's memory.
 */
#ifndef SPECTRUM_TEXT_TOKEN_FILE_H
#define SPECTRUM_TEXT_TOKEN_FILE_H

#include "base/file_writer.h"
#include "text/dataset.h"

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

#endif
