/* Zip archives, as far as PyTorch's files need (PKWARE's APPNOTE.TXT, 6.3): entries that are stored as
 * they are, found by the central directory at the end, with 64-bit sizes.
 *
 *     local header, name, extra, data     for each entry
 *     central directory                   for each entry: name, sizes, where its local header is
 *     end of the 64-bit directory, its locator, end of the directory
 *
 * Nothing is unpacked: an entry is a range of the file. Every number is held against the file before
 * another is made of it. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_ZIP_ARCHIVE_H
#define SPECTRUM_CHECKPOINT_ZIP_ARCHIVE_H

#include "checkpoint/tensor_table.h"

struct zip_entry {
    char *name;
    uint64_t offset, size; /* of its data in the file */
    bool packed;           /* or encrypted: there is no reading it */
};

struct zip_archive {
    struct zip_entry *entries; /* in the order of their names */
    size_t count, capacity;
};

/* Is a file's beginning that of an archive? */
bool zip_begins(const struct checkpoint_file *file);

/* Reads the directory; zip_free() in any case. An entry that is there twice is an error. */
int zip_read(struct zip_archive *out, const struct checkpoint_file *file, struct error *err);
void zip_free(struct zip_archive *archive);

/* By its name; NULL: there is none. */
const struct zip_entry *zip_find(const struct zip_archive *archive, const char *name);

#endif
