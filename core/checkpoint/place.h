/* Where a checkpoint's bytes come from: files of this machine, or a place elsewhere that gives them out
 * by ranges, as a hub does (hub/remote.h). All readers ask here, so a model that is elsewhere has the
 * same tensors, notes and errors as a folder of the same files.
 *
 *     struct checkpoint_place -> its files by name -> struct byte_source, one a file -> ranges
 *
 * Of a place only headers and small documents are read whole; nothing of it is kept.
 */
#ifndef SPECTRUM_CHECKPOINT_PLACE_H
#define SPECTRUM_CHECKPOINT_PLACE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct byte_range {
    void *out;
    uint64_t offset;
    size_t count;
};

/* A file that is elsewhere. Thread-safe. */
struct byte_source {
    void *context;
    uint64_t size;
    /* Reads exactly these, in any order. */
    int (*read)(void *context, const struct byte_range *ranges, size_t count, struct error *err);
    /* Adds what tells this content from any other: what its owner names it by. */
    void (*put_identity)(void *context, struct hash *hash);
};

/* A folder of them, which outlives the checkpoint. */
struct checkpoint_place {
    void *context;
    const char *name;   /* "org/name": what messages and scans call it */
    char *const *files; /* their names */
    size_t count;
    int (*open)(void *context, struct byte_source *out, const char *file, struct error *err);
    /* A document of at most `most` bytes, whole. */
    int (*read)(void *context, struct buffer *out, const char *file, uint64_t most,
                struct error *err);
};

/* --- internal to core/checkpoint --- */

/* A place of NULL is this machine; elsewhere a path is the place's name, "/" and a file's. */

struct checkpoint_file {
    char *path;
    int fd;                    /* -1: it is elsewhere */
    struct byte_source source; /* there */
    uint64_t size;
};

/* file_find(). */
int place_find(const struct checkpoint_place *place, const char *path, struct error *err);

/* json_read_file(). */
cJSON *place_read_json(const struct checkpoint_place *place, const char *path, size_t most,
                       enum json_flags flags, struct error *err);

/* The files right in a folder, that of the place, whose names end so, sorted: newly allocated, each
 * name, too. Their number; -1. */
int place_list(const struct checkpoint_place *place, const char *folder, const char *ending,
               char ***names, struct error *err);
void place_list_free(char **names, int count);

/* Opens the file at out->path, which is set. */
int place_open(const struct checkpoint_place *place, struct checkpoint_file *out,
               struct error *err);
void place_close(struct checkpoint_file *file);

/* Reads exactly these bytes of it. Thread-safe. */
int place_read(const struct checkpoint_file *file, const struct byte_range *ranges, size_t count,
               struct error *err);
int place_read_at(const struct checkpoint_file *file, void *out, size_t count, uint64_t offset,
                  struct error *err);

/* Bytes that are best asked for at once. */
size_t place_piece(const struct checkpoint_file *file);

#endif
