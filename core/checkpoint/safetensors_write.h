/* Writing safetensors files: atomic, streamed in the order of the entries. */
#ifndef SPECTRUM_CHECKPOINT_SAFETENSORS_WRITE_H
#define SPECTRUM_CHECKPOINT_SAFETENSORS_WRITE_H

#include "base/file_writer.h"
#include "base/hash.h"
#include "checkpoint/dtype.h"

/* What is read, here and by the format's own library, and so what is written: bytes of a header,
 * and the tensors that it names. */
enum { SAFETENSORS_HEADER_MAX = 100 * 1000 * 1000, SAFETENSORS_ENTRIES_MAX = 500000 };

struct safetensors_entry {
    const char *name;
    enum dtype dtype; /* a plain type: F64, F32, F16, BF16 */
    int rank;         /* 1 or 2 */
    int64_t shape[2];
};

struct safetensors_writer {
    struct file_writer file;
    struct digest *digest;      /* gets all bytes of the file; NULL: none. Borrowed */
    uint64_t expected, written; /* bytes of data */
};

/* Writes the header. `metadata` is key, value, key, value, ..., NULL; or NULL for none. One
 * that no reader takes is refused. On failure nothing is left over. */
int safetensors_writer_open(struct safetensors_writer *writer, const char *path,
                            const struct safetensors_entry *entries, size_t count,
                            const char *const *metadata, struct error *err);

/* The same where a user names the file: file_writer_open_output(). */
int safetensors_writer_open_output(struct safetensors_writer *writer, const char *path,
                                   const struct safetensors_entry *entries, size_t count,
                                   const char *const *metadata, struct error *err);

/* The first, and `digest` becomes that of the whole file. */
int safetensors_writer_open_digested(struct safetensors_writer *writer, const char *path,
                                     const struct safetensors_entry *entries, size_t count,
                                     const char *const *metadata, struct digest *digest,
                                     struct error *err);

/* The next bytes of data, little-endian; the tensors follow one another in any pieces. */
int safetensors_writer_put(struct safetensors_writer *writer, const void *data, size_t bytes,
                           struct error *err);

/* Refuses a file that got more or fewer bytes than its header says. Closes in any case. */
int safetensors_writer_commit(struct safetensors_writer *writer, struct error *err);
void safetensors_writer_abort(struct safetensors_writer *writer);

#endif
