/* Zip archives that tests write entry by entry: stored, without checksums, which nothing here reads. */
#ifndef SPECTRUM_TESTS_ZIP_DATA_H
#define SPECTRUM_TESTS_ZIP_DATA_H

#include "base/buffer.h"

#include <stdint.h>
#include <string.h>

struct zip_data {
    struct buffer file, directory;
    unsigned entries;
};

static inline void zip_number(struct buffer *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buffer_byte(out, (char)(value >> 8 * i & 0xFF));
}

static inline void zip_add(struct zip_data *zip, const char *name, const void *bytes, size_t size)
{
    size_t length = strlen(name), at = zip->file.length;
    buffer_append(&zip->file, "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
    zip_number(&zip->file, size, 4);
    zip_number(&zip->file, size, 4);
    zip_number(&zip->file, length, 2);
    zip_number(&zip->file, 0, 2);
    buffer_append(&zip->file, name, length);
    buffer_append(&zip->file, bytes, size);
    buffer_append(&zip->directory, "PK\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    zip_number(&zip->directory, size, 4);
    zip_number(&zip->directory, size, 4);
    zip_number(&zip->directory, length, 2);
    for (int i = 0; i < 3; i++)
        zip_number(&zip->directory, 0, 4);
    zip_number(&zip->directory, at, 4);
    buffer_append(&zip->directory, name, length);
    zip->entries++;
}

/* The directory and its end; zip->file is the archive then. */
static inline void zip_end(struct zip_data *zip)
{
    size_t at = zip->file.length;
    buffer_append(&zip->file, zip->directory.data, zip->directory.length);
    buffer_append(&zip->file, "PK\5\6\0\0\0\0", 8);
    zip_number(&zip->file, zip->entries, 2);
    zip_number(&zip->file, zip->entries, 2);
    zip_number(&zip->file, zip->directory.length, 4);
    zip_number(&zip->file, at, 4);
    zip_number(&zip->file, 0, 2);
    buffer_free(&zip->directory);
}

#endif
