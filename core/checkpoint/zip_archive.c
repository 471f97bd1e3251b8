#include "checkpoint/zip_archive.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_MAX = 1 << 20,
    DIRECTORY_MAX = 1 << 28,
    NAME_MAX_BYTES = 1024,
    LOCAL_SIZE = 30, /* bytes of each record's fixed part */
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    COMMENT_MAX = 0xFFFF,
    ZIP64_EXTRA = 1, /* the kind of an extra field with 64-bit numbers */
};

static const unsigned char local_mark[4] = {'P', 'K', 3, 4}, central_mark[4] = {'P', 'K', 1, 2},
                           end_mark[4] = {'P', 'K', 5, 6}, end64_mark[4] = {'P', 'K', 6, 6},
                           locator_mark[4] = {'P', 'K', 6, 7};

/* What the end of the archive says of the directory. */
struct directory {
    uint64_t entries, bytes, offset;
};

static bool is_marked(const unsigned char *record, const unsigned char mark[4])
{
    return memcmp(record, mark, 4) == 0;
}

bool zip_begins(const struct checkpoint_file *file)
{
    unsigned char mark[4];
    return file->size >= sizeof mark && place_read_at(file, mark, sizeof mark, 0, NULL) == 0 &&
           is_marked(mark, local_mark);
}

static int damaged(const struct checkpoint_file *file, const char *what, struct error *err)
{
    return error_set(err, "%s: %s: it is damaged, or truncated; fetch it again", file->path, what);
}

/* --- the end --- */

/* The 64-bit record, where the locator before the end says that there is one. */
static int read_end64(struct directory *out, const struct checkpoint_file *file, uint64_t end,
                      struct error *err)
{
    unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
    if (end < LOCATOR_SIZE)
        return 0;
    if (place_read_at(file, locator, sizeof locator, end - LOCATOR_SIZE, err) != 0)
        return -1;
    if (!is_marked(locator, locator_mark))
        return 0;
    uint64_t at = load_u64(locator + 8);
    if (at > end - LOCATOR_SIZE || end - LOCATOR_SIZE - at < END64_SIZE)
        return damaged(file, "the end of its directory is not where it says", err);
    if (place_read_at(file, record, sizeof record, at, err) != 0)
        return -1;
    if (!is_marked(record, end64_mark))
        return damaged(file, "the end of its directory is not where it says", err);
    *out = (struct directory){load_u64(record + 32), load_u64(record + 40), load_u64(record + 48)};
    return 0;
}

/* The last record that could be the end: a comment may follow it. */
static int read_end(struct directory *out, const struct checkpoint_file *file, struct error *err)
{
    uint64_t most = END_SIZE + COMMENT_MAX, bytes = file->size < most ? file->size : most;
    unsigned char *tail = array_alloc((size_t)bytes + 1, 1, err);
    int status = -1;
    if (!tail || place_read_at(file, tail, (size_t)bytes, file->size - bytes, err) != 0)
        goto out;
    uint64_t at = bytes;
    bool found = false;
    while (!found && at-- >= END_SIZE) {
        const unsigned char *record = tail + at + 1 - END_SIZE;
        found = is_marked(record, end_mark) &&
                load_u16(record + 20) == bytes - (at + 1); /* the comment's length */
        if (found)
            *out = (struct directory){load_u16(record + 10), load_u32(record + 12),
                                      load_u32(record + 16)};
    }
    if (!found)
        damaged(file, "the directory at its end is missing", err);
    else
        status = read_end64(out, file, file->size - bytes + at + 1 - END_SIZE, err);
out:
    free(tail);
    return status;
}

/* --- entries --- */

/* The next of the 64-bit numbers of an entry, for a 32-bit one that is all ones. */
static bool take_wide(uint64_t *value, const unsigned char **wide, size_t *left)
{
    if (*value != 0xFFFFFFFFu)
        return true;
    if (*left < 8)
        return false;
    *value = load_u64(*wide);
    *wide += 8;
    *left -= 8;
    return true;
}

/* The field of 64-bit numbers among an entry's extra fields. */
static const unsigned char *find_wide(const unsigned char *extra, size_t length, size_t *size)
{
    *size = 0;
    while (length >= 4) {
        size_t field = load_u16(extra + 2);
        if (field > length - 4)
            return NULL;
        if (load_u16(extra) == ZIP64_EXTRA) {
            *size = field;
            return extra + 4;
        }
        extra += 4 + field;
        length -= 4 + field;
    }
    return NULL;
}

/* The data follow the local header, whose name and extra fields may have other lengths. */
static int find_data(struct zip_entry *entry, uint64_t header, const struct checkpoint_file *file,
                     struct error *err)
{
    unsigned char local[LOCAL_SIZE];
    if (header > file->size || file->size - header < LOCAL_SIZE)
        return damaged(file, "an entry lies outside of it", err);
    if (place_read_at(file, local, sizeof local, header, err) != 0)
        return -1;
    entry->offset = header + LOCAL_SIZE + load_u16(local + 26) + load_u16(local + 28);
    if (!is_marked(local, local_mark) || entry->offset > file->size ||
        entry->size > file->size - entry->offset)
        return damaged(file, "an entry lies outside of it", err);
    return 0;
}

/* One record of the directory. Sizes and place are 32 bits, and where all are ones, 64 bits in the
 * extra field, in this order. A packed or encrypted entry is noted: its bytes are not the
 * contents. */
static int read_entry(struct zip_archive *out, const unsigned char *record, size_t name_length,
                      size_t extra_length, const struct checkpoint_file *file, struct error *err)
{
    const unsigned char *name = record + CENTRAL_SIZE;
    uint64_t stored = load_u32(record + 20), size = load_u32(record + 24),
             header = load_u32(record + 42);
    unsigned flags = load_u16(record + 8), method = load_u16(record + 10);
    size_t left;
    const unsigned char *wide = find_wide(name + name_length, extra_length, &left);
    if (!take_wide(&size, &wide, &left) || !take_wide(&stored, &wide, &left) ||
        !take_wide(&header, &wide, &left))
        return damaged(file, "an entry has no size", err);
    if (name_length == 0 || name_length > NAME_MAX_BYTES || memchr(name, 0, name_length))
        return damaged(file, "an entry has no name that could be one", err);
    if (array_reserve((void **)&out->entries, &out->capacity, out->count + 1, sizeof *out->entries,
                      err) != 0)
        return -1;
    struct zip_entry *entry = &out->entries[out->count];
    *entry = (struct zip_entry){.name = strndup((const char *)name, name_length),
                                .size = stored,
                                .packed = flags & 1u || method != 0 || stored != size};
    if (!entry->name)
        return error_set(err, "not enough memory");
    out->count++;
    return find_data(entry, header, file, err);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct zip_entry *)a)->name, ((const struct zip_entry *)b)->name);
}

/* Sorted by name for find_entry(); two of one name are an error, as readers differ in which they
 * take. */
static int read_entries(struct zip_archive *out, const unsigned char *at, uint64_t bytes,
                        uint64_t count, const struct checkpoint_file *file, struct error *err)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes < CENTRAL_SIZE || !is_marked(at, central_mark))
            return damaged(file, "its directory ends too soon", err);
        size_t name = load_u16(at + 28), extra = load_u16(at + 30), comment = load_u16(at + 32);
        if (name + extra + comment > bytes - CENTRAL_SIZE)
            return damaged(file, "its directory ends too soon", err);
        if (read_entry(out, at, name, extra, file, err) != 0)
            return -1;
        at += CENTRAL_SIZE + name + extra + comment;
        bytes -= CENTRAL_SIZE + name + extra + comment;
    }
    if (out->count > 0)
        qsort(out->entries, out->count, sizeof *out->entries, compare_entries);
    for (size_t i = 1; i < out->count; i++)
        if (strcmp(out->entries[i - 1].name, out->entries[i].name) == 0)
            return error_set(err, "%s: its entry %s is there twice", file->path,
                             out->entries[i].name);
    return 0;
}

/* From the directory at the file's end, as every reader of zip does: what lies between entries is
 * not looked at. */
int zip_read(struct zip_archive *out, const struct checkpoint_file *file, struct error *err)
{
    struct directory directory;
    *out = (struct zip_archive){.count = 0};
    if (read_end(&directory, file, err) != 0)
        return -1;
    if (directory.entries > ENTRIES_MAX || directory.bytes > DIRECTORY_MAX ||
        directory.bytes > file->size || directory.offset > file->size - directory.bytes)
        return damaged(file, "its directory is larger than it can be", err);
    unsigned char *bytes = array_alloc((size_t)directory.bytes, 1, err);
    int status = -1;
    if (bytes && place_read_at(file, bytes, (size_t)directory.bytes, directory.offset, err) == 0)
        status = read_entries(out, bytes, directory.bytes, directory.entries, file, err);
    free(bytes);
    return status;
}

void zip_free(struct zip_archive *archive)
{
    for (size_t i = 0; i < archive->count; i++)
        free(archive->entries[i].name);
    free(archive->entries);
    *archive = (struct zip_archive){.count = 0};
}

const struct zip_entry *zip_find(const struct zip_archive *archive, const char *name)
{
    const struct zip_entry wanted = {.name = (char *)(uintptr_t)name};
    return archive->count == 0
               ? NULL
               : bsearch(&wanted, archive->entries, archive->count, sizeof wanted, compare_entries);
}
