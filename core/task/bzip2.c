/* libbz2's interface is as old as it is stable: its struct and its three functions are written down
 * here, so that building needs nothing of it. */
#include "task/bzip2.h"

#include "base/memory.h"
#include "base/sys.h"
#include "text/data/records.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* bz_stream of bzlib.h. */
struct bzip2_stream {
    char *next_in;
    unsigned avail_in, total_in_low, total_in_high;
    char *next_out;
    unsigned avail_out, total_out_low, total_out_high;
    void *state;
    void *(*allocate)(void *, int, int);
    void (*release)(void *, void *);
    void *opaque;
};

enum { BZIP2_OK = 0, BZIP2_STREAM_END = 4 };

struct bzip2_library {
    int (*begin)(struct bzip2_stream *stream, int verbosity, int small);
    int (*step)(struct bzip2_stream *stream);
    int (*end)(struct bzip2_stream *stream);
};

static int load(struct bzip2_library *library, const char *path, struct error *err)
{
    static const char *const names[] = {"BZ2_bzDecompressInit", "BZ2_bzDecompress",
                                        "BZ2_bzDecompressEnd"};
    void *opened = sys.dlopen("libbz2.so.1.0", RTLD_NOW | RTLD_LOCAL), *found[3];
    if (!opened)
        opened = sys.dlopen("libbz2.so.1", RTLD_NOW | RTLD_LOCAL);
    for (int i = 0; opened && i < 3; i++)
        if (!(found[i] = dlsym(opened, names[i])))
            opened = NULL;
    if (!opened)
        return error_set(
            err,
            "%s is packed by bzip2, which libbz2 unpacks, and that is not here; unpack "
            "it: bzip2 -dk '%s'",
            path, data_path_in_command(path));
    memcpy(&library->begin, &found[0], sizeof found[0]);
    memcpy(&library->step, &found[1], sizeof found[1]);
    memcpy(&library->end, &found[2], sizeof found[2]);
    return 0;
}

/* One stream; *at goes past it. */
static int unpack_stream(struct buffer *out, const struct bzip2_library *library,
                         const char *packed, size_t length, size_t *at, size_t cap,
                         const char *path, struct error *err)
{
    enum { PART = 1 << 18 };
    struct bzip2_stream stream = {.next_in = (char *)(uintptr_t)(packed + *at),
                                  .avail_in = (unsigned)(length - *at)};
    int code = library->begin(&stream, 0, 0);
    if (code != BZIP2_OK)
        return error_set(err, "not enough memory to read %s", path);
    while (code == BZIP2_OK) {
        if (array_reserve((void **)&out->data, &out->capacity, out->length + PART + 1, 1, err) != 0)
            break;
        stream.next_out = out->data + out->length;
        stream.avail_out = PART;
        code = library->step(&stream);
        out->length += PART - stream.avail_out;
        out->data[out->length] = '\0';
        if (out->length > cap || (stream.avail_out > 0 && stream.avail_in == 0))
            break;
    }
    *at = length - stream.avail_in;
    library->end(&stream);
    if (out->length > cap)
        return error_set(err, "%s: unpacks to over %zu bytes, which no evaluation set has", path,
                         cap);
    return code == BZIP2_STREAM_END
               ? 0
               : error_set(err, "%s: its bzip2 data is damaged or cut off; download it again",
                           path);
}

int bzip2_unpack(struct buffer *out, const char *packed, size_t length, size_t cap,
                 const char *path, struct error *err)
{
    struct bzip2_library library = {NULL, NULL, NULL};
    if (load(&library, path, err) != 0)
        return -1;
    for (size_t at = 0; at < length;)
        if (unpack_stream(out, &library, packed, length, &at, cap, path, err) != 0)
            return -1;
    return 0;
}
