/* safetensors files (huggingface/safetensors, README.md, "Format"), read and written:
 *
 *     bytes     0 .. 7    N, the length of the header: u64, little-endian
 *               8 ..      the header: JSON, N bytes, which spaces may pad
 *                         {"__metadata__": {"format": "pt"},
 *                          "model.norm.weight": {"dtype": "F32", "shape": [576],
 *                                                "data_offsets": [0, 2304]}, ...}
 *           8 + N ..      the data: each tensor's bytes, row-major, little-endian, at its offsets
 *
 * The header must describe the data exactly: no gaps, no overlaps, nothing after the last tensor.
 * Both sides keep to that and to the format's own bounds.
 *
 * A model may be in several such files, its shards, and an index that names them:
 *
 *     {"metadata": {...},
 *      "weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors", ...}}
 *
 * transformers takes from the index which files there are, and reads all that is in them, in the
 * order of their names. So do we, and say where the index and the files disagree.
 */
#ifndef SPECTRUM_CHECKPOINT_SAFETENSORS_H
#define SPECTRUM_CHECKPOINT_SAFETENSORS_H

#include "base/file_writer.h"
#include "base/hash.h"
#include "checkpoint/tensor_info.h"

/* What is read, here and by the format's own library, and so what is written: bytes of a header,
 * and the tensors that it names. */
enum { SAFETENSORS_HEADER_MAX = 100 * 1000 * 1000, SAFETENSORS_ENTRIES_MAX = 500000 };

/* --- writing: atomic, streamed in the order of the entries ---
 *
 *     safetensors_writer_open -> safetensors_writer_put ... -> safetensors_writer_commit or _abort
 */

struct safetensors_entry {
    const char *name;
    enum dtype dtype; /* a plain type: F64, F32, F16, BF16, U8, I32, I64 */
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

/* --- reading; internal to core/checkpoint --- */

struct checkpoint;

/* Adds a file to the checkpoint, and what its header lists to the tensor table. */
int safetensors_open(struct checkpoint *checkpoint, const char *path, struct error *err);

/* Opens the shards that the index at a path names, by `opener`, and fills the table; what is
 * surprising goes to the checkpoint's notes. */
typedef int shard_opener(struct checkpoint *checkpoint, const char *path, struct error *err);
int shards_open(struct checkpoint *checkpoint, const char *index_path, shard_opener *opener,
                struct error *err);

#endif
