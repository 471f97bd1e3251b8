/* GGUF files that tests write byte by byte: header, metadata, tensor table, data. */
#ifndef SPECTRUM_TESTS_GGUF_DATA_H
#define SPECTRUM_TESTS_GGUF_DATA_H

#include "checkpoint_data.h"

enum { GGUF_U8 = 0, GGUF_U16 = 2, GGUF_STRING = 8, GGUF_ARRAY = 9 };

static inline void gguf_number(struct buffer *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buffer_byte(out, (char)(value >> 8 * i & 0xFF));
}

static inline void gguf_string(struct buffer *out, const char *text, size_t length)
{
    gguf_number(out, length, 8);
    buffer_append(out, text, length);
}

static inline void gguf_begin(struct buffer *out, uint64_t tensors, uint64_t keys)
{
    buffer_append(out, "GGUF", 4);
    gguf_number(out, 3, 4);
    gguf_number(out, tensors, 8);
    gguf_number(out, keys, 8);
}

static inline void gguf_key(struct buffer *out, const char *key, uint32_t type)
{
    gguf_string(out, key, strlen(key));
    gguf_number(out, type, 4);
}

/* A tensor of `rows` times `cols` at the start of the data. */
static inline void gguf_tensor(struct buffer *out, const char *name, size_t length, uint32_t type,
                               uint64_t rows, uint64_t cols)
{
    gguf_string(out, name, length);
    gguf_number(out, 2, 4);
    gguf_number(out, cols, 8);
    gguf_number(out, rows, 8);
    gguf_number(out, type, 4);
    gguf_number(out, 0, 8);
}

/* Ends the table with some data; opens the file as data_open() does. */
static inline struct checkpoint *gguf_open(struct buffer *out, const char *says)
{
    char *folder = data_folder(), *path = path_join(folder, "test.gguf", NULL);
    while (out->length % 32 != 0)
        buffer_byte(out, 0);
    for (int i = 0; i < 4096; i++)
        buffer_byte(out, 0);
    data_file(folder, "test.gguf", out->data, out->length);
    struct checkpoint *checkpoint = data_open(path, says);
    buffer_free(out);
    free(path);
    data_folder_remove(folder);
    return checkpoint;
}

#endif
