/* Writing GGUF files, version 3; gguf.h has the layout.
 *
 *     gguf_put_text, ... -> gguf_writer_open -> gguf_writer_put ... -> gguf_writer_commit or _abort
 *
 * Keys come first, in their order, into a struct gguf_keys, which begins as {0} and is freed by
 * gguf_keys_free(); of the tensors the writer then takes values in fp32, one tensor after the
 * other, and stores them in each one's type. Like safetensors' writer it is atomic and streamed:
 * the file appears whole at commit, and at most 256 KiB of it are in memory.
 */
#ifndef SPECTRUM_CHECKPOINT_GGUF_WRITE_H
#define SPECTRUM_CHECKPOINT_GGUF_WRITE_H

#include "base/buffer.h"
#include "base/file_writer.h"
#include "checkpoint/tensor_info.h"

/* --- keys --- */

enum gguf_value { GGUF_U32 = 4, GGUF_I32 = 5, GGUF_F32 = 6, GGUF_BOOL = 7, GGUF_STRING = 8 };

struct gguf_keys {
    struct buffer bytes;
    uint64_t count;
};

void gguf_put_text(struct gguf_keys *keys, const char *key, const char *text);
void gguf_put_count(struct gguf_keys *keys, const char *key, uint32_t value);
void gguf_put_integer(struct gguf_keys *keys, const char *key, int32_t value);
void gguf_put_real(struct gguf_keys *keys, const char *key, double value); /* rounded to fp32 */
void gguf_put_flag(struct gguf_keys *keys, const char *key, bool value);

/* Begins an array of `count` elements, which are then added one by one. */
void gguf_put_list(struct gguf_keys *keys, const char *key, enum gguf_value of, uint64_t count);
void gguf_add_text(struct gguf_keys *keys, const char *text, size_t length);
void gguf_add_integer(struct gguf_keys *keys, int32_t value);
void gguf_add_real(struct gguf_keys *keys, float value);

void gguf_keys_free(struct gguf_keys *keys);

/* --- the file --- */

struct gguf_entry {
    const char *name;
    enum dtype dtype; /* F32, F16, BF16, or Q8_0, whose rows are whole blocks of 32 */
    int rank;         /* 1 or 2 */
    int64_t shape[2]; /* row-major, as everywhere; the file has the reverse */
};

/* Bytes of its tensors in the file. */
uint64_t gguf_data_bytes(const struct gguf_entry *entries, size_t count);

struct gguf_writer {
    struct file_writer file;
    const struct gguf_entry *entries; /* [count], borrowed */
    size_t count, at;                 /* entries[at] gets the next values */
    int64_t given;                    /* of that one's, so far */
    unsigned char *staging;
};

/* Writes the header, of a file that is new (file_writer_open_new()). On failure nothing is left
 * over. */
int gguf_writer_open(struct gguf_writer *writer, const char *path, const struct gguf_keys *keys,
                     const struct gguf_entry *entries, size_t count, struct error *err);

/* The next values of the current tensor, whole blocks of them; what a tensor lacks of the file's
 * alignment follows its last one.
 *
 *     F32    as they are         F16, BF16    to the nearest, of two the even one
 *     Q8_0   of 32 values x: d = max |x| / 127, in fp16; codes x / d, halves away from zero
 *
 * Q8_0 is ggml's reference (quantize_row_q8_0_ref) to the bit: it multiplies by 1 / d in fp32, and
 * d is rounded to fp16 after that. A number that would be an infinity in the file is refused. */
int gguf_writer_put(struct gguf_writer *writer, const float *values, int64_t count,
                    struct error *err);

/* Refuses a file whose tensors did not get all their values. Closes in any case. */
int gguf_writer_commit(struct gguf_writer *writer, struct error *err);
void gguf_writer_abort(struct gguf_writer *writer);

#endif
